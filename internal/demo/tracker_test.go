package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// arrival is a row as the reader gets it.
type arrival struct {
	stream    string
	partition int32
	row       row
}

func rowOf(run, stream string, seq uint64, partition int32) arrival {
	return arrival{stream, partition, row{time: time.Unix(1_800_000_000, 0), run: run, seq: seq, values: map[string]float64{"cpu": 0.25}}}
}

// arrive gives the tracker rows.
func (t *tracker) arrive(now time.Time, all ...arrival) {
	for _, a := range all {
		t.observe(a.stream, a.partition, a.row, now)
	}
}

func TestEachKindOfDisorderIsCountedAsWhatItIs(t *testing.T) {
	now := time.Unix(1_800_000_001, 0)
	for name, tc := range map[string]struct {
		rows []arrival
		want counts
	}{
		"in order": {
			[]arrival{rowOf("a", "cpu/0", 1, 0), rowOf("a", "cpu/0", 2, 0)},
			counts{read: 2, streams: 1},
		},
		"a row is missing": {
			[]arrival{rowOf("a", "cpu/0", 1, 0), rowOf("a", "cpu/0", 3, 0)},
			counts{read: 2, streams: 1, missing: 1},
		},
		"a row comes late": {
			[]arrival{rowOf("a", "cpu/0", 2, 0), rowOf("a", "cpu/0", 1, 0)},
			counts{read: 2, streams: 1, outOfOrder: 1},
		},
		"a row comes twice": {
			[]arrival{rowOf("a", "cpu/0", 1, 0), rowOf("a", "cpu/0", 1, 0)},
			counts{read: 1, streams: 1, duplicated: 1},
		},
		"a stream moves to another partition": {
			[]arrival{rowOf("a", "cpu/0", 1, 0), rowOf("a", "cpu/0", 2, 1)},
			counts{read: 2, streams: 1, outOfOrder: 1},
		},
		"another run's rows are not this run's": {
			[]arrival{rowOf("b", "cpu/0", 40, 0), rowOf("a", "cpu/0", 1, 0)},
			counts{read: 1, streams: 1, foreign: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTracker("a")
			tr.arrive(now, tc.rows...)
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
		tr := newTracker("a")
		seen, highest := map[int]bool{}, 0
		var want counts
		for _, n := range arrivals {
			tr.arrive(time.Unix(1_800_000_001, 0), rowOf("a", "net/lo", uint64(n), 0))
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
	tr := newTracker("a")
	for i := range 100 {
		tr.arrive(time.Unix(1_800_000_000, 0).Add(time.Duration(i+1)*time.Millisecond), rowOf("a", "cpu/0", uint64(i+1), 0))
	}
	var st state
	tr.snapshot(time.Unix(1_800_000_000, 0).Add(100*time.Millisecond), &st)
	near := func(got, want time.Duration) bool { return (got - want).Abs() <= want/50 }
	if !near(st.whole.P50, 50*time.Millisecond) || !near(st.whole.P99, 99*time.Millisecond) || !near(st.whole.Max, 100*time.Millisecond) {
		t.Errorf("1 to 100 ms give %+v", st.whole)
	}
}

func TestOldLatenciesLeaveTheWindowAndStayInTheWhole(t *testing.T) {
	tr := newTracker("a")
	at := time.Unix(1_800_000_000, 0)
	tr.arrive(at.Add(time.Second), rowOf("a", "cpu/0", 1, 0))
	var st state
	tr.snapshot(at.Add(time.Minute), &st)
	if st.latency != (latency{}) || st.whole.Max == 0 {
		t.Errorf("a minute later: lately %+v, whole %+v", st.latency, st.whole)
	}
}

// secondOf is a row of stream with one value, at second n.
func secondOf(n int, stream, value string, number float64) arrival {
	return arrival{stream, 0, row{time: time.Unix(1_800_000_000+int64(n), 0), run: "a", seq: uint64(n + 1), values: map[string]float64{value: number}}}
}

func TestEachStreamHasItsRateItsMaximumAndItsHistory(t *testing.T) {
	tr := newTracker("a")
	at := time.Unix(1_800_000_000, 0)
	var st state
	for n, cpu := range []float64{0.5, 2, 0.25, 0.25} {
		now := at.Add(time.Duration(n) * time.Second)
		tr.arrive(now,
			secondOf(n, "proc/7 busy worker", "cpu", cpu), secondOf(n, "proc/8 idle", "cpu", 0),
			secondOf(n, "cpu/10", "user", 0.5), secondOf(n, "cpu/9", "user", 0.25), secondOf(n, "disk/vda", "read", 4096),
			secondOf(n, "net/eth0", "sent", 1000),
		)
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
	tr.arrive(at.Add(time.Hour), secondOf(4, "proc/8 idle", "cpu", 1))
	st = state{}
	tr.snapshot(at.Add(time.Hour), &st)
	if c := tr.counts(); len(st.processes) != 1 || c.missing+c.outOfOrder+c.duplicated != 0 {
		t.Errorf("a stream that comes back goes on in order: %+v, %+v", st.processes, c)
	}
}

func TestALossSeenFromTwoSidesCountsOnce(t *testing.T) {
	for _, tc := range []struct {
		acked uint64
		c     counts
		want  uint64
	}{
		{10, counts{read: 10}, 0},
		{10, counts{read: 7, missing: 3}, 3},
		{10, counts{read: 7}, 3},
		{10, counts{read: 10, missing: 1}, 1},
		{10, counts{read: 12}, 0},
	} {
		if got := lost(tc.acked, tc.c); got != tc.want {
			t.Errorf("lost(%d, %+v) = %d, want %d", tc.acked, tc.c, got, tc.want)
		}
	}
}
