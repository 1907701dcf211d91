package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{3, 1, 2}, 2},
		{[]float64{4, 1, 3, 2}, 2.5},
		{[]float64{100, 1, 1, 1, 1}, 1},
	} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v: %v, want %v", test.values, got, test.want)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("the median of nothing is a number")
	}
	values := []float64{3, 1, 2}
	median(values)
	if values[0] != 3 {
		t.Error("median changed the order of its values")
	}
}

func TestIntervalHoldsTheMedianAndRepeats(t *testing.T) {
	values := []float64{0.9, 1.1, 1.0, 1.4, 0.8}
	low, high := interval(values)
	if m := median(values); low > m || m > high || low < 0.8 || high > 1.4 {
		t.Errorf("interval %v to %v, median %v", low, high, m)
	}
	if l, h := interval(values); l != low || h != high {
		t.Error("the same values gave another interval")
	}
	if low, high := interval([]float64{2}); low != 2 || high != 2 {
		t.Errorf("interval of one value: %v to %v", low, high)
	}
}

func TestApart(t *testing.T) {
	for _, test := range []struct{ a, b, want float64 }{{100, 100, 0}, {100, 115, 0.15}, {115, 100, 0.15}, {0, 1, math.Inf(1)}} {
		if got := apart(test.a, test.b); math.Abs(got-test.want) > 1e-9 && got != test.want {
			t.Errorf("%v and %v are %v apart, want %v", test.a, test.b, got, test.want)
		}
	}
}

// The ratio is taken within each round; the machine may be twice as fast in the next.
func TestJudgeTakesTheMedianOfRatios(t *testing.T) {
	goals := []goal{
		{"speed", ratio("gb_s", "ours", "limit"), 1, true},
		{"time", ratio("ms", "ours", "limit"), 2, false},
		{"peer", ratio("gb_s", "ours", "peer"), 1, true},
	}
	rounds := []round{
		{"ours": {"gb_s": 1, "ms": 3}, "limit": {"gb_s": 2, "ms": 1}},
		{"ours": {"gb_s": 8, "ms": 1}, "limit": {"gb_s": 4, "ms": 1}},
		{"ours": {"gb_s": 3, "ms": 5}, "limit": {"gb_s": 2, "ms": 2}},
	}
	results := judge("test", goals, rounds)
	if len(results) != 2 {
		t.Fatalf("%d results, want 2: a contestant that did not take part gives none", len(results))
	}
	if r := results[0]; r.median != 1.5 || !r.met() || r.rounds != 3 {
		t.Errorf("speed: %+v", r)
	}
	if r := results[1]; r.median != 2.5 || r.met() {
		t.Errorf("time: %+v", r)
	}
	var table bytes.Buffer
	writeResults(&table, results)
	want := "| test | speed | 1.5 | 0.5 to 2 | 3 | at least 1 | yes |\n"
	if !strings.Contains(table.String(), want) {
		t.Errorf("table:\n%swant a row\n%s", table.String(), want)
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0.12345: "0.123", 12.34: "12.3", 701198: "701198", 1000.4: "1000"} {
		if got := short(v); got != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
	}
}
