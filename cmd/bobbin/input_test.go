package main

import (
	"bufio"
	"context"
	"io"
	"testing"
)

func TestAnInterruptionEndsAReadThatWaits(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	ctx, cancel := context.WithCancel(t.Context())
	in := bufio.NewReader(newInput(ctx, pr))
	go pw.Write([]byte("a line\n"))
	if s, err := in.ReadString('\n'); s != "a line\n" || err != nil {
		t.Fatalf("%q, %v", s, err)
	}
	cancel()
	if _, err := in.ReadByte(); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

func TestAnInputIsReadWhole(t *testing.T) {
	pr, pw := io.Pipe()
	want := make([]byte, 1<<20)
	go func() {
		pw.Write(want)
		pw.Close()
	}()
	got, err := io.ReadAll(newInput(t.Context(), pr))
	if err != nil || len(got) != len(want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
