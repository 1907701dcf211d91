package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var someStreams = []string{"cpu/0", "cpu/1", "disk/vda", "net/eth0", "proc/1 init", "proc/4711 postgres"}

// runOn runs ticks readings of six streams through c.
func runOn(t *testing.T, c *fakeCluster, ticks int, change func(*Options)) (Summary, error) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	defer end()
	o := Options{Cluster: c, Sampler: &fakeSampler{streams: someStreams, ticks: ticks, end: end}, Address: "127.0.0.1:9092",
		Durability: "sync", Data: "./bobbin-data", DiskBytes: func() (int64, error) { return 4096, nil }}
	if change != nil {
		change(&o)
	}
	return Run(ctx, o)
}

func TestEveryRowThatIsAcknowledgedIsReadOnceAndInOrder(t *testing.T) {
	sum, err := runOn(t, newFakeCluster(), 50, nil)
	if err != nil {
		t.Fatal(err)
	}
	if sum.RowsWritten != 300 || sum.RowsRead != 300 || sum.Streams != 6 || !sum.Intact() {
		t.Errorf("wrote 300 rows of 6 streams, the summary says %+v", sum)
	}
	if sum.Resumed || sum.RowsBefore != 0 || sum.BytesOnDisk != 4096 || sum.P50 <= 0 || sum.Max < sum.P50 {
		t.Errorf("summary of a first run: %+v", sum)
	}
}

func TestASecondRunGoesOnWhereTheFirstEnded(t *testing.T) {
	c := newFakeCluster()
	first, err := runOn(t, c, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	var live bytes.Buffer
	second, err := runOn(t, c, 20, func(o *Options) { o.Live = &live })
	if err != nil {
		t.Fatal(err)
	}
	if !second.Resumed || second.RowsBefore != 60 || second.RowsWritten != 120 || second.RowsRead != 120 || !second.Intact() {
		t.Errorf("after a run of 60 rows, one of 120 says %+v", second)
	}
	if first.Run == second.Run {
		t.Error("two runs have one id")
	}
	if !strings.Contains(live.String(), "continuing: 60 rows from earlier runs") {
		t.Errorf("the second run does not say that it continues:\n%s", &live)
	}
}

func TestRowsThatAreLostDoubledOrSwappedAreFound(t *testing.T) {
	stream := func(r Record) string { return string(r.Key) }
	for name, tc := range map[string]struct {
		fault func(*[]Record, Record) []Record
		want  func(Summary) bool
	}{
		"one in ten is doubled": {
			func(_ *[]Record, r Record) []Record {
				if r.Offset%10 == 9 {
					return []Record{r, r}
				}
				return []Record{r}
			},
			func(s Summary) bool { return s.RowsDuplicated > 0 && s.RowsLost == 0 && s.RowsRead == s.RowsWritten },
		},
		"neighbours of a stream are swapped": {
			func(held *[]Record, r Record) []Record {
				if stream(r) != "cpu/0" {
					return []Record{r}
				}
				if len(*held) == 0 {
					*held = append(*held, r)
					return nil
				}
				out := []Record{r, (*held)[0]}
				*held = nil
				return out
			},
			func(s Summary) bool {
				return s.RowsOutOfOrder == 20 && s.RowsDuplicated == 0 && s.RowsRead == s.RowsWritten
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newFakeCluster()
			c.fault = func(read []Record) (out []Record) {
				for _, r := range read {
					out = append(out, tc.fault(&c.held, r)...)
				}
				return out
			}
			sum, err := runOn(t, c, 40, nil)
			if err != nil {
				t.Fatal(err)
			}
			if sum.Intact() || !tc.want(sum) {
				t.Errorf("summary: %+v", sum)
			}
		})
	}
}

func TestAWriteThatIsRefusedEndsTheRunWithItsCause(t *testing.T) {
	c := newFakeCluster()
	c.refuse = errNoSpace
	sum, err := runOn(t, c, 3, nil)
	if !errors.Is(err, errNoSpace) || !strings.Contains(err.Error(), "rows were not acknowledged by 127.0.0.1:9092") {
		t.Errorf("error: %v", err)
	}
	if sum.RowsWritten != 0 || sum.RowsLost != 0 {
		t.Errorf("a refused row is neither written nor lost: %+v", sum)
	}
}

func TestASamplerThatFailsEndsTheRunWithItsCause(t *testing.T) {
	broken := errors.New("no /proc")
	sum, err := runOn(t, newFakeCluster(), 3, func(o *Options) { o.Sampler.(*fakeSampler).err = broken })
	if !errors.Is(err, broken) {
		t.Errorf("error: %v", err)
	}
	if sum.RowsRead != 18 || !sum.Intact() {
		t.Errorf("what was written before is still read: %+v", sum)
	}
}

func TestTheSummaryIsOneObjectWithTheNamesOfTheContract(t *testing.T) {
	b, err := json.Marshal(Summary{})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rows_written", "rows_read", "rows_lost", "rows_out_of_order", "streams", "p50_ms", "p99_ms",
		"max_ms", "bytes_on_disk", "data", "address", "durability", "resumed", "rows_before", "seconds", "reader_cpu"} {
		if _, ok := got[name]; !ok {
			t.Errorf("the summary has no %s", name)
		}
	}
}
