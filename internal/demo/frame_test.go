package demo

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden frames anew")

// aState is a busy moment of a machine with four cores.
func aState() state {
	wave := func(n int, height, shift float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = height * (0.55 + 0.45*math.Sin(float64(i)/4+shift))
		}
		return out
	}
	st := state{
		address: "127.0.0.1:9092", durability: "sync", elapsed: 83 * time.Second, before: 12345,
		written: 25_731, read: 25_730, writeRate: 309.4, readRate: 309.1, streams: 93,
		latency: latency{P50: 1200 * time.Microsecond, P99: 4810 * time.Microsecond},
		whole:   latency{P50: 1300 * time.Microsecond, P99: 5 * time.Millisecond, Max: 23400 * time.Microsecond},
		onDisk:  12_912_345, cost: 0.0134, events: 117,
		readers:    []reader{{name: "reader-1", partitions: 2, streams: 44}, {name: "reader-2", partitions: 2, streams: 49}},
		happenings: []happening{{what: "started", name: "4711 postgres"}, {what: "exited", name: "4242 make"}},
	}
	for i := range 4 {
		st.cores = append(st.cores, line{name: fmt.Sprint(i), spark: wave(83, 0.9, float64(i)), lately: 0.2 * float64(i+1)})
	}
	st.disks = []line{{name: "vda", spark: wave(83, 5e6, 1), lately: 4.2e6}, {name: "nvme0n1", spark: wave(83, 9, 2)}}
	st.nets = []line{{name: "eth0", spark: wave(83, 3e5, 3), lately: 2.5e5}, {name: "lo", spark: wave(5, 100, 3), lately: 100}}
	names := []string{"postgres", "a-name-that-is-longer-than-its-room", "java", "kthreadd", "日本語の名前", "sshd"}
	for i := range 30 {
		rss := float64((40 - i) << 20)
		if names[i%len(names)] == "kthreadd" {
			rss = 0
		}
		st.processes = append(st.processes, line{
			name: names[i%len(names)], pid: fmt.Sprint(4711 + i), rate: 10, spark: wave(20+i*4, 1/float64(i+1), float64(i)),
			lately: 1 / float64(i+1), most: map[string]float64{"cpu": 1.6 / float64(i+1)}, values: map[string]float64{"rss": rss},
		})
	}
	return st
}

func TestAFrameLooksAsItShould(t *testing.T) {
	lossy := aState()
	lossy.skipped, lossy.outOfOrder, lossy.duplicated, lossy.ending, lossy.onDisk = 3, 2, 1, true, -1
	lossy.durability = "interval:100ms"
	lossy.readers[1].killed = true
	for name, tc := range map[string]struct {
		st    state
		to    size
		color bool
	}{
		"80x24":       {aState(), size{80, 24}, false},
		"120x40":      {aState(), size{120, 40}, false},
		"80x24-color": {aState(), size{80, 24}, true},
		"first":       {state{address: "127.0.0.1:9093", durability: "os", onDisk: 16 << 20}, size{80, 24}, false},
		"lossy":       {lossy, size{80, 24}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.ReplaceAll(strings.Join(render(tc.st, tc.to, tc.color), "|\n")+"|\n", "\x1b", "␛")
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAFrameFitsATerminalOfAnySize(t *testing.T) {
	for columns := 1; columns <= 200; columns += 11 {
		for rows := 1; rows <= 60; rows += 7 {
			lines := render(aState(), size{columns, rows}, false)
			if len(lines) != rows {
				t.Fatalf("%dx%d: %d lines", columns, rows, len(lines))
			}
			for i, l := range lines {
				if width(l) > columns {
					t.Fatalf("%dx%d: line %d takes %d columns: %q", columns, rows, i, width(l), l)
				}
			}
		}
	}
}

func TestColoursChangeNothingButTheColour(t *testing.T) {
	to := size{100, 30}
	bare, coloured := render(aState(), to, false), render(aState(), to, true)
	for i := range coloured {
		var b strings.Builder
		for rest := coloured[i]; rest != ""; {
			before, after, found := strings.Cut(rest, "\x1b[")
			b.WriteString(before)
			if rest = ""; found {
				_, rest, _ = strings.Cut(after, "m")
			}
		}
		if b.String() != bare[i] {
			t.Errorf("line %d\n%q\n%q", i, b.String(), bare[i])
		}
	}
}
