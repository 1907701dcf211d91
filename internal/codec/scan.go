package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep unknown members may be nested.
const maxDepth = 64

// scanner reads strict JSON: RFC 8259 in UTF-8, without lone surrogates. A member that it knows may stand only once in its object, others are passed over.
type scanner struct {
	op    string
	b     []byte
	at    int
	arena []byte // memory for what cannot point into b; nobody has it yet
}

func (s *scanner) fail(at int, format string, args ...any) error {
	return &Error{Op: s.op, Reason: ErrBroken, Offset: at, Detail: fmt.Sprintf(format, args...)}
}

// unexpected is the error of a byte that cannot stand where it does.
func (s *scanner) unexpected(want string) error {
	if s.at >= len(s.b) {
		return s.fail(s.at, "the JSON ends where there should be %s", want)
	}
	return s.fail(s.at, "%q where there should be %s", s.b[s.at], want)
}

// next passes over white space and returns the byte that follows, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.b); s.at++ {
		if c := s.b[s.at]; c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

// open passes over white space and a byte that opens something.
func (s *scanner) open(c byte, want string) error {
	if s.next() != c {
		return s.unexpected(want)
	}
	s.at++
	return nil
}

// first passes over what opens an array. It says whether an element follows.
func (s *scanner) first() (bool, error) {
	if err := s.open('[', "an array"); err != nil {
		return false, err
	}
	if s.next() == ']' {
		s.at++
		return false, nil
	}
	return true, nil
}

// more passes over what stands between elements: a comma, or the byte that closes the array or object. It says whether another element follows.
func (s *scanner) more(closing byte) (bool, error) {
	switch s.next() {
	case ',':
		s.at++
		return true, nil
	case closing:
		s.at++
		return false, nil
	}
	return false, s.unexpected("a comma or " + string(rune(closing)))
}

// object reads an object. each is called at the value of each member, with its name, which lasts until the next is read.
func (s *scanner) object(each func(name []byte, at int) error) error {
	if err := s.open('{', "an object"); err != nil {
		return err
	}
	if s.next() == '}' {
		s.at++
		return nil
	}
	for {
		if s.next() != '"' {
			return s.unexpected("the name of a member")
		}
		at := s.at
		name, err := s.value()
		if err != nil {
			return err
		}
		if err := s.open(':', "a colon"); err != nil {
			return err
		}
		s.next()
		if err := each(name, at); err != nil {
			return err
		}
		if more, err := s.more('}'); !more || err != nil {
			return err
		}
	}
}

// members reads an object whose members have the names that are given. each is called at the value of each one that is there, with its place among the names; others
// are passed over, and one that stands twice is refused.
func (s *scanner) members(names []string, each func(i int) error) error {
	seen := 0
	return s.object(func(name []byte, at int) error {
		i := find(names, name)
		if i < 0 {
			return s.skip(0)
		}
		if seen&(1<<i) != 0 {
			return s.fail(at, "%q stands here a second time", names[i])
		}
		seen |= 1 << i
		return each(i)
	})
}

// array reads an array; each is called at each element.
func (s *scanner) array(each func() error) error {
	more, err := s.first()
	for ; more && err == nil; more, err = s.more(']') {
		s.next()
		if err := each(); err != nil {
			return err
		}
	}
	return err
}

// document reads with the function that is given, and then the end of the bytes.
func (s *scanner) document(read func() error) error {
	if err := read(); err != nil {
		return err
	}
	if s.next(); s.at < len(s.b) {
		return s.unexpected("the end")
	}
	return nil
}

// raw reads a text, and gives what stands between its quotation marks, which is UTF-8, and whether there are escapes in it, which are not looked at yet.
func (s *scanner) raw() (raw []byte, escaped bool, err error) {
	if s.at >= len(s.b) || s.b[s.at] != '"' {
		return nil, false, s.unexpected("a text")
	}
	b, start := s.b, s.at+1
	i, wide := start, uint64(0)
	for {
		for i+8 <= len(b) {
			x := binary.LittleEndian.Uint64(b[i:])
			if m := special(x); m != 0 {
				n := bits.TrailingZeros64(m) &^ 7
				wide |= x & highs & (1<<n - 1)
				i += n / 8
				break
			}
			wide |= x & highs
			i += 8
		}
		for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
			wide |= uint64(b[i]) & 0x80
			i++
		}
		if i == len(b) {
			return nil, false, s.fail(s.at, "a text has no end")
		}
		switch b[i] {
		case '"':
			raw = b[start:i:i]
			if wide != 0 && !utf8.Valid(raw) {
				return nil, false, s.fail(s.at, "a text is not UTF-8")
			}
			s.at = i + 1
			return raw, escaped, nil
		case '\\':
			if i+1 == len(b) {
				return nil, false, s.fail(s.at, "a text has no end")
			}
			escaped = true
			i += 2 // past what is escaped, so that a quotation mark ends nothing; unescape looks at it
			if b[i-1] < 0x20 || b[i-1] >= 0x80 {
				return nil, false, s.fail(i-2, "there is no such escape")
			}
		default:
			return nil, false, s.fail(i, "a text has a control character as it is; it must be escaped")
		}
	}
}

