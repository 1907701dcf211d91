package file

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// trim takes spaces and tabs away from both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// value says what a cell means, under the name that is given; ok is false when it is nothing.
func (c *cell) value(name string) (v Value, ok bool, err error) {
	v.Name = name
	switch {
	case c.err != nil:
		return v, false, c.err
	case len(c.text) == 0:
		return v, false, nil
	case len(name) > maxName:
		return v, false, fmt.Errorf("the name has %d bytes, the limit is %d", len(name), maxName)
	}
	if c.kind == untyped || c.kind == number {
		s := trim(c.text)
		if len(s) == 0 {
			return v, false, nil
		}
		if c.kind == number || looksLikeNumber(s) {
			if s[len(s)-1]|0x20 == 'n' { // nan, also -nan, which C writes
				s = s[len(s)-3:]
			}
			f, err := strconv.ParseFloat(string(s), 64)
			if err == nil {
				v.Number = f
				return v, true, nil
			}
			if errors.Is(err, strconv.ErrRange) {
				return v, false, errTooLarge
			}
		}
	}
	v.Kind, v.Text = Text, c.column.last
	if string(c.text) != v.Text {
		if !utf8.Valid(c.text) {
			return v, false, errText
		}
		v.Text = string(c.text)
		if len(v.Text) <= maxName { // texts that come again are short, as a rule
			c.column.last = v.Text
		}
	}
	return v, true, nil
}

// looksLikeNumber says whether all of s may stand in a decimal number, or s is a word for what has no digits. So neither 0x10 nor 1_000 is a number.
func looksLikeNumber(s []byte) bool {
	word := s
	if s[0] == '-' || s[0] == '+' {
		word = s[1:]
	}
	for _, w := range [...]string{"nan", "inf", "infinity"} {
		if len(word) == len(w) && bytes.EqualFold(word, []byte(w)) {
			return true
		}
	}
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return false
		}
	}
	return true
}
