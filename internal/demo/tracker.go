package demo

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// gapLimit bounds the missing numbers that are remembered of one stream. A number beyond it that does turn up counts as
// duplicated instead of out of order, which is an alarm as well.
const gapLimit = 1024

// A tracker holds what the reader found.
type tracker struct {
	run string

	mu         sync.Mutex
	streams    map[string]*stream
	read       uint64 // rows of this run, each counted once
	foreign    uint64 // rows and records of others
	outOfOrder uint64
	duplicated uint64
	missing    uint64                          // numbers that were skipped and have not come
	events     uint64                          // starts and exits
	happenings []happening                     // the last of them, the newest at the end
	latency    *hdrhistogram.Histogram         // the whole run, in microseconds
	lately     *hdrhistogram.WindowedHistogram // the last seconds
	rotated    time.Time
}

// A stream is what the reader knows of one stream.
type stream struct {
	kind      string // cpu, disk, net, proc
	name      string
	pid       string // of a process
	partition int32
	next      uint64          // the number that comes next
	missing   map[uint64]bool // numbers below next that have not come
	rows      uint64
	seen      time.Time
	values    map[string]float64
	most      map[string]float64 // the largest of each value
	spark     history
	recent    meter
}

const (
	windowSlots    = 5
	windowEvery    = 2 * time.Second
	latencyHighest = int64(10 * time.Minute / time.Microsecond)
)

// A happening is an event of a stream.
type happening struct {
	at         time.Time
	what, name string
}

// happeningsKept bounds what is kept to be shown.
const happeningsKept = 4

func newTracker(run string) *tracker {
	return &tracker{
		run: run, streams: map[string]*stream{},
		latency: hdrhistogram.New(1, latencyHighest, 3),
		lately:  hdrhistogram.NewWindowed(windowSlots, 1, latencyHighest, 2),
	}
}

// stranger counts a record that is no row of the demo.
func (t *tracker) stranger() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.foreign++
}

// happened takes an event.
func (t *tracker) happened(now time.Time, what, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events++
	if what == "found" { // at the start, of everything that is there
		return
	}
	t.happenings = append(t.happenings, happening{now, what, name})
	if n := len(t.happenings) - happeningsKept; n > 0 {
		t.happenings = append(t.happenings[:0], t.happenings[n:]...)
	}
}

func (t *tracker) rotate(now time.Time) {
	if t.rotated.IsZero() {
		t.rotated = now
	}
	for n := 0; now.Sub(t.rotated) >= windowEvery; n++ {
		if n == windowSlots { // a pause longer than the window empties it
			t.rotated = now
			break
		}
		t.lately.Rotate()
		t.rotated = t.rotated.Add(windowEvery)
	}
}

// observe takes a row of a stream as it was read, at the moment now.
func (t *tracker) observe(id string, partition int32, row row, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rotate(now)
	if row.run != t.run {
		t.foreign++
		return
	}
	s := t.streams[id]
	if s == nil {
		s = newStream(id, partition)
		t.streams[id] = s
	}
	if row.seq > s.next {
		t.missing += row.seq - s.next
	}
	switch s.place(row.seq, partition) {
	case placeLate:
		t.missing--
		t.outOfOrder++
	case placeMoved:
		t.outOfOrder++
	case placeDuplicated:
		t.duplicated++
		return
	}
	t.read++
	s.take(row, now)
	micros := min(max(now.Sub(row.time).Microseconds(), 1), latencyHighest)
	_ = t.latency.RecordValue(micros) // within the bounds
	_ = t.lately.Current.RecordValue(micros)
}

func newStream(name string, partition int32) *stream {
	s := &stream{name: name, partition: partition, next: 1}
	s.kind, s.name, _ = strings.Cut(name, "/")
	if s.kind == "proc" {
		if pid, rest, ok := strings.Cut(s.name, " "); ok {
			if _, err := strconv.Atoi(pid); err == nil {
				s.pid, s.name = pid, rest
			}
		}
	}
	return s
}

// A place is where a row stands among those of its stream that came before it.
type place int

const (
	placeInOrder    place = iota
	placeLate             // after a later one
	placeMoved            // on another partition than the one before
	placeDuplicated       // again
)

// place says how the number fits. A stream that changes its partition has lost its order.
func (s *stream) place(seq uint64, partition int32) place {
	if seq < s.next {
		if !s.missing[seq] {
			return placeDuplicated
		}
		delete(s.missing, seq)
		return placeLate
	}
	for n := s.next; n < seq && len(s.missing) < gapLimit; n++ {
		if s.missing == nil {
			s.missing = map[uint64]bool{}
		}
		s.missing[n] = true
	}
	s.next = seq + 1
	if partition != s.partition {
		s.partition = partition
		return placeMoved
	}
	return placeInOrder
}

func (s *stream) take(r row, now time.Time) {
	s.rows++
	s.seen = now
	s.values = r.values
	if s.most == nil {
		s.most = make(map[string]float64, len(r.values))
	}
	for name, v := range r.values {
		s.most[name] = max(s.most[name], v)
	}
	switch s.kind {
	case "cpu":
		s.spark.add(r.time, busyCore(r.values))
	case "disk":
		s.spark.add(r.time, r.values["read"]+r.values["written"])
	case "net":
		s.spark.add(r.time, r.values["received"]+r.values["sent"])
	case "proc":
		s.spark.add(r.time, r.values["cpu"])
	}
}

func busyCore(values map[string]float64) float64 {
	return values["user"] + values["system"] + values["steal"]
}

// counts are the tracker's sums at one moment.
type counts struct {
	read, foreign, outOfOrder, duplicated, missing, events uint64
	streams                                                int
}

func (t *tracker) counts() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return counts{read: t.read, foreign: t.foreign, outOfOrder: t.outOfOrder, duplicated: t.duplicated,
		missing: t.missing, events: t.events, streams: len(t.streams)}
}

// A latency is from the moment of sampling to the moment of reading.
type latency struct{ P50, P99, Max time.Duration }

func figuresOf(h *hdrhistogram.Histogram) latency {
	if h.TotalCount() == 0 {
		return latency{}
	}
	micros := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return latency{P50: micros(h.ValueAtQuantile(50)), P99: micros(h.ValueAtQuantile(99)), Max: micros(h.Max())}
}
