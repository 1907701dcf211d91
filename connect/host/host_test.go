package host

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeSource is a computer whose counters the test sets.
type fakeSource struct {
	coreList []coreCounters
	diskList []diskCounters
	netList  []netCounters
	procs    map[int32]procCounters
	reads    map[int32]int // how often each process was read
	listings int
	broken   error
}

func (f *fakeSource) cores(dst []coreCounters) ([]coreCounters, error) {
	return append(dst[:0], f.coreList...), f.broken
}
func (f *fakeSource) disks(dst []diskCounters) ([]diskCounters, error) {
	return append(dst[:0], f.diskList...), f.broken
}
func (f *fakeSource) nets(dst []netCounters) ([]netCounters, error) {
	return append(dst[:0], f.netList...), f.broken
}
func (f *fakeSource) pids(dst []int32) ([]int32, error) {
	dst = dst[:0]
	f.listings++
	for pid := range f.procs {
		dst = append(dst, pid)
	}
	return dst, f.broken
}
func (f *fakeSource) process(pid int32, p *procCounters) bool {
	now, ok := f.procs[pid]
	if !ok {
		return false
	}
	f.reads[pid]++
	*p = now
	return true
}
func (f *fakeSource) close() error { return nil }

// A computer under test: its source, a clock that the test moves, and the sampler.
type computer struct {
	*fakeSource
	now time.Time
	s   *sampler
}

func newComputer(busy int) *computer {
	c := &computer{
		fakeSource: &fakeSource{procs: map[int32]procCounters{}, reads: map[int32]int{}},
		now:        time.Unix(1_800_000_000, 0),
	}
	c.s = newSampler(c.fakeSource, func() time.Time { return c.now }, busy, time.Second)
	return c
}

// after moves the clock and returns what is sampled then, by stream.
func (c *computer) after(t *testing.T, d time.Duration) map[string]map[string]float64 {
	t.Helper()
	c.now = c.now.Add(d)
	samples, err := c.s.sample()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]float64{}
	for _, s := range samples {
		if out[s.Stream] != nil {
			t.Errorf("stream %s has two rows in one reading", s.Stream)
		}
		out[s.Stream] = map[string]float64{}
		for _, v := range s.Values {
			out[s.Stream][v.Name] = math.Round(v.Number*1e6) / 1e6
		}
	}
	return out
}

func TestCountersBecomeRates(t *testing.T) {
	c := newComputer(20)
	c.coreList = []coreCounters{{index: 3, user: 100, system: 50, total: 1000}}
	c.diskList = []diskCounters{{name: "vda", reads: 10, readBytes: 4096, busy: time.Second}}
	c.netList = []netCounters{{name: "eth0", received: 1000, dropped: 5}}
	c.procs[4711] = procCounters{name: "postgres", start: 1, user: 7, system: 3, rss: 1 << 20, threads: 4}
	if first := c.after(t, 0); len(first) != 0 {
		t.Errorf("the first reading has nothing to compare with, yet gave %v", first)
	}
	c.coreList = []coreCounters{{index: 3, user: 100.4, system: 50.1, iowait: 0.2, total: 1001}}
	c.diskList = []diskCounters{{name: "vda", reads: 30, readBytes: 8192, writes: 4, wroteByte: 2048, busy: 1500 * time.Millisecond}}
	c.netList = []netCounters{{name: "eth0", received: 3000, sent: 500, packetsIn: 10, dropped: 5}}
	c.procs[4711] = procCounters{name: "postgres", start: 1, user: 8.5, system: 3.5, rss: 2 << 20, threads: 5}
	want := map[string]map[string]float64{
		"cpu/3":              {"user": 0.4, "system": 0.1, "iowait": 0.2, "steal": 0},
		"disk/vda":           {"read": 2048, "written": 1024, "reads": 10, "writes": 2, "busy": 0.25},
		"net/eth0":           {"received": 1000, "sent": 250, "packets_in": 5, "packets_out": 0, "dropped": 0},
		"proc/4711 postgres": {"cpu": 1, "user": 0.75, "system": 0.25, "rss": 2 << 20, "threads": 5},
	}
	if d := cmp.Diff(want, c.after(t, 2*time.Second)); d != "" {
		t.Error(d)
	}
}

func TestTheBusiestAreReadEachTimeAndTheOthersOnceASecond(t *testing.T) {
	c := newComputer(2)
	for pid := int32(1); pid <= 5; pid++ {
		c.procs[pid] = procCounters{name: "p", start: 1}
	}
	c.after(t, 0)
	work := func() {
		for _, pid := range []int32{2, 4} {
			p := c.procs[pid]
			p.user += 0.05
			c.procs[pid] = p
		}
	}
	work()
	c.after(t, time.Second) // now it is known who is busy
	clear(c.reads)
	c.listings = 0
	for range 20 {
		work()
		c.after(t, 100*time.Millisecond)
	}
	if c.listings != 2 {
		t.Errorf("in two seconds the processes were listed %d times", c.listings)
	}
	if d := cmp.Diff(map[int32]int{1: 2, 2: 20, 3: 2, 4: 20, 5: 2}, c.reads); d != "" {
		t.Error(d)
	}
}

func TestAProcessThatEndsIsLeftOutAndItsNumberCanBeUsedAgain(t *testing.T) {
	c := newComputer(20)
	c.procs[7] = procCounters{name: "old", start: 1, user: 50}
	c.after(t, 0)
	if got := c.after(t, time.Second); got["proc/7 old"] == nil {
		t.Fatalf("got %v", got)
	}
	delete(c.procs, 7)
	if got := c.after(t, 100*time.Millisecond); len(got) != 0 {
		t.Errorf("an ended process has a row: %v", got)
	}
	c.procs[7] = procCounters{name: "new", start: 2, user: 1}
	c.after(t, time.Second)
	c.procs[7] = procCounters{name: "new", start: 2, user: 1.5}
	got := c.after(t, time.Second)
	if got["proc/7 new"]["cpu"] != 0.5 || len(got) != 1 {
		t.Errorf("the new process of that number: %v", got)
	}
	delete(c.procs, 7)
	c.after(t, time.Second)
	if len(c.s.processes) != 0 {
		t.Errorf("ended processes are remembered: %d", len(c.s.processes))
	}
}

