package file

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// TimeFormat is how times are written.
type TimeFormat string

// The formats of times. A number may have a fraction and an exponent.
const (
	// Auto takes what the first row suggests, and keeps to it: DateTime, or a number, which is seconds when it is below 10¹¹ (the year 5138), milliseconds below
	// 10¹⁴, microseconds below 10¹⁷, else nanoseconds. Times that count from the start of a recording need to be told.
	Auto         TimeFormat = ""
	DateTime     TimeFormat = "datetime" // RFC 3339 or 2006-01-02 15:04:05, with or without fraction and zone, which is UTC otherwise; also without seconds, or a date alone
	Seconds      TimeFormat = "s"        // since 1970-01-01 UTC, as the following
	Milliseconds TimeFormat = "ms"
	Microseconds TimeFormat = "us"
	Nanoseconds  TimeFormat = "ns"
)

const timeFormats = "datetime, s, ms, us and ns"

// scales are the powers of ten that make nanoseconds.
var scales = map[TimeFormat]int{Seconds: 9, Milliseconds: 6, Microseconds: 3, Nanoseconds: 0}

func (f TimeFormat) known() bool {
	_, scaled := scales[f]
	return scaled || f == Auto || f == DateTime
}

// guess says how a time seems to be written.
func guess(s []byte) TimeFormat {
	if !looksLikeNumber(s) || len(s) > 5 && s[4] == '-' {
		return DateTime
	}
	for _, f := range []struct {
		format TimeFormat
		limit  int64
	}{{Seconds, 1e11}, {Milliseconds, 1e14}, {Microseconds, 1e17}} {
		if n, err := decimal(s, 0); err == nil && -f.limit < n && n < f.limit {
			return f.format
		}
	}
	return Nanoseconds
}

// parse reads a time in nanoseconds since 1970-01-01 UTC.
func (f TimeFormat) parse(s []byte) (int64, error) {
	if f != DateTime {
		n, err := decimal(s, scales[f])
		if err != nil {
			return 0, fmt.Errorf("%.40q is no time in %s since 1970: %w", s, f, err)
		}
		return n, nil
	}
	layout := "2006-01-02T15:04:05" // time.Parse takes a fraction behind the seconds, whatever the layout says
	switch {
	case len(s) == len("2006-01-02"):
		layout = "2006-01-02"
	case len(s) == len("2006-01-02 15:04") && s[10] == ' ':
		layout = "2006-01-02 15:04"
	case len(s) > 10 && (s[10] == ' ' || s[10] == 't'):
		layout = layout[:10] + string(s[10]) + layout[11:]
	}
	if n := len(s); n > 19 {
		switch {
		case s[n-1] == 'Z' || s[n-3] == ':':
			layout += "Z07:00"
		case s[n-1] == 'z':
			layout += "z"
		case s[n-5] == '+' || s[n-5] == '-':
			layout += "-0700"
		case s[n-3] == '+' || s[n-3] == '-':
			layout += "-07"
		}
	}
	t, err := time.Parse(layout, string(s))
	if err != nil {
		return 0, fmt.Errorf("%.40q is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05", s)
	}
	if t.Before(first) || t.After(last) {
		return 0, fmt.Errorf("%.40q is not between %s and %s", s, first.Format(time.DateOnly), last.Format(time.DateOnly))
	}
	return t.UnixNano(), nil
}

// What 64 bits of nanoseconds hold.
var first, last = time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MaxInt64).UTC()

var (
	errNumber = errors.New("it is no number")
	errRange  = errors.New("it does not fit 64 bits of nanoseconds")
)

// decimal reads a decimal number times 10^scale, rounded to a whole one, half away from 0. It is exact, as a float would not be.
func decimal(s []byte, scale int) (int64, error) {
	negative := false
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	// The number is m × 10^exp. Digits that m has no room for count in exp only; they are far behind the nanoseconds, or the number is too large.
	var m uint64
	digits, exp, point := 0, scale, false
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		digits++
		if m < 1e18 {
			m = m*10 + uint64(c-'0')
			if point {
				exp--
			}
		} else if !point {
			exp++
		}
	}
	if digits == 0 {
		return 0, errNumber
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		sign := 1
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			if s[i] == '-' {
				sign = -1
			}
			i++
		}
		e, start := 0, i
		for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
			e = min(e*10+int(s[i]-'0'), 1<<20+1) // more than a line is long
		}
		if i == start {
			return 0, errNumber
		}
		exp += sign * e
	}
	if i < len(s) {
		return 0, errNumber
	}
	for ; exp > 0 && m != 0; exp-- {
		high, low := bits.Mul64(m, 10)
		if high != 0 {
			return 0, errRange
		}
		m = low
	}
	if exp < 0 {
		if exp < -19 {
			m = 0
		} else {
			half, p := uint64(5), uint64(10)
			for ; exp < -1; exp++ {
				half, p = half*10, p*10
			}
			rest := m % p
			m /= p
			if rest >= half {
				m++
			}
		}
	}
	switch {
	case negative && m <= 1<<63:
		return -int64(m), nil
	case negative || m > math.MaxInt64:
		return 0, errRange
	}
	return int64(m), nil
}
