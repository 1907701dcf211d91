package demo

import (
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/connect/host"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func rowOf(run, stream string, seq uint64, partition int32, offset int64) Record {
	s := host.Sample{Stream: stream, Time: time.Unix(1_800_000_000, 0), Values: []host.Value{{Name: "cpu", Number: 0.25}}}
	return Record{Partition: partition, Offset: offset, Key: []byte(stream), Value: appendRow(nil, s, run, seq)}
}

func TestEachKindOfDisorderIsCountedAsWhatItIs(t *testing.T) {
	now := time.Unix(1_800_000_001, 0)
	for name, tc := range map[string]struct {
		records []Record
		want    counts
	}{
		"in order": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 7), rowOf("a", "cpu/0", 2, 0, 8)},
			counts{read: 2, streams: 1},
		},
		"a row is missing, its offset too": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 7), rowOf("a", "cpu/0", 3, 0, 9)},
			counts{read: 2, streams: 1, missing: 1, gaps: 1},
		},
		"a row was never given an offset": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 7), rowOf("a", "cpu/0", 4, 0, 8)},
			counts{read: 2, streams: 1, missing: 2},
		},
		"a row comes late": {
			[]Record{rowOf("a", "cpu/0", 2, 0, 7), rowOf("a", "cpu/0", 1, 0, 8)},
			counts{read: 2, streams: 1, outOfOrder: 1},
		},
		"a row comes twice": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 7), rowOf("a", "cpu/0", 1, 0, 8)},
			counts{read: 1, streams: 1, duplicated: 1},
		},
		"a stream moves to another partition": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 7), rowOf("a", "cpu/0", 2, 1, 0)},
			counts{read: 2, streams: 1, outOfOrder: 1},
		},
		"the offsets do not go on where the earlier runs ended": {
			[]Record{rowOf("a", "cpu/0", 1, 0, 9)},
			counts{read: 1, streams: 1, gaps: 2},
		},
		"another run's rows and foreign bytes are not this run's": {
			[]Record{rowOf("b", "cpu/0", 40, 0, 7), {Offset: 8, Value: []byte("hello")}, {Offset: 9}, rowOf("a", "cpu/0", 1, 0, 10)},
			counts{read: 1, streams: 1, foreign: 3},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("a", []Offsets{{Partition: 0, End: 7}, {Partition: 1, End: 0}})
			tr.observe(tc.records, now)
			if got := tr.counts(); got != tc.want {
				t.Errorf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

// The tracker, which remembers little, finds the same as a model that remembers everything.
func TestTheTrackerAgreesWithAModelThatRemembersAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		arrivals := rapid.SliceOfN(rapid.IntRange(1, 30), 0, 60).Draw(t, "numbers")
		tr := newTracker("a", nil)
		seen, highest := map[int]bool{}, 0
		var want counts
		for i, n := range arrivals {
			tr.observe([]Record{rowOf("a", "net/lo", uint64(n), 0, int64(i))}, time.Unix(1_800_000_001, 0))
			switch {
			case seen[n]:
				want.duplicated++
				continue
			case n < highest:
				want.outOfOrder++
			}
			seen[n] = true
			highest = max(highest, n)
			want.read++
		}
		want.missing = uint64(highest - len(seen))
		want.streams = min(len(arrivals), 1)
		if got := tr.counts(); got != want {
			t.Fatalf("numbers %v: got %+v, want %+v", arrivals, got, want)
		}
	})
}

func TestLatencyIsFromSamplingToReading(t *testing.T) {
	tr := newTracker("a", nil)
	for i := range 100 {
		r := rowOf("a", "cpu/0", uint64(i+1), 0, int64(i))
		tr.observe([]Record{r}, time.Unix(1_800_000_000, 0).Add(time.Duration(i+1)*time.Millisecond))
	}
	var st state
	tr.snapshot(time.Unix(1_800_000_000, 0).Add(100*time.Millisecond), &st)
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= want/50 }
	if !near(st.whole.P50, 50*time.Millisecond) || !near(st.whole.P99, 99*time.Millisecond) || !near(st.whole.Max, 100*time.Millisecond) {
		t.Errorf("1 to 100 ms give %+v", st.whole)
	}
}

