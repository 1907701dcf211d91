package bobbin

import (
	"github.com/bobbinstream/bobbin/internal/codec"
)

// builder collects rows into a block. It keeps its memory from block to block, as long as the blocks are about as large as it.
type builder struct {
	times   []int64
	columns []column // by handle; the first of a block has rows 0
	used    []int    // the handles that have values in this block, in the order of their first one
	bytes   int      // about what the block takes
	arena   []byte   // the bytes of columns of bytes
	block   codec.Block

	kept, recent int // the largest block that the memory was for, and how large blocks have been of late
}

// keepAlways is the size of blocks up to which a builder keeps its memory whatever comes after them.
const keepAlways = 32 << 10

// column is one column of a builder.
type column struct {
	codec.Column
	rows   int // that it has, values and gaps
	bitmap []byte
}

// begin starts a row; what is added next belongs to it.
func (b *builder) begin(t int64) {
	b.times = append(b.times, t)
	b.bytes += 2
}

// at returns the column of a handle, ready for values from a row on. Values that these rows have already are replaced.
func (b *builder) at(row, h int, names *columns) *column {
	for h >= len(b.columns) {
		n := names.list[len(b.columns)]
		b.columns = append(b.columns, column{Column: codec.Column{Kind: n.kind, Name: n.name}})
	}
	c := &b.columns[h]
	switch {
	case c.rows == 0:
		b.used = append(b.used, h)
		b.bytes += len(c.Name) + 3
	case c.rows > row:
		c.cut(row)
	}
	c.gap(row)
	return c
}

// took says that rows were given values from row on.
func (c *column) took(row, n int) {
	c.rows = row + n
	if c.Present != nil {
		for i := row; i < row+n; i++ {
			c.mark(i)
		}
	}
}

// gap fills the column up to row with rows that have no value.
func (c *column) gap(row int) {
	if c.rows >= row {
		return
	}
	if c.Present == nil {
		c.Present = c.bitmap[:0]
		for i := range c.rows {
			c.mark(i)
		}
	}
	n := row - c.rows
	switch c.Kind {
	case codec.Number:
		c.Numbers = append(c.Numbers, make([]float64, n)...)
	case codec.Bytes:
		c.Bytes = append(c.Bytes, make([][]byte, n)...)
	default:
		c.Texts = append(c.Texts, make([]string, n)...)
	}
	c.rows = row
	for len(c.Present)*8 < row {
		c.Present = append(c.Present, 0)
	}
}

// mark says that row i has a value.
func (c *column) mark(i int) {
	for len(c.Present)*8 <= i {
		c.Present = append(c.Present, 0)
	}
	c.Present[i/8] |= 1 << (i % 8)
}

// cut takes back the value of the last row.
func (c *column) cut(row int) {
	c.rows = row
	switch c.Kind {
	case codec.Number:
		c.Numbers = c.Numbers[:row]
	case codec.Bytes:
		c.Bytes = c.Bytes[:row]
	default:
		c.Texts = c.Texts[:row]
	}
}

// number, text and data give the row that was begun last a value.
func (b *builder) number(h int, names *columns, v float64) {
	row := len(b.times) - 1
	if h < len(b.columns) { // the usual way, without a call
		if c := &b.columns[h]; c.rows == row && row > 0 && c.Present == nil {
			c.Numbers = append(c.Numbers, v)
			c.rows++
			b.bytes += 8
			return
		}
	}
	c := b.at(row, h, names)
	c.Numbers = append(c.Numbers, v)
	c.took(row, 1)
	b.bytes += 8
}

func (b *builder) text(h int, names *columns, v string) { b.textAt(len(b.times)-1, h, names, v) }
func (b *builder) data(h int, names *columns, v []byte) { b.dataAt(len(b.times)-1, h, names, v) }

// numbersAt gives rows from one on a number each.
func (b *builder) numbersAt(row, h int, names *columns, v []float64) {
	c := b.at(row, h, names)
	c.Numbers = append(c.Numbers, v...)
	c.took(row, len(v))
	b.bytes += 8 * len(v)
}

func (b *builder) textAt(row, h int, names *columns, v string) {
	c := b.at(row, h, names)
	c.Texts = append(c.Texts, v)
	c.took(row, 1)
	b.bytes += len(v) + 1
}

func (b *builder) dataAt(row, h int, names *columns, v []byte) {
	c, at := b.at(row, h, names), len(b.arena)
	b.arena = append(b.arena, v...) // the caller keeps its own
	c.Bytes = append(c.Bytes, b.arena[at:len(b.arena):len(b.arena)])
	c.took(row, 1)
	b.bytes += len(v) + 1
}

// finish returns the block, every column as long as the times. It is valid until reset.
func (b *builder) finish() *codec.Block {
	b.block.Times, b.block.Columns = b.times, b.block.Columns[:0]
	for _, h := range b.used {
		c := &b.columns[h]
		c.gap(len(b.times))
		b.block.Columns = append(b.block.Columns, c.Column)
	}
	return &b.block
}

// reset forgets the rows. It keeps the memory, unless that is for blocks four times as large as those of late.
func (b *builder) reset() {
	b.kept, b.recent = max(b.kept, b.bytes), max(b.bytes, b.recent-b.recent/8)
	b.times, b.arena, b.bytes = b.times[:0], b.arena[:0], 0
	for _, h := range b.used {
		c := &b.columns[h]
		if c.Present != nil {
			c.bitmap = c.Present
		}
		clear(c.Bytes)
		clear(c.Texts)
		c.rows, c.Present, c.Numbers, c.Texts, c.Bytes = 0, nil, c.Numbers[:0], c.Texts[:0], c.Bytes[:0]
	}
	b.used = b.used[:0]
	clear(b.block.Columns)
	b.block.Times = nil
	if b.kept > keepAlways && b.recent < b.kept/4 {
		b.release()
	}
}

// release lets go of the memory of a builder without rows.
func (b *builder) release() {
	b.times, b.arena, b.kept = nil, nil, 0
	for i := range b.columns {
		c := &b.columns[i]
		c.bitmap, c.Numbers, c.Texts, c.Bytes = nil, nil, nil, nil
	}
}
