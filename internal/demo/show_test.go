package demo

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/connect/host"
)

// A pacedSampler delivers one reading of each stream every 100 ms until the end.
type pacedSampler struct{ streams []string }

func (s pacedSampler) Read(ctx context.Context) ([]host.Sample, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(100 * time.Millisecond):
	}
	one := fakeSampler{streams: s.streams, ticks: 1}
	return one.Read(ctx)
}

func (pacedSampler) Cost() float64 { return 0.03 }

// paced runs for d of virtual time on c and returns what was shown.
func paced(t *testing.T, c *fakeCluster, d time.Duration) (Summary, string) {
	t.Helper()
	var live bytes.Buffer
	sum, err := Run(t.Context(), Options{Cluster: c, Sampler: pacedSampler{someStreams}, Address: "127.0.0.1:9092",
		Durability: "sync", For: d, Live: &live})
	if err != nil {
		t.Fatal(err)
	}
	return sum, live.String()
}

func TestWithoutATerminalALineComesAfterASecondAndThenEveryFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sum, live := paced(t, newFakeCluster(), 12500*time.Millisecond)
		if !sum.Intact() || sum.RowsWritten < 700 || sum.Seconds < 12 || sum.Seconds > 13 {
			t.Errorf("summary: %+v", sum)
		}
		lines := strings.Split(strings.TrimSpace(live), "\n")
		var at []string
		for _, l := range lines[3:] {
			at = append(at, strings.Fields(l)[0])
		}
		if strings.Join(at, " ") != "0:01 0:06 0:11" {
			t.Errorf("lines at %v:\n%s", at, live)
		}
		if !regexp.MustCompile(`\((5[5-9]|6[0-5])/s\) .* lost 0  out of order 0 `).MatchString(lines[5]) {
			t.Errorf("line: %s", lines[5])
		}
		if strings.Contains(live, "\x1b") {
			t.Error("escape sequences where there is no terminal")
		}
	})
}

func TestALostRowIsWaitedForAndThenCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster()
		dropped := 0
		c.fault = func(read []Record) (out []Record) {
			for _, r := range read {
				if string(r.Key) == "net/eth0" && r.Offset%7 == 3 {
					dropped++
					continue
				}
				out = append(out, r)
			}
			return out
		}
		sum, _ := paced(t, c, 5*time.Second)
		if dropped == 0 || sum.RowsLost < uint64(dropped) || sum.Intact() || sum.RowsRead+uint64(dropped) != sum.RowsWritten {
			t.Errorf("%d rows were dropped, the summary says %+v", dropped, sum)
		}
		if sum.Seconds < 15 {
			t.Errorf("gave up after %.1f s", sum.Seconds)
		}
	})
}

func TestTheSummarySaysWhatCameOutAndWhereToLook(t *testing.T) {
	s := Summary{RowsWritten: 3645, RowsRead: 3644, RowsLost: 1, Streams: 100, P50: 0.33, P99: 1.61, Max: 2.22, Seconds: 12,
		BytesOnDisk: 12 << 20, Data: "./my data", RowsBefore: 60, Resumed: true}
	var b strings.Builder
	if err := s.WriteText(&b, "bobbin"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ROWS WERE LOST", "3,645", "0.33 ms", "12.0 MiB in ./my data", "60 rows from earlier runs",
		"bobbin verify './my data'", "bobbin topic describe host-metrics", "bobbin consume host-metrics --from start --count 5"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	b.Reset()
	if err := (Summary{RowsWritten: 1, RowsRead: 1, Address: "kafka:9092"}).WriteText(&b, "bobbin"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "every row that was acknowledged was read") ||
		!strings.Contains(b.String(), "consume host-metrics -B kafka:9092") || strings.Contains(b.String(), "verify") {
		t.Errorf("on a cluster elsewhere:\n%s", &b)
	}
}