func TestOldLatenciesLeaveTheWindowAndStayInTheWhole(t *testing.T) {
	tr := newTracker("a", nil)
	at := time.Unix(1_800_000_000, 0)
	tr.observe([]Record{rowOf("a", "cpu/0", 1, 0, 0)}, at.Add(time.Second))
	var st state
	tr.snapshot(at.Add(time.Minute), &st)
	if st.latency != (latency{}) || st.whole.Max == 0 {
		t.Errorf("a minute later: lately %+v, whole %+v", st.latency, st.whole)
	}
}

// secondOf is a row of stream with one value, at second n.
func secondOf(n int, stream, value string, number float64) Record {
	s := host.Sample{Stream: stream, Time: time.Unix(1_800_000_000+int64(n), 0), Values: []host.Value{{Name: value, Number: number}}}
	return Record{Key: []byte(stream), Value: appendRow(nil, s, "a", uint64(n+1))}
}

func TestEachStreamHasItsRateItsMaximumAndItsHistory(t *testing.T) {
	tr := newTracker("a", nil)
	at := time.Unix(1_800_000_000, 0)
	var st state
	for n, cpu := range []float64{0.5, 2, 0.25, 0.25} {
		now := at.Add(time.Duration(n) * time.Second)
		tr.observe([]Record{
			secondOf(n, "proc/7 busy worker", "cpu", cpu), secondOf(n, "proc/8 idle", "cpu", 0),
			secondOf(n, "cpu/10", "user", 0.5), secondOf(n, "cpu/9", "user", 0.25), secondOf(n, "disk/vda", "read", 4096),
			secondOf(n, "net/eth0", "sent", 1000),
		}, now)
		st = state{}
		tr.snapshot(now, &st)
	}
	if len(st.processes) != 2 || len(st.cores) != 2 || len(st.disks) != 1 || len(st.nets) != 1 {
		t.Fatalf("state: %+v", st)
	}
	p := st.processes[0]
	if p.name != "busy worker" || p.pid != "7" || p.rate != 1 || p.most["cpu"] != 2 || p.values["cpu"] != 0.25 {
		t.Errorf("the busiest process: %+v", p)
	}
	if d := cmp.Diff([]float64{0.5, 2, 0.25, 0.25}, p.spark); d != "" {
		t.Error(d)
	}
	if st.cores[0].name != "9" || st.cores[1].name != "10" {
		t.Errorf("core 9 comes before core 10: %+v", st.cores)
	}

	tr.snapshot(at.Add(time.Hour), &st)
	st = state{}
	tr.snapshot(at.Add(time.Hour), &st)
	if len(st.processes) != 0 || st.streams != 6 {
		t.Errorf("an hour later %d processes are shown, of %d streams known", len(st.processes), st.streams)
	}
	tr.observe([]Record{secondOf(4, "proc/8 idle", "cpu", 1)}, at.Add(time.Hour))
	st = state{}
	tr.snapshot(at.Add(time.Hour), &st)
	if c := tr.counts(); len(st.processes) != 1 || c.missing+c.outOfOrder+c.duplicated != 0 {
		t.Errorf("a stream that comes back goes on in order: %+v, %+v", st.processes, c)
	}
}

func TestALossSeenFromThreeSidesCountsOnce(t *testing.T) {
	for _, tc := range []struct {
		acked uint64
		c     counts
		want  uint64
	}{
		{10, counts{read: 10}, 0},
		{10, counts{read: 7, missing: 3, gaps: 3}, 3},
		{10, counts{read: 7}, 3},
		{10, counts{read: 10, gaps: 1}, 1},
		{10, counts{read: 12}, 0},
	} {
		if got := lost(tc.acked, tc.c); got != tc.want {
			t.Errorf("lost(%d, %+v) = %d, want %d", tc.acked, tc.c, got, tc.want)
		}
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add(rowOf("a", "proc/4711 postgres", 17, 0, 0).Value)
	f.Add([]byte(`{}`))
	f.Add([]byte(`[1]`))
	f.Add([]byte(`{"t":"2026-11-24T15:00:00Z","stream":"x","run":"r","seq":1e300}`))
	f.Add([]byte(`{"t":1,"stream":2,"run":3,"seq":"4"}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		r, err := decodeRow(value)
		if err == nil && (r.stream == "" || r.run == "" || r.seq == 0) {
			t.Errorf("decoded a row without its parts: %+v", r)
		}
	})
}