// value reads a text and gives its bytes: in b where they stand as they are, otherwise in memory that is written only once.
func (s *scanner) value() ([]byte, error) {
	start := s.at
	raw, escaped, err := s.raw()
	if err != nil || !escaped {
		return raw, err
	}
	s.reserve(len(raw)) // what is escaped is longer
	out, bad := unescape(s.arena[:0], raw)
	if bad >= 0 {
		return nil, s.fail(start+1+bad, "there is no such escape")
	}
	return s.taken(len(out)), nil
}

// reserve makes the arena n bytes long at least. It takes more, so that one allocation serves many values, but not more than what is left of the input.
func (s *scanner) reserve(n int) {
	if n > len(s.arena) {
		s.arena = make([]byte, max(n, min(len(s.b)-s.at, 16<<10)))
	}
}

// taken takes the first n bytes of the arena.
func (s *scanner) taken(n int) []byte {
	v := s.arena[:n:n]
	s.arena = s.arena[n:]
	return v
}

// unescape appends the text that raw stands for. bad is the place of an escape that is none, or -1.
func unescape(dst, raw []byte) (out []byte, bad int) {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if i+1 == len(raw) {
			return dst, i
		}
		switch c = raw[i+1]; c {
		case '"', '\\', '/':
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r := hex4(raw, i)
			if r < 0 {
				return dst, i
			}
			size := 6
			if utf16.IsSurrogate(r) {
				if r = utf16.DecodeRune(r, hex4(raw, i+6)); r == utf8.RuneError {
					return dst, i
				}
				size = 12
			}
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		default:
			return dst, i
		}
		dst = append(dst, c)
		i += 2
	}
	return dst, -1
}

// hex4 gives the number of an escape such as \u00e4 at a place, or -1 when there is none.
func hex4(b []byte, at int) rune {
	if len(b)-at < 6 || b[at] != '\\' || b[at+1] != 'u' {
		return -1
	}
	var r rune
	for _, c := range b[at+2 : at+6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// text reads a text that points into the input where it can.
func (s *scanner) text() (string, error) {
	b, err := s.value()
	return textOf(b), err
}

// own reads a text with memory of its own.
func (s *scanner) own() (string, error) {
	b, err := s.value()
	return string(b), err
}

// literal passes over null, true or false.
func (s *scanner) literal(word string) error {
	if len(s.b)-s.at < len(word) || string(s.b[s.at:s.at+len(word)]) != word {
		return s.unexpected("a value")
	}
	s.at += len(word)
	return nil
}

// skip passes over a value of any kind, at the depth that is given.
func (s *scanner) skip(depth int) error {
	if depth > maxDepth {
		return s.fail(s.at, "values are nested deeper than %d times", maxDepth)
	}
	switch s.next() {
	case '{':
		return s.object(func([]byte, int) error { return s.skip(depth + 1) })
	case '[':
		return s.array(func() error { return s.skip(depth + 1) })
	case '"':
		_, err := s.value()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	_, next, problem := readNumber(s.b, s.at)
	if problem != "" && problem != tooLarge {
		return s.unexpected("a value")
	}
	s.at = next
	return nil
}

// integer reads a whole number of 64 bits.
func (s *scanner) integer() (int64, error) {
	v, next, problem := readInteger(s.b, s.at)
	if problem != "" {
		return 0, s.fail(s.at, "%s", problem)
	}
	s.at = next
	return v, nil
}

// number reads a number, or one of the texts that stand for one.
func (s *scanner) number() (float64, error) {
	if s.at < len(s.b) && s.b[s.at] == '"' {
		return s.textNumber()
	}
	f, next, problem := readNumber(s.b, s.at)
	if problem != "" {
		return 0, s.fail(s.at, "%s", problem)
	}
	s.at = next
	return f, nil
}

// textNumber reads the text of a number that JSON has no digits for.
func (s *scanner) textNumber() (float64, error) {
	start := s.at
	v, err := s.value()
	if err != nil {
		return 0, err
	}
	switch string(v) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	return 0, s.fail(start, "%.40q is no number; the only texts that are one are NaN, Infinity and -Infinity", v)
}
