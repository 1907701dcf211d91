package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// gaps is added to the kind of a column when a bitmap follows.
const gaps = 0x80

func appendBinary(dst []byte, b *Block, from, to int) ([]byte, error) {
	n := to - from
	dst = slices.Grow(dst, 2*binary.MaxVarintLen64+n*binary.MaxVarintLen64)
	dst = binary.AppendUvarint(dst, uint64(n))
	dst = binary.AppendUvarint(dst, uint64(len(b.Columns)))
	var last int64
	for _, t := range b.Times[from:to] {
		dst = binary.AppendVarint(dst, t-last)
		last = t
	}
	for i := range b.Columns {
		c := &b.Columns[i]
		full := c.full(from, to)
		head := byte(c.Kind)
		if !full {
			head |= gaps
		}
		dst = append(dst, head)
		dst = binary.AppendUvarint(dst, uint64(len(c.Name)))
		dst = append(dst, c.Name...)
		if !full {
			dst = appendBitmap(dst, c, from, to)
		}
		ok := true
		switch c.Kind {
		case Number:
			dst = appendNumbers(dst, c, from, to, full)
		case Text, Tag:
			dst, ok = appendTexts(dst, c, from, to, full)
		case Bytes:
			dst = appendBytes(dst, c, from, to, full)
		}
		if !ok {
			return nil, textError(c, from, to)
		}
	}
	return dst, nil
}

// textError says which text of a column is not UTF-8.
func textError(c *Column, from, to int) error {
	for i := from; i < to; i++ {
		if c.Has(i) && !utf8.ValidString(c.Texts[i]) {
			return in(invalid(writeRows, "the text of row %d is not UTF-8; use bytes for what is no text", i), c)
		}
	}
	return in(invalid(writeRows, "a text is not UTF-8"), c)
}

func appendBitmap(dst []byte, c *Column, from, to int) []byte {
	bits := c.Present[from/8 : (to+7)/8]
	size := (to - from + 7) / 8
	start := len(dst)
	if shift := from % 8; shift == 0 {
		dst = append(dst, bits[:size]...)
	} else {
		for i := range size {
			v := bits[i] >> shift
			if i+1 < len(bits) {
				v |= bits[i+1] << (8 - shift)
			}
			dst = append(dst, v)
		}
	}
	if rest := (to - from) % 8; rest != 0 {
		dst[start+size-1] &= 1<<rest - 1
	}
	return dst
}

func appendNumbers(dst []byte, c *Column, from, to int, full bool) []byte {
	start := len(dst)
	dst = append(dst, memoryOf(c.Numbers[from:to])...)
	out := dst[start:]
	if !littleEndian {
		turn(out)
	}
	if !full {
		for i := range to - from {
			if !c.Has(from + i) {
				clear(out[8*i : 8*i+8])
			}
		}
	}
	return dst
}

// appendTexts says whether all of them are UTF-8.
func appendTexts(dst []byte, c *Column, from, to int, full bool) ([]byte, bool) {
	texts := c.Texts[from:to]
	dst = slices.Grow(dst, 2*len(texts))
	for i, s := range texts {
		n := len(s)
		if !full && !c.Has(from+i) {
			n = 0
		}
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	start := len(dst)
	ok := true
	for i, s := range texts {
		if len(s) == 0 || !full && !c.Has(from+i) {
			continue
		}
		ok = ok && utf8.RuneStart(s[0])
		dst = append(dst, s...)
	}
	// When all of them together are UTF-8, and none begins within a character, each is.
	return dst, ok && utf8.Valid(dst[start:])
}

func appendBytes(dst []byte, c *Column, from, to int, full bool) []byte {
	values := c.Bytes[from:to]
	for i, s := range values {
		n := len(s)
		if !full && !c.Has(from+i) {
			n = 0
		}
		dst = binary.AppendUvarint(dst, uint64(n))
	}
	for i, s := range values {
		if full || c.Has(from+i) {
			dst = append(dst, s...)
		}
	}
	return dst
}

// reader reads the fields of binary packets.
type reader struct {
	op string
	b  []byte
	at int
}

func (r *reader) fail(at int, format string, args ...any) error {
	return &Error{Op: r.op, Reason: ErrBroken, Offset: at, Detail: fmt.Sprintf(format, args...)}
}

// uvarint reads a number; what names it in the error.
func (r *reader) uvarint(what string) (uint64, error) {
	v, next := readUvarint(r.b, r.at)
	if next < 0 {
		return 0, r.fail(r.at, "%s is cut short, or does not fit 64 bits", what)
	}
	r.at = next
	return v, nil
}

// take reads a length and as many bytes.
func (r *reader) take(what string, most int) ([]byte, error) {
	start := r.at
	n, next := readUvarint(r.b, start)
	if next < 0 {
		return nil, r.fail(start, "the length of %s is cut short, or does not fit 64 bits", what)
	}
	r.at = next
	if n > uint64(most) {
		return nil, r.fail(start, "%s has %d bytes, the limit is %d", what, n, most)
	}
	if n > uint64(len(r.b)-r.at) {
		return nil, r.fail(start, "%s has %d bytes, and only %d are left", what, n, len(r.b)-r.at)
	}
	v := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return v, nil
}

// readUvarint gives the place behind the number, or -1 when b ends before it does or when it does not fit 64 bits.
func readUvarint(b []byte, at int) (uint64, int) {
	if uint(at) < uint(len(b)) && b[at] < 0x80 {
		return uint64(b[at]), at + 1
	}
	return longUvarint(b, at)
}

func longUvarint(b []byte, at int) (v uint64, next int) {
	for shift := 0; shift < 70 && at < len(b); shift += 7 {
		c := b[at]
		at++
		if shift == 63 && c > 1 {
			return 0, -1
		}
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, at
		}
	}
	return 0, -1
}

