package codec

import (
	"math"
	"math/bits"
	"strconv"
)

// Problems of a number.
const (
	noNumber  = "there is no number"
	noInteger = "there is no whole number"
	tooLarge  = "the number is too large for 64 bits"
)

// readInteger reads a JSON number that is whole and has 64 bits. problem says why there is none.
func readInteger(b []byte, at int) (v int64, next int, problem string) {
	i := at
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	start := i
	var u uint64
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		u = u*10 + uint64(b[i]-'0')
	}
	digits := i - start
	switch {
	case digits == 0, digits > 1 && b[start] == '0', i < len(b) && (b[i] == '.' || b[i]|0x20 == 'e'):
		return 0, 0, noInteger
	case digits > 19: // 19 digits fit u
		return 0, 0, tooLarge
	case negative && u <= 1<<63:
		return -int64(u), i, ""
	case negative || u > math.MaxInt64:
		return 0, 0, tooLarge
	}
	return int64(u), i, ""
}

// readNumber reads a JSON number. problem says why there is none; next is also given behind one that is too large.
func readNumber(b []byte, at int) (f float64, next int, problem string) {
	i := at
	negative := i < len(b) && b[i] == '-'
	if negative {
		i++
	}
	// The number is m × 10^exp; m is right while there are no more than 19 digits.
	start := i
	var m uint64
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		m = m*10 + uint64(b[i]-'0')
	}
	digits, exp := i-start, 0
	if digits == 0 || digits > 1 && b[start] == '0' {
		return 0, 0, noNumber
	}
	if i < len(b) && b[i] == '.' {
		i++
		start = i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			m = m*10 + uint64(b[i]-'0')
		}
		exp = start - i
		digits -= exp
		if exp == 0 {
			return 0, 0, noNumber
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		minus := i < len(b) && b[i] == '-'
		if minus || i < len(b) && b[i] == '+' {
			i++
		}
		start = i
		e := 0
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			e = min(e*10+int(b[i]-'0'), 1e6)
		}
		if i == start {
			return 0, 0, noNumber
		}
		if minus {
			e = -e
		}
		exp += e
	}
	switch {
	case digits > 19:
		return slowNumber(b[at:i], i)
	case m < 1<<53 && exp == 0:
		f = float64(m)
	case m < 1<<53 && exp < 0 && exp >= -22:
		f = float64(m) / powers[-exp] // both are exact, so the quotient is rounded once
	case m < 1<<53 && exp > 0 && exp <= 22:
		f = float64(m) * powers[exp]
	case exp <= 0 && exp >= -19 && m != 0:
		f = quotient(m, -exp)
	default:
		return slowNumber(b[at:i], i)
	}
	if negative {
		f = -f
	}
	return f, i, ""
}

func slowNumber(b []byte, next int) (float64, int, string) {
	f, err := strconv.ParseFloat(textOf(b), 64)
	if err != nil { // what it is made of was looked at
		return 0, next, tooLarge
	}
	return f, next, ""
}

// powers are the powers of ten that a float64 holds exactly.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// wholePowers are those that 64 bits hold.
var wholePowers = [...]uint64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

// quotient returns the float64 that is nearest to m / 10^k, for m > 0 and k ≤ 19. That is 16 or 17 digits behind one another, as most measured values have.
func quotient(m uint64, k int) float64 {
	d := wholePowers[k]
	md, dd := bits.LeadingZeros64(m), bits.LeadingZeros64(d)
	m, d = m<<md, d<<dd
	// Both have their highest bit now, so m × 2^63 / d has 63 or 64 bits, which is at least nine more than a float64 keeps. What remains of the division is told by the lowest bit
	// alone: all that rounding needs to know is whether it is nothing.
	q, rest := bits.Div64(m>>1, m<<63, d)
	if rest != 0 {
		q |= 1
	}
	return float64(q) * math.Float64frombits(uint64(1023-63+dd-md)<<52) // a power of two
}
