package codec

import "fmt"

// AppendRows appends all rows of the block. An error is ErrInvalid and says what is wrong with the block; dst is then returned as it was.
func AppendRows(dst []byte, f Format, b *Block) ([]byte, error) {
	return AppendRange(dst, f, b, 0, len(b.Times))
}

// AppendRange appends the rows from ≤ i < to, as a packet of their own: what is too large for one record is written in parts. A column that has no value in them stays a
// column.
func AppendRange(dst []byte, f Format, b *Block, from, to int) ([]byte, error) {
	if err := check(b, from, to); err != nil {
		return dst, err
	}
	var out []byte
	var err error
	switch f {
	case JSON:
		out, err = appendJSON(dst, b, from, to)
	case Binary:
		out, err = appendBinary(dst, b, from, to)
	default:
		err = invalid(writeRows, "there is no format %v", f)
	}
	if err != nil {
		return dst, err
	}
	return out, nil
}

// DecodeRows reads the value of a packet of rows. It uses the memory of into again: once into has its size, nothing is allocated but for what stands escaped in JSON: texts
// with escapes, and bytes. Column names have memory of their own; texts and bytes point into value where they can, so value must not be changed, and stays in memory,
// as long as the block is used (Clone ends that); bytes must not be written to. The memory that is taken is in proportion to len(value), whatever it claims. After an error
// into is empty.
func DecodeRows(f Format, value []byte, into *Block) error {
	var err error
	switch f {
	case JSON:
		err = decodeJSON(value, into)
	case Binary:
		err = decodeBinary(value, into)
	default:
		err = &Error{Op: "read rows", Reason: ErrUnknown, Detail: fmt.Sprintf("there is no format %v", f)}
	}
	if err != nil {
		into.Reset()
	}
	return err
}

const writeRows = "write rows"

// check says what is wrong with the block but for its texts, which are looked at when they are written.
func check(b *Block, from, to int) error {
	n := len(b.Times)
	switch {
	case n == 0:
		return invalid(writeRows, "the block has no rows")
	case from < 0 || to > n || from >= to:
		return invalid(writeRows, "there are no rows from %d to %d in a block of %d", from, to, n)
	case to-from > MaxRows:
		return invalid(writeRows, "%d rows are too many, the limit is %d", to-from, MaxRows)
	case len(b.Columns) > MaxColumns:
		return invalid(writeRows, "%d columns are too many, the limit is %d", len(b.Columns), MaxColumns)
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		if p := columnProblem(c, n); p != "" {
			return in(invalid(writeRows, "%s", p), c)
		}
	}
	if i := repeated(b.Columns); i >= 0 {
		return in(invalid(writeRows, "another column has the same kind and name"), &b.Columns[i])
	}
	return nil
}

func columnProblem(c *Column, n int) string {
	if p := nameProblem(c.Name); p != "" {
		return p
	}
	values, others := 0, 0
	switch c.Kind {
	case Number:
		values, others = len(c.Numbers), len(c.Texts)+len(c.Bytes)
	case Text, Tag:
		values, others = len(c.Texts), len(c.Numbers)+len(c.Bytes)
	case Bytes:
		values, others = len(c.Bytes), len(c.Numbers)+len(c.Texts)
	default:
		return "there is no such kind of column"
	}
	switch {
	case values != n:
		return fmt.Sprintf("%d values for %d rows", values, n)
	case others != 0:
		return "there are values of another kind"
	case len(c.Present) != 0 && len(c.Present) != (n+7)/8:
		return fmt.Sprintf("Present has %d bytes for %d rows, not %d", len(c.Present), n, (n+7)/8)
	}
	return ""
}

// full says whether the rows from ≤ i < to of a column all have a value.
func (c *Column) full(from, to int) bool {
	if len(c.Present) == 0 {
		return true
	}
	for ; from < to && from%8 != 0; from++ {
		if !c.Has(from) {
			return false
		}
	}
	for ; from+8 <= to; from += 8 {
		if c.Present[from/8] != 0xff {
			return false
		}
	}
	for ; from < to; from++ {
		if !c.Has(from) {
			return false
		}
	}
	return true
}
