package main

import (
	"strings"
	"testing"
)

func TestKillReachesChildren(t *testing.T) {
	p, err := start("shell", "", t.TempDir(), nil, "/bin/sh", "-c", "sleep 600 & echo up; wait")
	if err != nil {
		t.Fatal(err)
	}
	p.kill() // returns only when nobody holds the shell's output any more
	p.kill()
	p.stop()
}

func TestAServerThatEndsIsToldWithItsOutput(t *testing.T) {
	addr, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, err = startReady(t.Context(), "shell", addr, t.TempDir(), nil, "/bin/sh", "-c", "echo no room; exit 3")
	if err == nil || !strings.Contains(err.Error(), "no room") {
		t.Errorf("%v", err)
	}
}

func TestOutputKeepsTheEnd(t *testing.T) {
	var o output
	for range 100 {
		_, _ = o.Write([]byte(strings.Repeat("x", 1000)))
	}
	_, _ = o.Write([]byte("the end"))
	if s := o.String(); len(s) != keepOutput || !strings.HasSuffix(s, "the end") {
		t.Errorf("%d bytes kept", len(s))
	}
}
