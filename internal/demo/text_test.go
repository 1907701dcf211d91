package demo

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNumbersAreShort(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(int64(-1234567)): "-1,234,567",
		millis(1234 * time.Microsecond): "1.23 ms", millis(12345 * time.Microsecond): "12.3 ms",
		millis(345678 * time.Microsecond): "346 ms", millis(12 * time.Second): "12.0 s", millis(0): "–",
		bytesText(0): "0 B", bytesText(1023): "1.0 KiB", bytesText(12.9e6): "12.3 MiB", bytesText(250e9): "233 GiB",
		percent(0.004): "0.4 %", percent(1.6): "160 %",
		clock(83 * time.Second): "1:23", clock(3 * time.Hour): "3:00:00",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestASparklineEndsWithTheNewestValue(t *testing.T) {
	for _, tc := range []struct {
		values []float64
		full   float64
		want   string
	}{
		{nil, 1, "    "},
		{[]float64{0, 1}, 1, "  ▁█"},
		{[]float64{9, 9, 0, 0.5, 1, 2}, 1, "▁▅██"},
		{[]float64{1}, 0, "   ▁"},
	} {
		if got := sparkline(tc.values, 4, tc.full); got != tc.want {
			t.Errorf("sparkline(%v) = %q, want %q", tc.values, got, tc.want)
		}
	}
}

func TestAHistoryKeepsTheMeanOfEachSecond(t *testing.T) {
	var h history
	at := time.Unix(1_800_000_000, 0)
	h.add(at, 1)
	h.add(at.Add(500*time.Millisecond), 3)
	h.add(at.Add(1000*time.Millisecond), 5)
	h.add(at.Add(3500*time.Millisecond), 7) // one second without a value shows the one before
	if d := cmp.Diff([]float64{2, 5, 5, 7}, h.values()); d != "" {
		t.Error(d)
	}
	for i := range 1000 {
		h.add(at.Add(time.Duration(4+i)*time.Second), float64(i))
	}
	if got := h.values(); len(got) != historySlots+1 || got[len(got)-1] != 999 || got[0] != 999-historySlots {
		t.Errorf("%d values from %v to %v", len(got), got[0], got[len(got)-1])
	}
	h.add(at.Add(24*time.Hour), 1) // after a day of sleep it goes on
	if got := h.values(); len(got) != historySlots+1 || got[len(got)-1] != 1 {
		t.Errorf("%d values, the last %v", len(got), got[len(got)-1])
	}
}

func TestAMeterGivesTheRateOfTheLastReadings(t *testing.T) {
	var m meter
	at := time.Unix(1_800_000_000, 0)
	if got := m.rate(at, 1000); got != 0 {
		t.Errorf("first: %v", got)
	}
	for i := 1; i <= 20; i++ {
		if got := m.rate(at.Add(time.Duration(i)*250*time.Millisecond), 1000+uint64(i)*25); got != 100 {
			t.Errorf("reading %d: %v", i, got)
		}
	}
}
