package demo

import (
	"slices"
	"strings"
	"time"
)

// A state is one moment of a run, with all that the screen shows. It holds no reference to anything that still changes.
type state struct {
	address    string
	durability string // the level
	elapsed    time.Duration
	before     int64 // packets of earlier runs
	ending     bool  // no more rows are written; the last ones are awaited

	written, read       uint64
	writeRate, readRate float64
	skipped             uint64 // numbers that have not come
	outOfOrder          uint64
	duplicated          uint64
	streams             int
	latency             latency // of the last seconds
	whole               latency // since the start
	onDisk              int64   // -1: not known
	cost                float64
	events              uint64
	happenings          []happening // the last starts and exits
	readers             []reader

	cores, disks, nets, processes []line
}

// A reader is an instance that shares the reading.
type reader struct {
	name                string
	partitions, streams int
	killed              bool
}

// A line is one stream on the screen.
type line struct {
	name   string
	pid    string
	rate   float64 // rows per second
	values map[string]float64
	most   map[string]float64
	spark  []float64
	lately float64 // mean of the last seconds of spark
}

const (
	goneAfter = 3 * time.Second // a stream without rows for so long is not shown
	restAfter = time.Minute     // and for so long, keeps only what is needed to check its order
)

// snapshot copies what is shown of the streams at the moment now.
func (t *tracker) snapshot(now time.Time, st *state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	st.read, st.outOfOrder, st.duplicated = t.read, t.outOfOrder, t.duplicated
	st.skipped, st.streams, st.events = t.missing, len(t.streams), t.events
	st.happenings = append([]happening(nil), t.happenings...)
	t.rotate(now)
	st.latency, st.whole = figuresOf(t.lately.Merge()), figuresOf(t.latency)
	for _, s := range t.streams {
		age := now.Sub(s.seen)
		if age > restAfter {
			s.values, s.most, s.spark, s.recent = nil, nil, history{}, meter{}
		}
		if age > goneAfter {
			continue
		}
		l := s.line(now)
		switch s.kind {
		case "cpu":
			st.cores = append(st.cores, l)
		case "disk":
			st.disks = append(st.disks, l)
		case "net":
			st.nets = append(st.nets, l)
		case "proc":
			st.processes = append(st.processes, l)
		}
	}
	byName := func(a, b line) int {
		if len(a.name) != len(b.name) {
			return len(a.name) - len(b.name) // 9 before 10
		}
		return strings.Compare(a.name, b.name)
	}
	slices.SortFunc(st.cores, byName)
	slices.SortFunc(st.disks, byBusy)
	slices.SortFunc(st.nets, byBusy)
	slices.SortFunc(st.processes, byBusy)
}

// line copies a stream. Its maps may be shared: values is replaced with each row, never changed; most is copied.
func (s *stream) line(now time.Time) line {
	l := line{name: s.name, pid: s.pid, rate: s.recent.rate(now, s.rows), values: s.values, spark: s.spark.values()}
	l.most = make(map[string]float64, len(s.most))
	for name, v := range s.most {
		l.most[name] = v
	}
	tail := l.spark[max(0, len(l.spark)-3):]
	for _, v := range tail {
		l.lately += v / float64(len(tail))
	}
	return l
}

// byBusy puts the busiest first; among idle ones the one with more memory, so that an idle machine shows a steady list.
func byBusy(a, b line) int {
	switch {
	case a.lately > b.lately:
		return -1
	case a.lately < b.lately:
		return 1
	case a.values["rss"] > b.values["rss"]:
		return -1
	case a.values["rss"] < b.values["rss"]:
		return 1
	default:
		return strings.Compare(a.pid+" "+a.name, b.pid+" "+b.name)
	}
}

// durabilityText says in plain words what a level means for an acknowledged row.
func durabilityText(level string) string {
	kind, every, _ := strings.Cut(level, ":")
	switch kind {
	case "sync":
		return "sync: an acknowledged row is on disk; neither a kill nor a power cut loses it"
	case "interval":
		return "interval: a kill loses no acknowledged row, a power cut at most the last " + every
	case "os":
		return "os: a kill loses no acknowledged row, a power cut what was not yet on disk"
	case "":
		return "acks=all: an acknowledged row is as safe as the cluster's settings make it"
	default:
		return level
	}
}
