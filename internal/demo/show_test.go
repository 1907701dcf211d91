package demo

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithoutATerminalALineComesAfterASecondAndThenEveryFive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		sum, err := runOn(t, aBroker(t), 1000, func(o *Options) { o.For, o.Live = 12500*time.Millisecond, &out })
		if err != nil {
			t.Fatal(err)
		}
		live := out.String()
		if !sum.Intact() || sum.RowsWritten < 700 || sum.Seconds < 12 || sum.Seconds > 15 {
			t.Errorf("summary: %+v", sum)
		}
		lines := strings.Split(strings.TrimSpace(live), "\n")
		var at []string
		for _, l := range lines[3:] {
			at = append(at, strings.Fields(l)[0])
		}
		if got := strings.Join(at, " "); got != "0:01 0:06 0:11" {
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

func TestTheSummarySaysWhatCameOutAndWhereToLook(t *testing.T) {
	s := Summary{RowsWritten: 3645, RowsRead: 3644, RowsLost: 1, Streams: 100, P50: 0.33, P99: 1.61, Max: 2.22, Seconds: 12,
		BytesOnDisk: 12 << 20, Data: "./my data", PacketsBefore: 60, Resumed: true}
	var b strings.Builder
	if err := s.WriteText(&b, "bobbin"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ROWS WERE LOST", "3,645", "0.33 ms", "12.0 MiB in ./my data", "60 packets from earlier runs",
		"bobbin verify './my data'", "bobbin topic describe host-metrics", "bobbin stream list host-metrics", "bobbin stream tail host-metrics cpu/0"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
	b.Reset()
	if err := (Summary{RowsWritten: 1, RowsRead: 1, Address: "kafka:9092"}).WriteText(&b, "bobbin"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "every row that was acknowledged was read") ||
		!strings.Contains(b.String(), "stream tail host-metrics -B kafka:9092 cpu/0") || strings.Contains(b.String(), "verify") {
		t.Errorf("on a cluster elsewhere:\n%s", &b)
	}
}
