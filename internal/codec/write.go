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
	if i := int64(f); float64(i) == f && -mostDigits < f && f < mostDigits && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, i, 10)
	}
	abs := math.Abs(f)
	if abs >= 1e-4 && abs < mostDigits {
		if k, decimals := short(abs); decimals > 0 {
			return appendDecimal(dst, math.Signbit(f), k, decimals)
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

// mostDigits is the first number of more than 15 digits. Two decimals of at most 15 digits are never the same float64, so when one of them gives a float back, it is the
// shortest that does. Most measured values have one, and it is found at a third of what strconv takes for any float.
const mostDigits = 1e15

// short returns k and the number of decimals such that f is the float64 nearest to k / 10^decimals, k has at most 15 digits, and the last of them is not 0; decimals is 0
// when there are none. f is not whole, and 1e-4 ≤ f < mostDigits.
func short(f float64) (k uint64, decimals int) {
	exponent := int(math.Float64bits(f)>>52) - 1023
	decimals = 14 - (exponent*1233)>>12 // 1233 / 4096 is the logarithm of 2; so k has 15 digits or one more
	v := f * powers[decimals]
	if v >= mostDigits {
		decimals--
		v = f * powers[decimals]
	}
	k = uint64(v + 0.5)
	if float64(k)/powers[decimals] != f { // both are exact, so the quotient is rounded once
		return 0, 0
	}
	if k%1e8 == 0 {
		k, decimals = k/1e8, decimals-8
	}
	if k%1e4 == 0 {
		k, decimals = k/1e4, decimals-4
	}
	if k%1e2 == 0 {
		k, decimals = k/1e2, decimals-2
	}
	if k%10 == 0 {
		k, decimals = k/10, decimals-1
	}
	return k, decimals
}

// appendDecimal appends k / 10^decimals.
func appendDecimal(dst []byte, negative bool, k uint64, decimals int) []byte {
	var b [32]byte
	i := len(b)
	for range decimals {
		i--
		b[i] = byte('0' + k%10)
		k /= 10
	}
	i--
	b[i] = '.'
	for {
		i--
		b[i] = byte('0' + k%10)
		k /= 10
		if k == 0 {
			break
		}
	}
	if negative {
		i--
		b[i] = '-'
	}
	return append(dst, b[i:]...)
}
