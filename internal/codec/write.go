package codec

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Characters, and groups of eight in one word.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special gives a word in which the lowest bit that is set is in the first byte of x that a JSON text cannot hold as it is: a quotation mark, a backslash or a
// control character.
func special(x uint64) uint64 {
	q, s := x^ones*'"', x^ones*'\\'
	return ((q-ones)&^q | (s-ones)&^s | (x-ones*0x20)&^x) & highs
}

// appendString appends a JSON text; s is UTF-8.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	b := bytesOf(s)
	done, i := 0, 0
	for {
		for i+8 <= len(b) && special(binary.LittleEndian.Uint64(b[i:])) == 0 {
			i += 8
		}
		for i < len(b) && b[i] >= 0x20 && b[i] != '"' && b[i] != '\\' {
			i++
			if i%8 == 0 {
				break // go on with eight at a time, also behind an escape
			}
		}
		if i == len(b) {
			break
		}
		c := b[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, b[done:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		done = i
	}
	dst = append(dst, b[done:]...)
	return append(dst, '"')
}

// appendNumber appends a float as docs/formats/packet.md says: in the shortest digits that give it back, NaN and infinities as texts.
func appendNumber(dst []byte, f float64) []byte {
	// Most values are whole, or have few decimals. A decimal of at most 15 digits that gives f back is the shortest one: two of them never give the same float.
	const most = 1e15
	if i := int64(f); float64(i) == f && -most < f && f < most && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, i, 10)
	}
	abs := math.Abs(f)
	if abs >= 1e-3 && abs < most/1e3 {
		if k := uint64(abs*1e3 + 0.5); float64(k)/1e3 == abs {
			return appendThousandths(dst, k, math.Signbit(f))
		}
	}
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case abs > math.MaxFloat64 && f > 0:
		return append(dst, `"Infinity"`...)
	case abs > math.MaxFloat64:
		return append(dst, `"-Infinity"`...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		if n := len(dst); n >= 4 && dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09 becomes e-9
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendThousandths appends k / 1000, which is not whole.
func appendThousandths(dst []byte, k uint64, negative bool) []byte {
	if negative {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, k/1000, 10)
	d := k % 1000
	dst = append(dst, '.', byte('0'+d/100))
	if d%100 != 0 {
		dst = append(dst, byte('0'+d/10%10))
		if d%10 != 0 {
			dst = append(dst, byte('0'+d%10))
		}
	}
	return dst
}
