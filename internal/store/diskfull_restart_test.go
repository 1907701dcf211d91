package store

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// A broker that is started again and again on a full disk neither hangs nor uses up its log: when there is room, it serves.
func TestRestartsOnAFullDisk(t *testing.T) {
	mem := vfs.NewMem()
	g := newLedger(1500)
	rule := &vfs.Rule{Op: vfs.OpWrite, Name: "checkpoint/*", Err: syscall.ENOSPC, Times: -1}
	late := withLateFaults(mem, rule)
	s := mustOpen(t, smallOptions(late))
	l := mustCreate(t, s, "a", 1).Partitions[0]
	late.on.Store(true)
	for refused := 0; refused < 3; {
		if err := g.write(t, l, 50*time.Millisecond); err != nil {
			refused++
		}
	}
	for n := range 60 {
		mem = mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
		s.Abort()
		late = withLateFaults(mem, rule)
		late.on.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		var err error
		s, err = Open(ctx, smallOptions(late))
		cancel()
		if err != nil {
			t.Fatalf("restart %d: %v", n, err)
		}
		if err := g.check(s); err != nil {
			t.Fatalf("restart %d: %v", n, err)
		}
	}
	if total, most := s.Stats().WAL.TotalBytes, 2*s.opts.WALBytes; total > most {
		t.Errorf("the log's files have %d bytes, at most %d are allowed", total, most)
	}
	late.on.Store(false)
	eventually(t, "there is room again", func() error { return g.write(t, s.Topic("a").Partitions[0], time.Second) })
	mustClose(t, s)
	g.checkRestarts(t, mem)
}
