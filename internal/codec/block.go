package codec

// Bounds of what is written and read.
const (
	MaxRows    = 1 << 20
	MaxColumns = 1 << 16
	MaxName    = 255 // bytes of a column's or an event's name
)

// ColumnKind is what a column's values are.
type ColumnKind uint8

// The kinds of columns.
const (
	Number ColumnKind = iota
	Text
	Bytes
	Tag
)

// Block is rows in columns: row i has the time Times[i], and of each column value i where it has one.
type Block struct {
	Times   []int64 // nanoseconds since 1970-01-01 UTC
	Columns []Column
}

// Column is one value, or nothing, for each row. Of Numbers, Texts and Bytes the one of its kind is as long as Block.Times; tags are in Texts.
type Column struct {
	Kind    ColumnKind
	Name    string
	Present []byte // bit i%8 of byte i/8 is 1 where row i has a value; nil when all rows have one
	Numbers []float64
	Texts   []string
	Bytes   [][]byte
}

// Has says whether row i has a value.
func (c *Column) Has(i int) bool { return c.Present == nil || c.Present[i/8]&(1<<(i%8)) != 0 }