// wideUvarint is readUvarint for numbers that take several bytes, as a rule: it reads eight at once.
func wideUvarint(b []byte, at int) (uint64, int) {
	if len(b)-at < 8 {
		return readUvarint(b, at)
	}
	x := binary.LittleEndian.Uint64(b[at:])
	last := ^x & highs
	if last == 0 {
		return readUvarint(b, at)
	}
	x &= last ^ (last - 1)                             // up to the highest bit of the first byte that ends a number
	x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1 // groups of 7 bits become groups of 14,
	x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2 // of 28,
	x = x&0x000000000fffffff | x&0x0fffffff00000000>>4 // of 56
	return x, at + bits.TrailingZeros64(last)/8 + 1
}

// zigzag is a signed number: its lowest bit is the sign.
func zigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func decodeBinary(value []byte, into *Block) error {
	r := reader{op: "read binary rows", b: value}
	rows, err := r.uvarint("the number of rows")
	if err != nil {
		return err
	}
	if rows == 0 || rows > MaxRows {
		return r.fail(0, "%d rows, not 1 to %d", rows, MaxRows)
	}
	start := r.at
	columns, err := r.uvarint("the number of columns")
	if err != nil {
		return err
	}
	if columns > MaxColumns {
		return r.fail(start, "%d columns, the limit is %d", columns, MaxColumns)
	}
	// Each row has at least one byte for its time, and one in each column: 8 for a number, the length of anything else. A column has three more for kind,
	// name and its length. So what is taken below is at most some 40 times the bytes that came: 24 for the bytes of a row, which take one here, and
	// the size of a Column, which takes 4.
	n, c := int(rows), int(columns)
	if rest := len(value) - r.at; n > rest || c > (rest-n)/(n+3) {
		return r.fail(start, "%d rows of %d columns cannot be in %d bytes", n, c, rest)
	}
	into.Times = resized(into.Times, n)
	at, last := r.at, int64(0)
	for i := range into.Times {
		u, next := wideUvarint(value, at)
		if next < 0 {
			return r.fail(at, "the time of row %d is cut short, or does not fit 64 bits", i)
		}
		at = next
		last += zigzag(u)
		into.Times[i] = last
	}
	r.at = at
	if c < len(into.Columns) {
		into.cut(c)
	}
	if c > cap(into.Columns) {
		all := into.Columns[:cap(into.Columns)]
		into.Columns = slices.Grow(all, c-len(all))
	}
	into.Columns = into.Columns[:c]
	for i := range into.Columns {
		if err := r.column(&into.Columns[i], n); err != nil {
			return err
		}
	}
	if i := repeated(into.Columns); i >= 0 {
		return in(r.fail(r.at, "another column has the same kind and name"), &into.Columns[i])
	}
	if r.at != len(value) {
		return r.fail(r.at, "%d bytes follow the last column", len(value)-r.at)
	}
	return nil
}

