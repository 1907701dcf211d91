package host

import (
	"bytes"
	"errors"
	"time"
)

// ticksPerSecond is USER_HZ, in which Linux shows CPU time; it is 100 on every architecture that Go runs on.
const ticksPerSecond = 100

// sectorSize is the unit of /proc/diskstats, whatever the disk's own sector size is.
const sectorSize = 512

var errProcessFormat = errors.New("not the format of /proc/PID/stat")

// parseCores reads /proc/stat: one line for each core, after the line of all.
func parseCores(text []byte, dst []coreCounters) []coreCounters {
	dst = dst[:0]
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !ok {
			if len(dst) > 0 {
				break // the cores come first
			}
			continue
		}
		if len(rest) == 0 || !isDigit(rest[0]) {
			continue
		}
		index, rest, ok := nextNumber(rest)
		if !ok {
			continue
		}
		var ticks [8]uint64 // user nice system idle iowait irq softirq steal
		var total uint64
		for i := range ticks {
			if ticks[i], rest, ok = nextNumber(rest); !ok {
				break // an old kernel shows fewer
			}
			total += ticks[i]
		}
		dst = append(dst, coreCounters{
			index:  int(index),
			user:   seconds(ticks[0] + ticks[1]),
			system: seconds(ticks[2] + ticks[5] + ticks[6]),
			iowait: seconds(ticks[4]),
			steal:  seconds(ticks[7]),
			total:  seconds(total),
		})
	}
	return dst
}

// parseDisks reads /proc/diskstats. Disks that were never used are left out, and so are partitions. intern gives a name its
// one string.
func parseDisks(text []byte, dst []diskCounters, intern func([]byte) string) []diskCounters {
	dst = dst[:0]
	for line := range bytes.Lines(text) {
		_, rest := nextField(line)
		_, rest = nextField(rest)
		name, rest := nextField(rest)
		var n [10]uint64 // reads merged sectors ms, writes merged sectors ms, in flight, ms busy
		ok := len(name) > 0
		for i := 0; ok && i < len(n); i++ {
			n[i], rest, ok = nextNumber(rest)
		}
		if !ok || n[0]+n[4] == 0 {
			continue
		}
		dst = append(dst, diskCounters{
			name:  intern(name),
			reads: n[0], readBytes: n[2] * sectorSize,
			writes: n[4], wroteByte: n[6] * sectorSize,
			busy: time.Duration(n[9]) * time.Millisecond,
		})
	}
	isDisk := func(name string) bool {
		for _, d := range dst {
			if d.name == name {
				return true
			}
		}
		return false
	}
	kept := 0
	for i := range dst {
		if !isPartition(dst[i].name, isDisk) {
			dst[kept], dst[i] = dst[i], dst[kept] // a swap: isDisk still sees all
			kept++
		}
	}
	return dst[:kept]
}

// parseNets reads /proc/net/dev. Interfaces that never carried a byte are left out.
func parseNets(text []byte, dst []netCounters, intern func([]byte) string) []netCounters {
	dst = dst[:0]
	for line := range bytes.Lines(text) {
		colon := bytes.LastIndexByte(line, ':') // an alias has one in its name
		if colon < 0 {
			continue // the two lines of headings
		}
		name, rest, ok := bytes.TrimSpace(line[:colon]), line[colon+1:], true
		var n [12]uint64 // in: bytes packets errs drop fifo frame compressed multicast, out: bytes packets errs drop
		for i := 0; ok && i < len(n); i++ {
			n[i], rest, ok = nextNumber(rest)
		}
		if !ok || len(name) == 0 || n[0]+n[8] == 0 {
			continue
		}
		dst = append(dst, netCounters{
			name:     intern(name),
			received: n[0], packetsIn: n[1], sent: n[8], packetsOut: n[9],
			dropped: n[2] + n[3] + n[10] + n[11],
		})
	}
	return dst
}

// parseProcess reads /proc/PID/stat. The name stands in brackets and may hold any byte, brackets too. p keeps its name when
// it is still the same.
func parseProcess(text []byte, pageSize uint64, p *procCounters) error {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return errProcessFormat
	}
	name, rest := text[open+1:end], text[end+1:]
	_, rest = nextField(rest) // state
	var n [22]uint64          // from field 4, ppid, on
	for i := range 21 {
		field, after := nextField(rest)
		if len(field) == 0 {
			return errProcessFormat
		}
		rest = after
		if field[0] == '-' {
			continue // priorities and ids that may be negative are not read
		}
		var ok bool
		if n[i], _, ok = nextNumber(field); !ok {
			return errProcessFormat
		}
	}
	name = steadyName(name)
	if p.name == "" || string(name) != p.name { // compares without allocating
		p.name = cleanName(string(name))
	}
	p.user, p.system = seconds(n[10]), seconds(n[11])
	p.threads, p.start = int64(n[16]), n[18]
	p.rss = n[20] * pageSize
	return nil
}

// steadyName drops what a kernel worker works on just now (kworker/u8:1-writeback), which would make each of its errands a
// stream of its own.
func steadyName(name []byte) []byte {
	if !bytes.HasPrefix(name, []byte("kworker/")) || bytes.IndexByte(name, ':') < 0 {
		return name
	}
	if i := bytes.IndexAny(name, "-+"); i > 0 {
		return name[:i]
	}
	return name
}

func seconds(ticks uint64) float64 { return float64(ticks) / ticksPerSecond }

func nextField(b []byte) (field, rest []byte) {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	n := 0
	for n < len(b) && b[n] != ' ' && b[n] != '\t' && b[n] != '\n' {
		n++
	}
	return b[:n], b[n:]
}

// nextNumber reads a decimal number. One that does not fit wraps, as the kernel's own counters do.
func nextNumber(b []byte) (n uint64, rest []byte, ok bool) {
	field, rest := nextField(b)
	if len(field) == 0 {
		return 0, rest, false
	}
	for _, c := range field {
		if !isDigit(c) {
			return 0, rest, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, rest, true
}
