package main

import "testing"

// Garbage comes to half of what is in use, up to the bound; a heap so large that the collector would run without end may have more.
func TestGarbageIsBounded(t *testing.T) {
	for live, want := range map[uint64]int{0: serveGCPercent, 1 << 20: serveGCPercent, 2 * serveGarbage: serveGCPercent, 4 * serveGarbage: 25, 10 * serveGarbage: serveGCMinimum, 1 << 40: serveGCMinimum} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d bytes in use: %d %%, want %d %%", live, got, want)
		}
	}
}