// column reads one column of n rows.
func (r *reader) column(c *Column, n int) error {
	start := r.at
	if start == len(r.b) {
		return r.fail(start, "a column is missing")
	}
	head := r.b[start]
	kind := ColumnKind(head &^ gaps)
	if kind > Tag {
		return r.fail(start, "%d is no kind of column", kind)
	}
	r.at++
	name, err := r.take("a column's name", MaxName)
	if err != nil {
		return err
	}
	if len(name) == 0 || !utf8.Valid(name) {
		return r.fail(start+1, "a column's name is empty or not UTF-8")
	}
	c.Kind, c.Name = kind, interned(name, c.Name)
	if err := r.bitmap(c, n, head&gaps != 0); err != nil {
		return in(err, c)
	}
	switch kind {
	case Number:
		err = r.numbers(c, n)
	case Text, Tag:
		err = r.texts(c, n)
	case Bytes:
		err = r.bytes(c, n)
	}
	if err != nil {
		return in(err, c)
	}
	return nil
}

func (r *reader) bitmap(c *Column, n int, has bool) error {
	c.Present = c.Present[:0]
	if !has {
		return nil
	}
	size := (n + 7) / 8
	if size > len(r.b)-r.at {
		return r.fail(r.at, "the bitmap is cut short")
	}
	bits := r.b[r.at : r.at+size]
	if n%8 != 0 && bits[size-1]>>(n%8) != 0 {
		return r.fail(r.at+size-1, "the bitmap has bits for rows that are not there")
	}
	c.Present = append(c.Present, bits...)
	if c.full(0, n) {
		c.Present = c.Present[:0]
	}
	r.at += size
	return nil
}

func (r *reader) numbers(c *Column, n int) error {
	if len(r.b)-r.at < 8*n {
		return r.fail(r.at, "%d numbers are cut short", n)
	}
	c.Texts, c.Bytes = resized(c.Texts, 0), resized(c.Bytes, 0)
	c.Numbers = resized(c.Numbers, n)
	copy(memoryOf(c.Numbers), r.b[r.at:])
	if !littleEndian {
		turn(memoryOf(c.Numbers))
	}
	if len(c.Present) != 0 {
		for i, v := range c.Numbers {
			if !c.Has(i) && math.Float64bits(v) != 0 {
				return r.fail(r.at+8*i, "row %d has a number, and has none by the bitmap", i)
			}
		}
	}
	r.at += 8 * n
	return nil
}

// lengths reads n lengths, and gives the place of the first and the bytes that follow them all.
func (r *reader) lengths(c *Column, n int) (first int, all []byte, err error) {
	first = r.at
	at, sum, most := r.at, uint64(0), uint64(len(r.b))
	for i := range n {
		v, next := readUvarint(r.b, at)
		if next < 0 {
			return 0, nil, r.fail(at, "the length of row %d is cut short, or does not fit 64 bits", i)
		}
		if v > most {
			return 0, nil, r.fail(at, "the value of row %d has %d bytes, and only %d are left", i, v, len(r.b)-next)
		}
		if v != 0 && !c.Has(i) {
			return 0, nil, r.fail(at, "row %d has a value, and has none by the bitmap", i)
		}
		at = next
		sum += v // at most 2^20 times the length of a slice
	}
	if sum > uint64(len(r.b)-at) {
		return 0, nil, r.fail(at, "the values have %d bytes, and only %d are left", sum, len(r.b)-at)
	}
	r.at = at + int(sum)
	return first, r.b[at:r.at], nil
}

func (r *reader) texts(c *Column, n int) error {
	at, all, err := r.lengths(c, n)
	if err != nil {
		return err
	}
	c.Numbers, c.Bytes = c.Numbers[:0], resized(c.Bytes, 0)
	c.Texts = resized(c.Texts, n)
	start := r.at - len(all)
	if !utf8.Valid(all) {
		return r.fail(start, "the texts are not UTF-8")
	}
	for i := range c.Texts {
		u, next := readUvarint(r.b, at)
		at = next
		s := all[:u]
		if len(s) > 0 && !utf8.RuneStart(s[0]) {
			return r.fail(r.at-len(all), "the text of row %d begins within a character", i)
		}
		c.Texts[i] = textOf(s)
		all = all[u:]
	}
	return nil
}

func (r *reader) bytes(c *Column, n int) error {
	at, all, err := r.lengths(c, n)
	if err != nil {
		return err
	}
	c.Numbers, c.Texts = c.Numbers[:0], resized(c.Texts, 0)
	c.Bytes = resized(c.Bytes, n)
	for i := range c.Bytes {
		u, next := readUvarint(r.b, at)
		at = next
		if c.Has(i) {
			c.Bytes[i] = all[:u:u]
		} else {
			c.Bytes[i] = nil
		}
		all = all[u:]
	}
	return nil
}
