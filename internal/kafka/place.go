package kafka

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Place is where a Reader starts in each partition. The zero Place is the start.
type Place struct {
	kind   placeKind
	offset int64
	time   time.Time
}

type placeKind uint8

const (
	atStart placeKind = iota
	atEnd
	atOffset
	atTime
	nowhere
)

// Start is the oldest record that there is.
func Start() Place { return Place{} }

// End is behind the newest record that there is.
func End() Place { return Place{kind: atEnd} }

// At is an offset; the nearest one that there is when the partition does not reach so far.
func At(offset int64) Place { return Place{kind: atOffset, offset: offset} }

// Since is the first record that is not older than t.
func Since(t time.Time) Place { return Place{kind: atTime, time: t} }

// NoStart refuses to start where nothing is committed. It is for a Feed of a group.
func NoStart() Place { return Place{kind: nowhere} }

// ParsePlace reads start, end, an offset, or @ with a time: as RFC 3339, as a date, as milliseconds since 1970, or as a
// negative duration before now, such as @-1h30m.
func ParsePlace(s string, now time.Time) (Place, error) {
	switch s {
	case "start", "earliest":
		return Start(), nil
	case "end", "latest":
		return End(), nil
	}
	if at, ok := strings.CutPrefix(s, "@"); ok {
		if t, err := parseTime(at, now); err == nil {
			return Since(t), nil
		}
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return At(n), nil
	}
	return Place{}, fmt.Errorf("%.40q is none of start, end, an OFFSET, and @TIME as in @2026-11-24T08:00:00Z, @2026-11-24, @1795500000000 and @-1h", s)
}

func parseTime(s string, now time.Time) (time.Time, error) {
	if strings.HasPrefix(s, "-") {
		d, err := time.ParseDuration(s)
		return now.Add(d), err
	}
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, s, now.Location())
}