func TestAProcessThatRunsAnotherProgramStartsAnotherStream(t *testing.T) {
	c := newComputer(20)
	c.procs[7] = procCounters{name: "bash", start: 1}
	c.after(t, 0)
	c.procs[7] = procCounters{name: "make", start: 1, user: 0.25}
	if got := c.after(t, time.Second); got["proc/7 make"]["cpu"] != 0.25 || len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

func TestACounterThatGoesBackGivesNoRate(t *testing.T) {
	c := newComputer(20)
	c.netList = []netCounters{{name: "usb0", received: 1 << 30}}
	c.after(t, 0)
	c.netList = []netCounters{{name: "usb0", received: 10}}
	if got := c.after(t, time.Second); got["net/usb0"]["received"] != 0 {
		t.Errorf("got %v", got)
	}
}

func TestAComputerOfWhichNothingCanBeReadIsAnError(t *testing.T) {
	c := newComputer(20)
	c.broken = errors.New("no /proc here")
	if _, err := c.s.sample(); !errors.Is(err, c.broken) {
		t.Errorf("error: %v", err)
	}
}

func TestASampleIsOneFlatObject(t *testing.T) {
	s := Sample{
		Stream: "proc/1 a\"b\\c\x01\xff\u00e9", Time: time.Unix(1_800_000_000, 123_000_000),
		Values: []Value{{"cpu", "cores", 0.123456}, {"rss", "bytes", 123456789012}, {"odd", "1", math.NaN()}, {"huge", "1", math.MaxFloat64}},
	}
	b := s.AppendJSON(nil)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	want := map[string]any{"t": "2027-01-15T08:00:00.123Z", "stream": "proc/1 a\"b\\c\x01\ufffd\u00e9", "cpu": 0.1235,
		"rss": 123456789012.0, "odd": nil, "huge": math.MaxFloat64}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s\n%s", d, b)
	}
}

func FuzzAppendJSON(f *testing.F) {
	f.Add("proc/1 init", 0.5)
	f.Add("\x00\xff\"\\\u2028", math.Inf(-1))
	f.Fuzz(func(t *testing.T, stream string, number float64) {
		b := Sample{Stream: stream, Values: []Value{{Name: stream, Number: number}}}.AppendJSON(nil)
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
	})
}

func TestNamesAreFitForAKeyAndATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"postgres": "postgres", "": "?", "a\x1b[31mb": "a?[31mb", "a\nb": "a?b", "\xff": "?", "kworker/0:1": "kworker/0:1",
		strings.Repeat("é", 40): strings.Repeat("é", 32), "x" + strings.Repeat("é", 40): "x" + strings.Repeat("é", 31),
	} {
		if got := cleanName(in); got != want {
			t.Errorf("cleanName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPartitionsAreToldFromDisks(t *testing.T) {
	all := map[string]bool{"sda": true, "sda1": true, "nvme0n1": true, "nvme0n1p1": true, "loop1": true, "loop10": true, "dm-1": true,
		"dm-10": true, "mmcblk0": true, "mmcblk0p2": true, "md0": true, "xvda1": true}
	want := map[string]bool{"sda1": true, "nvme0n1p1": true, "mmcblk0p2": true}
	for name := range all {
		if got := isPartition(name, func(s string) bool { return all[s] }); got != want[name] {
			t.Errorf("isPartition(%s) = %v", name, got)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, o := range []Options{{Interval: time.Microsecond}, {Busiest: -1}, {Interval: time.Second, Others: time.Millisecond}} {
		if r, err := Open(o); err == nil {
			_ = r.Close()
			t.Errorf("%+v was taken", o)
		}
	}
}

// This computer itself, whatever it is: what every one has is there, and the numbers are possible.
func TestThisComputerIsRead(t *testing.T) {
	r, err := Open(Options{Interval: 20 * time.Millisecond, Others: 60 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	kinds := map[string]int{}
	for range 10 {
		samples, err := r.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range samples {
			kind, _, _ := strings.Cut(s.Stream, "/")
			kinds[kind]++
			for _, v := range s.Values {
				if v.Number < 0 || math.IsNaN(v.Number) || v.Unit == "share" && v.Number > 1 {
					t.Errorf("%s %s is %v %s", s.Stream, v.Name, v.Number, v.Unit)
				}
			}
		}
	}
	if kinds["cpu"] == 0 || kinds["proc"] == 0 {
		t.Errorf("rows by kind: %v", kinds)
	}
	if r.Cost() <= 0 {
		t.Error("reading cost nothing")
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	r, err := Open(Options{Interval: time.Hour, Others: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := r.Read(ctx); !errors.Is(err, enough) {
		t.Errorf("error: %v", err)
	}
}

func BenchmarkReading(b *testing.B) {
	src, err := openSource()
	if err != nil {
		b.Fatal(err)
	}
	defer src.close()
	for name, others := range map[string]time.Duration{"busiest": time.Hour, "all": time.Nanosecond} {
		b.Run(name, func(b *testing.B) {
			s := newSampler(src, time.Now, 20, others)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.sample(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("portable/all", func(b *testing.B) {
		s := newSampler(newPortable(), time.Now, 20, time.Nanosecond)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.sample(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
