package codec

import "slices"

// Bounds of what is written and read.
const (
	MaxRows    = 1 << 20
	MaxColumns = 1 << 16
	MaxName    = 255 // bytes of a column's, a tag's or an event's name
)

// ColumnKind is what a column's values are.
type ColumnKind uint8

// The kinds of columns, in the order in which JSON has them.
const (
	Number ColumnKind = iota
	Text
	Bytes
	Tag
)

// String returns the kind as definitions name it.
func (k ColumnKind) String() string { return nameOf(columnKinds[:], int(k), "ColumnKind") }

var columnKinds = [...]string{Number: "number", Text: "text", Bytes: "bytes", Tag: "tag"}

// Block is rows in columns: row i has the time Times[i], and of each column value i where it has one.
//
// DecodeRows uses all memory that a Block has again, also that of columns behind the end of Columns. So a column that is moved must be swapped, never copied: two columns
// with the same memory would overwrite each other.
type Block struct {
	Times   []int64 // nanoseconds since 1970-01-01 UTC
	Columns []Column
}

// Column is one value, or nothing, for each row. Of Numbers, Texts and Bytes the one of its kind is as long as Block.Times, the others are empty; tags are in
// Texts. Where a row has no value they hold 0, "" and nil in a decoded block, and anything in one that is written.
type Column struct {
	Kind    ColumnKind
	Name    string
	Present []byte // bit i%8 of byte i/8 is 1 where row i has a value; empty, nil or not, when all rows have one
	Numbers []float64
	Texts   []string
	Bytes   [][]byte
}

// Has says whether row i has a value.
func (c *Column) Has(i int) bool { return len(c.Present) == 0 || c.Present[i/8]&(1<<(i%8)) != 0 }

// Reset empties the block. It keeps its memory for the next rows, and holds on to no text or bytes.
func (b *Block) Reset() {
	b.Times = b.Times[:0]
	b.cut(0)
}

// Clone returns a copy that shares no memory with the block, nor with the value from which it was decoded.
func (b *Block) Clone() *Block {
	n := &Block{Times: slices.Clone(b.Times), Columns: slices.Clone(b.Columns)}
	size := 0
	for i := range b.Columns {
		c := &b.Columns[i]
		size += len(c.Name)
		for _, s := range c.Texts {
			size += len(s)
		}
		for _, s := range c.Bytes {
			size += len(s)
		}
	}
	all := make([]byte, 0, size) // every text and every bytes of the copy, one behind the other
	for i := range n.Columns {
		c := &n.Columns[i]
		all = append(all, c.Name...)
		c.Name = textOf(all[len(all)-len(c.Name):])
		c.Present = slices.Clone(c.Present)
		c.Numbers = slices.Clone(c.Numbers)
		c.Texts = slices.Clone(c.Texts)
		for j, s := range c.Texts {
			all = append(all, s...)
			c.Texts[j] = textOf(all[len(all)-len(s):])
		}
		c.Bytes = slices.Clone(c.Bytes)
		for j, s := range c.Bytes {
			if s != nil {
				all = append(all, s...)
				c.Bytes[j] = all[len(all)-len(s) : len(all) : len(all)]
			}
		}
	}
	return n
}

// cut empties the columns from the nth on and takes them away.
func (b *Block) cut(n int) {
	for i := n; i < len(b.Columns); i++ {
		b.Columns[i].empty()
	}
	b.Columns = b.Columns[:n]
}

// empty takes all values away and keeps the name, which the next packet has too, as a rule.
func (c *Column) empty() {
	c.Present = c.Present[:0]
	c.Numbers = c.Numbers[:0]
	c.Texts = resized(c.Texts, 0)
	c.Bytes = resized(c.Bytes, 0)
}
