package host

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// A Sample is one row of one stream: what was measured at one moment.
type Sample struct {
	Stream string    // cpu/3, disk/vda, net/eth0, proc/4711 postgres
	Time   time.Time // the moment of reading
	Values []Value
}

// A Value is one measured number. Names are the same for all streams of a kind.
type Value struct {
	Name   string // user, read, rss …
	Unit   string // share, cores, bytes, bytes/s, 1/s or 1
	Number float64
}

// Value returns the number of that name, and whether the sample has it.
func (s Sample) Value(name string) (float64, bool) {
	for _, v := range s.Values {
		if v.Name == name {
			return v.Number, true
		}
	}
	return 0, false
}

// AppendJSON appends the sample as one flat JSON object: t in RFC 3339 with nanoseconds in UTC, stream, then the values.
// A number that JSON cannot hold is written as null.
func (s Sample) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"t":"`...)
	dst = s.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, `","stream":`...)
	dst = appendString(dst, s.Stream)
	for _, v := range s.Values {
		dst = append(dst, ',')
		dst = appendString(dst, v.Name)
		dst = append(dst, ':')
		dst = appendNumber(dst, v.Number)
	}
	return append(dst, '}')
}

// appendNumber keeps four decimals: below that a counter's own resolution is noise.
func appendNumber(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	r := math.Round(f*1e4) / 1e4
	if math.IsInf(r, 0) {
		r = f
	}
	return strconv.AppendFloat(dst, r, 'g', -1, 64)
}

func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			switch {
			case c == '"' || c == '\\':
				dst = append(dst, '\\', c)
			case c < 0x20 || c == 0x7f:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				dst = append(dst, c)
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		dst = utf8.AppendRune(dst, r) // an invalid byte becomes U+FFFD
		i += n
	}
	return append(dst, '"')
}
