package codec

import (
	"encoding/base64"
	"slices"
	"strconv"
	"unicode/utf8"
)

// rowMembers are the members of a packet of rows: the times, then the columns of each kind.
var rowMembers = []string{"times", "numbers", "texts", "bytes", "tags"}

func appendJSON(dst []byte, b *Block, from, to int) ([]byte, error) {
	dst = append(dst, `{"times":[`...)
	for _, t := range b.Times[from:to] {
		dst = strconv.AppendInt(dst, t, 10)
		dst = append(dst, ',')
	}
	dst[len(dst)-1] = ']'
	for kind := Number; kind <= Tag; kind++ {
		any := false
		for i := range b.Columns {
			c := &b.Columns[i]
			if c.Kind != kind {
				continue
			}
			if any {
				dst = append(dst, ',')
			} else {
				dst = append(dst, `,"`...)
				dst = append(dst, rowMembers[1+kind]...)
				dst = append(dst, `":{`...)
			}
			any = true
			dst = appendString(dst, c.Name)
			dst = append(dst, `:[`...)
			var ok bool
			if dst, ok = appendValues(dst, c, from, to); !ok {
				return nil, textError(c, from, to)
			}
		}
		if any {
			dst = append(dst, '}')
		}
	}
	return append(dst, '}'), nil
}

// appendValues appends the values of a column and the end of its array. It says whether all texts are UTF-8.
func appendValues(dst []byte, c *Column, from, to int) (out []byte, ok bool) {
	full := c.full(from, to)
	for i := from; i < to; i++ {
		switch {
		case !full && !c.Has(i):
			dst = append(dst, "null"...)
		case c.Kind == Number:
			dst = appendNumber(dst, c.Numbers[i])
		case c.Kind == Bytes:
			dst = append(dst, '"')
			dst = base64.StdEncoding.AppendEncode(dst, c.Bytes[i])
			dst = append(dst, '"')
		default:
			if !utf8.ValidString(c.Texts[i]) {
				return dst, false
			}
			dst = appendString(dst, c.Texts[i])
		}
		dst = append(dst, ',')
	}
	dst[len(dst)-1] = ']'
	return dst, true
}

func decodeJSON(value []byte, into *Block) error {
	s := scanner{op: "read json rows", b: value}
	into.Times = into.Times[:0]
	old := len(into.Columns)
	columns := into.Columns[:cap(into.Columns)] // all that have memory
	n, hasTimes := 0, false
	err := s.document(func() error {
		return s.members(rowMembers, func(i int) (err error) {
			if i == 0 {
				hasTimes = true
				return s.times(into)
			}
			return s.object(func(name []byte, at int) error {
				if n == MaxColumns {
					return s.fail(at, "there are more than %d columns", MaxColumns)
				}
				if n == len(columns) {
					columns = slices.Grow(columns, 1)
					columns = columns[:cap(columns)]
				}
				c := &columns[n]
				n++
				into.Columns = columns[:max(n, old)]
				c.Kind, c.Name = ColumnKind(i-1), interned(name, c.Name)
				if p := nameProblem(c.Name); p != "" {
					return in(s.fail(at, "%s", p), c)
				}
				if err := s.column(c); err != nil {
					return in(err, c)
				}
				return nil
			})
		})
	})
	if err != nil {
		return err
	}
	if len(into.Times) == 0 {
		if hasTimes {
			return s.fail(0, "there are no rows")
		}
		return s.fail(0, "there are no times")
	}
	into.cut(n)
	for i := range into.Columns {
		c := &into.Columns[i]
		if k := len(c.Numbers) + len(c.Texts) + len(c.Bytes); k != len(into.Times) {
			return in(s.fail(0, "%d values for %d rows", k, len(into.Times)), c)
		}
	}
	if i := repeated(into.Columns); i >= 0 {
		return in(s.fail(0, "another column has the same kind and name"), &into.Columns[i])
	}
	return nil
}

// times reads the array of times.
func (s *scanner) times(into *Block) error {
	times := into.Times[:0]
	err := s.array(func() error {
		if len(times) == MaxRows {
			return s.fail(s.at, "there are more than %d rows", MaxRows)
		}
		t, err := s.integer()
		times = append(times, t)
		return err
	})
	into.Times = times
	return err
}

// column reads the array of a column's values.
func (s *scanner) column(c *Column) error {
	c.Present = c.Present[:0]
	c.Numbers = c.Numbers[:0]
	switch c.Kind {
	case Number:
		c.Texts, c.Bytes = resized(c.Texts, 0), resized(c.Bytes, 0)
		return s.numbers(c)
	case Bytes:
		c.Texts = resized(c.Texts, 0)
		return values(s, c, &c.Bytes, s.base64)
	}
	c.Bytes = resized(c.Bytes, 0)
	return values(s, c, &c.Texts, s.text)
}

// row is called for the value of each row: it makes the bitmap when the first value is missing, and keeps it from then on.
func (s *scanner) row(c *Column, i int, has bool) error {
	if i == MaxRows {
		return s.fail(s.at, "there are more than %d rows", MaxRows)
	}
	if len(c.Present) == 0 {
		if has {
			return nil
		}
		for range i / 8 {
			c.Present = append(c.Present, 0xff)
		}
		c.Present = append(c.Present, 1<<(i%8)-1)
		return nil
	}
	if i%8 == 0 {
		c.Present = append(c.Present, 0)
	}
	if has {
		c.Present[i/8] |= 1 << (i % 8)
	}
	return nil
}

// null passes over a null, and says whether there was one.
func (s *scanner) null() (bool, error) {
	if s.at < len(s.b) && s.b[s.at] == 'n' {
		return true, s.literal("null")
	}
	return false, nil
}

func (s *scanner) numbers(c *Column) error {
	numbers := c.Numbers
	err := s.array(func() error {
		null, err := s.null()
		if err != nil {
			return err
		}
		if err := s.row(c, len(numbers), !null); err != nil {
			return err
		}
		var f float64
		if !null {
			f, err = s.number()
		}
		numbers = append(numbers, f)
		return err
	})
	c.Numbers = numbers
	return err
}

// values reads texts or bytes into the memory of a column.
func values[T any](s *scanner, c *Column, into *[]T, read func() (T, error)) error {
	old := len(*into)
	all := (*into)[:0]
	err := s.array(func() error {
		null, err := s.null()
		if err != nil {
			return err
		}
		if err := s.row(c, len(all), !null); err != nil {
			return err
		}
		var v T
		if !null {
			v, err = read()
		}
		all = append(all, v)
		return err
	})
	if n := len(all); n < old {
		clear(all[n:min(old, cap(all))])
	}
	*into = all
	return err
}

// base64 reads bytes.
func (s *scanner) base64() ([]byte, error) {
	start := s.at
	v, err := s.value()
	if err != nil {
		return nil, err
	}
	for _, c := range v {
		if c == '\n' || c == '\r' { // which the decoder passes over
			return nil, s.fail(start, "bytes are not in base64")
		}
	}
	s.reserve(base64.StdEncoding.DecodedLen(len(v)))
	n, err := strict.Decode(s.arena, v)
	if err != nil {
		return nil, s.fail(start, "bytes are not in base64 as RFC 4648 has it, with padding: %v", err)
	}
	return s.taken(n), nil
}

var strict = base64.StdEncoding.Strict()
