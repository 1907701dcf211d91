package host

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A source delivers counters since boot. Each call fills dst[:0] and returns it, so that a reading allocates little.
type source interface {
	cores(dst []coreCounters) ([]coreCounters, error)
	disks(dst []diskCounters) ([]diskCounters, error)
	nets(dst []netCounters) ([]netCounters, error)
	// pids lists the processes that run.
	pids(dst []int32) ([]int32, error)
	// process reads one process into p, whose name is kept when it did not change. It returns false when it is gone or may not
	// be read.
	process(pid int32, p *procCounters) bool
	close() error
}

// coreCounters are the seconds that one core spent in each state.
type coreCounters struct {
	index                              int
	user, system, iowait, steal, total float64
}

type diskCounters struct {
	name                 string
	reads, writes        uint64
	readBytes, wroteByte uint64
	busy                 time.Duration
}

type netCounters struct {
	name                  string
	received, sent        uint64 // bytes
	packetsIn, packetsOut uint64
	dropped               uint64 // errors and drops, both ways
}

type procCounters struct {
	name         string
	start        uint64 // tells two processes with one number apart
	user, system float64
	rss          uint64
	threads      int64
}

// nameLimit bounds a process's or a device's name in a stream's name.
const nameLimit = 64

// cleanName makes a name fit for a key and for a terminal: valid UTF-8, no control characters, bounded.
func cleanName(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	if len(s) > nameLimit {
		n := nameLimit
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	if s == "" {
		return "?"
	}
	return s
}

// isPartition tells the parts of a disk (sda1, nvme0n1p2) from the disks, by the way Linux names them.
func isPartition(name string, isDisk func(string) bool) bool {
	base := strings.TrimRightFunc(name, unicode.IsDigit)
	if base == name || base == "" {
		return false
	}
	if before, ok := strings.CutSuffix(base, "p"); ok && before != "" && isDigit(before[len(before)-1]) && isDisk(before) {
		return true
	}
	return !isDigit(base[len(base)-1]) && isDisk(base)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func streamOfCore(i int) string { return "cpu/" + strconv.Itoa(i) }

func streamOfProcess(pid int32, name string) string {
	return "proc/" + strconv.Itoa(int(pid)) + " " + name
}
