package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Level says when a record is acknowledged.
type Level uint8

// The levels, the strongest first.
const (
	Sync     Level = iota // when it is synced to the disk
	Interval              // when it is written; the log is synced on an interval
	OS                    // when it is written; the system syncs when it likes
)

// maxInterval bounds the interval of a Durability: one hour.
const maxInterval = 3_600_000

// Durability is a level with its interval. The zero Durability is Sync.
type Durability struct {
	Level      Level
	IntervalMs int64 // 1 to 3,600,000 when Level is Interval, else 0
}

// ParseDurability reads "sync", "os", "interval:100ms" or "interval:2s".
func ParseDurability(s string) (Durability, error) {
	switch s {
	case "sync":
		return Durability{Level: Sync}, nil
	case "os":
		return Durability{Level: OS}, nil
	}
	if digits, ok := strings.CutPrefix(s, "interval:"); ok {
		unit := int64(1)
		digits, ms := strings.CutSuffix(digits, "ms")
		if !ms {
			if digits, ok = strings.CutSuffix(digits, "s"); ok {
				unit = 1000
			}
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if ms := int64(n) * unit; err == nil && (ms >= 1 && ms <= maxInterval) && ok {
			return Durability{Level: Interval, IntervalMs: ms}, nil
		}
	}
	return Durability{}, fmt.Errorf("%.40q is none of sync, os and interval:N with a unit of ms or s, from 1ms to 3600s", s)
}

// String returns the form that ParseDurability reads.
func (d Durability) String() string {
	switch d.Level {
	case Sync:
		return "sync"
	case Interval:
		return fmt.Sprintf("interval:%dms", d.IntervalMs)
	default:
		return "os"
	}
}

// flush returns the values of flush.messages and flush.ms that say the same in Kafka's terms.
func (d Durability) flush() (messages, ms int64) {
	switch d.Level {
	case Sync:
		return 1, math.MaxInt64
	case Interval:
		return math.MaxInt64, d.IntervalMs
	default:
		return math.MaxInt64, math.MaxInt64
	}
}

// durabilityOf reads the level out of a pair of flush settings of one source; -1 stands for one that is not set. It
// reports false when the pair asks for nothing. A level is never weaker than what was asked: a sync after so many
// messages becomes a sync of each, and an interval longer than the longest becomes the longest.
func durabilityOf(messages, ms int64) (Durability, bool) {
	switch {
	case messages >= 0 && messages < math.MaxInt64, ms == 0:
		return Durability{Level: Sync}, true
	case ms > 0 && ms < math.MaxInt64:
		return Durability{Level: Interval, IntervalMs: min(ms, maxInterval)}, true
	case messages == math.MaxInt64 && ms == math.MaxInt64:
		return Durability{Level: OS}, true
	}
	return Durability{}, false
}
