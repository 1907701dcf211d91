package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// An error of the disk, at any write or sync of any kind of file, ends the service: Failed is closed, nothing is acknowledged any more, what
// was acknowledged can be read on, and the next start finds it.
func TestNothingIsAcknowledgedAfterAnIOError(t *testing.T) {
	for _, c := range []struct {
		op      vfs.Op
		name    string
		perFile bool // the file system has no sync of its whole
	}{
		{op: vfs.OpWrite, name: "wal/*.wal"},
		{op: vfs.OpSync, name: "wal/*.wal"},
		{op: vfs.OpAllocate, name: "wal/*.wal"},
		{op: vfs.OpRename, name: "wal/*.wal"},
		{op: vfs.OpSyncDir, name: "data/wal"},
		{op: vfs.OpWrite, name: "*.log"},
		{op: vfs.OpSync, name: "*.log", perFile: true},
		{op: vfs.OpWrite, name: "*.index"},
		{op: vfs.OpSync, name: "*.index", perFile: true},
		{op: vfs.OpWrite, name: "*.timeindex"},
		{op: vfs.OpMkdir, name: "data/a-*"},
		{op: vfs.OpWrite, name: "partition.metadata"},
		{op: vfs.OpSyncDir, name: "data/a-*", perFile: true},
		{op: vfs.OpSyncDir, name: "data", perFile: true},
		{op: vfs.OpSyncFS},
		{op: vfs.OpOpen, name: "checkpoint/*"},
		{op: vfs.OpWrite, name: "checkpoint/*"},
		{op: vfs.OpSync, name: "checkpoint/*"},
		{op: vfs.OpRename, name: "checkpoint/*"},
		{op: vfs.OpSyncDir, name: "data/checkpoint"},
		{op: vfs.OpRename, name: "data/victim-*"},
	} {
		t.Run(fmt.Sprintf("%s %s", c.op, c.name), func(t *testing.T) {
			t.Parallel()
			hits := 0
			for _, after := range []int{0, 1, 5} {
				rule := &vfs.Rule{Op: c.op, Name: c.name, Err: syscall.EIO, After: after}
				mem := vfs.NewMem()
				failAt(t, mem, rule, c.perFile)
				if rule.Hits() == 0 {
					break
				}
				hits++
				if t.Failed() {
					t.Fatalf("the operation after %d others failed", after)
				}
			}
			if hits == 0 {
				t.Fatal("there was no such operation")
			}
		})
	}
}

// failAt works on a disk until it fails.
func failAt(t *testing.T, mem *vfs.Mem, rule *vfs.Rule, perFile bool) {
	t.Helper()
	var fsys vfs.FS = mem
	if perFile {
		fsys = noWholeSync{mem}
	}
	late := withLateFaults(fsys, rule)
	g := newLedger(1500)
	s := mustOpen(t, smallOptions(late))
	defer s.Abort()
	for _, name := range []string{"a", "victim"} {
		for _, l := range mustCreate(t, s, name, 2).Partitions {
			if err := g.write(t, l, patient); err != nil {
				t.Fatal(err)
			}
		}
	}
	late.on.Store(true)
	var err error
	for n := 0; n < 500 && err == nil; n++ {
		for _, l := range s.Topic("a").Partitions {
			if err = g.write(t, l, patient); err != nil {
				break
			}
		}
		if n%100 == 50 {
			s.checkpoints.kick()
		}
		if n == 200 && err == nil {
			if err = s.DeleteTopic(context.Background(), "victim"); err == nil {
				g.gone["victim"] = true
			}
		}
	}
	if rule.Hits() == 0 {
		return // there are not so many
	}
	select {
	case <-s.Failed():
	case <-time.After(patient):
		t.Errorf("the service goes on; the producer got: %v", err)
		return
	}
	if !errors.Is(s.Err(), syscall.EIO) {
		t.Errorf("Err: %v", s.Err())
	}
	for _, tp := range s.Topics() {
		for _, l := range tp.Partitions {
			if err := g.write(t, l, patient); err == nil {
				t.Errorf("%s-%d: a record was acknowledged after %v", tp.Name, l.ID().Partition, s.Err())
			}
		}
	}
	if _, err := s.CreateTopic(context.Background(), newTopic("late", 1)); err == nil {
		t.Errorf("a topic was made after %v", s.Err())
	}
	if _, err := s.NewProducerID(context.Background()); err == nil {
		t.Errorf("a producer id was given after %v", s.Err())
	}
	if s.Topic("victim") == nil {
		g.gone["victim"] = true
	}
	if err := g.check(s); err != nil {
		t.Errorf("reading after %v: %v", s.Err(), err)
	}
	mustNotHang(t, "Close", func() { s.Close() })
	g.checkRestartsAfterFailure(t, mem)
}

// checkRestartsAfterFailure is checkRestarts when what was not acknowledged, a topic or its deletion, may be found or not.
func (g *ledger) checkRestartsAfterFailure(t *testing.T, mem *vfs.Mem) {
	t.Helper()
	for _, keep := range []vfs.Keep{vfs.KeepNone, vfs.KeepAll} {
		s, err := Open(context.Background(), smallOptions(mem.Crash(vfs.Crash{Keep: keep})))
		if err != nil {
			t.Errorf("restart with %s: %v", keepNames[keep], err)
			continue
		}
		if err := g.check(s); err != nil && !strings.HasPrefix(err.Error(), "victim-") {
			t.Errorf("restart with %s: %v", keepNames[keep], err)
		}
		if n := len(s.Recovery().Offline); n > 0 {
			t.Errorf("restart with %s: offline: %v", keepNames[keep], s.Recovery().Offline[0])
		}
		mustClose(t, s)
	}
}

// noWholeSync is a file system without syncfs.
type noWholeSync struct{ vfs.FS }

func (noWholeSync) SyncFS(string) error { return errors.ErrUnsupported }

func mustNotHang(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	select {
	case <-done:
	case <-time.After(patient):
		t.Fatalf("%s does not end", what)
	}
}
