package main

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// The collector of a broker by itself lets garbage come to half of what is in use, and to serveGarbage at most. What is in use is mostly bytes of records, which the
// collector does not look into: it is cheap, and by its default garbage would double what each bound on memory allows.
const (
	serveGCPercent  = 50
	serveGarbage    = 12 << 20
	serveGCMinimum  = 10
	metricLiveBytes = "/gc/heap/live:bytes"
)

// boundGarbage has the collector keep to serveGCPercent and serveGarbage for the rest of the process: at the end of each of its cycles, its percentage is set for the next.
func boundGarbage() {
	now := serveGCPercent
	debug.SetGCPercent(now)
	live := []metrics.Sample{{Name: metricLiveBytes}}
	var next func(int)
	next = func(int) {
		metrics.Read(live)
		if p := gcPercent(live[0].Value.Uint64()); p != now {
			now = p
			debug.SetGCPercent(now)
		}
		endOfCycle(next)
	}
	endOfCycle(next)
}

// endOfCycle calls f after the collector's next cycle.
func endOfCycle(f func(int)) { runtime.AddCleanup(new([16]byte), f, 0) }

// gcPercent is the percentage by which live bytes may grow.
func gcPercent(live uint64) int {
	return int(min(serveGCPercent, max(serveGCMinimum, 100*serveGarbage/max(live, 1))))
}
