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
		opened := false
		for i := range b.Columns {
			c := &b.Columns[i]
			if c.Kind != kind {
				continue
			}
			if opened {
				dst = append(dst, ',')
			} else {
				dst = append(dst, `,"`...)
				dst = append(dst, rowMembers[1+kind]...)
				dst = append(dst, `":{`...)
			}
			opened = true
			dst = appendString(dst, c.Name)
			dst = append(dst, `:[`...)
			var ok bool
			if dst, ok = appendValues(dst, c, from, to); !ok {
				return nil, textError(c, from, to)
			}
		}
		if opened {
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
				c.Kind = ColumnKind(i - 1)
				if p := nameProblem(textOf(name)); p != "" {
					return s.fail(at, "%v column %.300q: %s", c.Kind, name, p)
				}
				c.Name = interned(name, c.Name)
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
	more, err := s.first()
	for ; more && err == nil; more, err = s.more(']') {
		if s.next(); len(times) == MaxRows {
			return s.fail(s.at, "there are more than %d rows", MaxRows)
		}
		t, next, problem := readInteger(s.b, s.at)
		if problem != "" {
			return s.fail(s.at, "%s", problem)
		}
		s.at = next
		times = append(times, t)
	}
	into.Times = times
	return err
}

// column reads the array of a column's values.
func (s *scanner) column(c *Column) (err error) {
	c.Present = c.Present[:0]
	c.Numbers = c.Numbers[:0]
	if c.Kind != Bytes {
		c.Bytes = resized(c.Bytes, 0)
	}
	if c.Kind != Text && c.Kind != Tag {
		c.Texts = resized(c.Texts, 0)
	}
	switch c.Kind {
	case Number:
		return s.numbers(c)
	case Bytes:
		c.Bytes, err = values(s, c, c.Bytes, s.base64)
	default:
		c.Texts, err = values(s, c, c.Texts, s.text)
	}
	return err
}

// numbers reads the array of a column of numbers.
func (s *scanner) numbers(c *Column) error {
	numbers := c.Numbers
	more, err := s.first()
	for ; more && err == nil; more, err = s.more(']') {
		if s.next(); len(numbers) == MaxRows {
			return s.fail(s.at, "there are more than %d rows", MaxRows)
		}
		f, next, problem := readNumber(s.b, s.at)
		has := true
		if problem == "" {
			s.at = next
		} else if f, has, err = s.otherNumber(problem); err != nil {
			return err
		}
		if !has || len(c.Present) != 0 {
			c.mark(len(numbers), has)
		}
		numbers = append(numbers, f)
	}
	c.Numbers = numbers
	return err
}

// otherNumber reads what stands for a number where there are no digits: a text, or null for no value.
func (s *scanner) otherNumber(problem string) (f float64, has bool, err error) {
	switch {
	case s.at == len(s.b):
		return 0, false, s.unexpected("a number")
	case s.b[s.at] == 'n':
		return 0, false, s.literal("null")
	case s.b[s.at] == '"':
		f, err = s.textNumber()
		return f, true, err
	}
	return 0, false, s.fail(s.at, "%s", problem)
}

// values reads the array of a column of texts or bytes into the memory that it had. After an error it is empty.
func values[T any](s *scanner, c *Column, memory []T, read func() (T, error)) ([]T, error) {
	all := memory[:0]
	more, err := s.first()
	for more && err == nil {
		if s.next(); len(all) == MaxRows {
			err = s.fail(s.at, "there are more than %d rows", MaxRows)
			break
		}
		var v T
		has := s.at == len(s.b) || s.b[s.at] != 'n'
		if has {
			v, err = read()
		} else {
			err = s.literal("null")
		}
		if err != nil {
			break
		}
		if !has || len(c.Present) != 0 {
			c.mark(len(all), has)
		}
		all = append(all, v)
		more, err = s.more(']')
	}
	if err != nil {
		clear(all)
		clear(memory[:cap(memory)])
		return memory[:0], err
	}
	if n := len(all); n < len(memory) {
		clear(memory[n:])
	}
	return all, nil
}

// mark says whether row i has a value, after all rows before. It is called from the first row on that has none.
func (c *Column) mark(i int, has bool) {
	if len(c.Present) == 0 {
		for range i / 8 {
			c.Present = append(c.Present, 0xff)
		}
		c.Present = append(c.Present, 1<<(i%8)-1)
		return
	}
	if i%8 == 0 {
		c.Present = append(c.Present, 0)
	}
	if has {
		c.Present[i/8] |= 1 << (i % 8)
	}
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
