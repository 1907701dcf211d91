package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func TestParseStatReadsAnyName(t *testing.T) {
	const rest = " S 17 42 42 0 -1 4194304 500 600 0 0 1200 34 5 6 20 0 9 0 12345 1 2"
	for _, name := range []string{"bobbin", "a b", "x) S 1 (", ""} {
		s, err := parseStat("42 (" + name + ")" + rest)
		if err != nil || s != (stat{pid: 42, parent: 17, cpuTicks: 1245}) {
			t.Errorf("name %q: %+v, %v", name, s, err)
		}
	}
	for _, line := range []string{"", "42 bobbin S 17", "42 (bobbin", ")(", "x (bobbin)" + rest, "42 (bobbin) S 17 42"} {
		if s, err := parseStat(line); err == nil {
			t.Errorf("%q was read as %+v", line, s)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a b) S 17 42 42 0 -1 4194304 500 600 0 0 1200 34 5 6 20 0 9 0")
	f.Add("1 ())")
	f.Fuzz(func(t *testing.T, line string) {
		_, _ = parseStat(line) // it answers or refuses, and never panics
	})
}

func TestTreeHoldsDescendantsOnly(t *testing.T) {
	all := []stat{{pid: 1}, {pid: 10, parent: 1}, {pid: 12, parent: 11}, {pid: 11, parent: 10}, {pid: 20, parent: 1}, {pid: 21, parent: 20}}
	var pids []int
	for _, s := range tree(10, all) {
		pids = append(pids, s.pid)
	}
	if !slices.Equal(pids, []int{10, 11, 12}) {
		t.Errorf("tree of 10: %v", pids)
	}
	if len(tree(99, all)) != 0 {
		t.Error("a process that is not there has a tree")
	}
}

func TestThisProcessHasMemoryAndTime(t *testing.T) {
	resident, err := memory(os.Getpid(), "VmRSS")
	if err != nil || resident < 1<<20 {
		t.Errorf("resident %v, %v", resident, err)
	}
	peak, err := memory(os.Getpid(), "VmHWM")
	if err != nil || peak < 1<<20 {
		t.Errorf("peak %v, %v", peak, err)
	}
	if _, err := cpuSeconds(os.Getpid()); err != nil {
		t.Error(err)
	}
}

func TestKilobytes(t *testing.T) {
	const text = "Dirty:               200 kB\nWriteback:             0 kB\nDirtyLimit: 7 kB\nOdd:\nWorse: x kB\n"
	for field, want := range map[string]float64{"Dirty": 204800, "Writeback": 0, "Odd": 0, "Worse": 0, "None": 0} {
		if got := kilobytes([]byte(text), field); got != want {
			t.Errorf("%s: %v, want %v", field, got, want)
		}
	}
}

func TestCoresTellStolenTime(t *testing.T) {
	start := parseCores("cpu  100 0 50 800 10 0 5 35 9 9\ncpu0 1 1\n")
	if start != (cores{total: 1000, stolen: 35}) {
		t.Fatalf("%+v", start)
	}
	end := parseCores("cpu  150 0 60 820 10 0 5 55 9 9\n")
	if got := end.stolenSince(start); got != 0.2 {
		t.Errorf("stolen %v, want 0.2", got)
	}
	if got := start.stolenSince(start); got != 0 {
		t.Errorf("stolen %v in no time", got)
	}
	if got := parseCores(strings.Repeat("x ", 12)); got != (cores{}) {
		t.Errorf("nonsense was read as %+v", got)
	}
}

func TestCPUModel(t *testing.T) {
	if got := cpuModel("processor\t: 0\nmodel name\t: EPYC: 9 \nmodel name\t: other\n"); got != "EPYC: 9" {
		t.Errorf("%q", got)
	}
	if got := cpuModel("processor: 0\n"); got != "unknown" {
		t.Errorf("%q", got)
	}
}
