package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"syscall"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// ErrNoSpace is temporary at every kind of write: producers get a retriable error or wait, reads and deletes go on, and when there is room again
// the store serves without a restart and holds all that it acknowledged.
func TestDiskFullAtEveryKindOfWrite(t *testing.T) {
	for _, c := range []struct {
		op     vfs.Op
		name   string
		stalls bool // what is queued waits for room, deletes too: the log itself cannot be written
	}{
		{op: vfs.OpOpen, name: "wal/*.wal"},
		{op: vfs.OpAllocate, name: "wal/*.wal"},
		{op: vfs.OpRename, name: "wal/*.wal"},
		{op: vfs.OpWrite, name: "wal/*.wal", stalls: true},
		{op: vfs.OpMkdir, name: "data/a-*"},
		{op: vfs.OpWrite, name: "*.log"},
		{op: vfs.OpOpen, name: "*.index"},
		{op: vfs.OpWrite, name: "*.index"},
		{op: vfs.OpOpen, name: "*.timeindex"},
		{op: vfs.OpWrite, name: "*.timeindex"},
		{op: vfs.OpWrite, name: "partition.metadata*"},
		{op: vfs.OpWrite, name: "leader-epoch-checkpoint*"},
		{op: vfs.OpOpen, name: "checkpoint/*"},
		{op: vfs.OpWrite, name: "checkpoint/*"},
		{op: vfs.OpRename, name: "checkpoint/*"},
		{op: vfs.OpRename, name: "data/victim-*"},
		{op: vfs.OpAllocate, name: "ballast"},
	} {
		t.Run(fmt.Sprintf("%s %s", c.op, c.name), func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			g := newLedger(1500)
			rule := &vfs.Rule{Op: c.op, Name: c.name, Err: syscall.ENOSPC, Times: -1}
			late := withLateFaults(mem, rule)
			s := mustOpen(t, smallOptions(late))
			defer s.Abort()
			victim := mustCreate(t, s, "victim", 1)
			if err := g.write(t, victim.Partitions[0], patient); err != nil {
				t.Fatal(err)
			}
			makeCheckpoint(t, s) // it has files, topic a has none
			for _, l := range mustCreate(t, s, "a", 2).Partitions {
				if err := g.write(t, l, patient); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "the log has a file ahead", func() error {
				if s.Stats().WAL.FilesReady == 0 {
					return errors.New("none")
				}
				return nil
			})
			late.on.Store(true)
			if c.stalls {
				stalledByFullDisk(t, s, g, rule)
			} else {
				fullDisk(t, s, g, rule)
			}
			if err := g.check(s); err != nil {
				t.Fatalf("after it: %v", err)
			}
			g.checkRestarts(t, mem)
			mustClose(t, s)
			g.checkRestarts(t, mem)
		})
	}
}

// fullDisk writes, reads and deletes while a rule makes the disk full, and writes again when it is over.
func fullDisk(t *testing.T, s *Store, g *ledger, rule *vfs.Rule) {
	t.Helper()
	a := s.Topic("a").Partitions
	refused := 0
	for n := 0; n < 800 && refused < 3; n++ {
		if err := g.write(t, a[n%2], 50*time.Millisecond); err != nil {
			if !retriable(err) {
				t.Fatalf("a producer got %v", err)
			}
			refused++
		}
		if n == 100 {
			s.checkpoints.kick()
		}
	}
	if err := g.check(s); err != nil {
		t.Fatalf("on a full disk: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := a[0].MoveStart(ctx, a[0].HighWatermark()/2); err != nil {
		t.Fatalf("records cannot be deleted on a full disk: %v", err)
	}
	if err := s.DeleteTopic(ctx, "victim"); err != nil {
		t.Fatalf("a topic cannot be deleted on a full disk: %v", err)
	}
	g.gone["victim"] = true
	if rule.Name != "ballast" {
		eventually(t, "the rule took effect", func() error {
			if rule.Hits() > 0 {
				return nil
			}
			s.checkpoints.kick()
			return errors.New("never")
		})
	}
	if s.Err() != nil {
		t.Fatalf("a full disk ended the service: %v", s.Err())
	}
	rule.Disable()
	for _, l := range a {
		eventually(t, "there is room again", func() error { return g.write(t, l, time.Second) })
	}
	makeCheckpoint(t, s)
}

// stalledByFullDisk is for a log whose own blocks were given away: what is queued is neither lost nor refused but waits.
func stalledByFullDisk(t *testing.T, s *Store, g *ledger, rule *vfs.Rule) {
	t.Helper()
	l := s.Topic("a").Partitions[0]
	answer := make(chan error, 1)
	go func() { answer <- g.write(t, l, patient) }()
	eventually(t, "the log stalls", func() error {
		if !s.Stats().WAL.Stalled {
			return errors.New("not yet")
		}
		return nil
	})
	if got, err := readValues(l, 0); err != nil || len(got) != 1 {
		t.Fatalf("reading while the log stalls: %d records, %v", len(got), err)
	}
	select {
	case err := <-answer:
		t.Fatalf("answered while the log stalls: %v", err)
	default:
	}
	rule.Disable()
	if err := <-answer; err != nil {
		t.Fatalf("when there was room again: %v", err)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	for range 50 {
		eventually(t, "there is room again", func() error { return g.write(t, l, time.Second) })
	}
}

// A disk of any size: whatever did not find room, nothing acknowledged is lost, and all goes on when there is room.
func TestDiskFullAtEveryLevel(t *testing.T) {
	step := int64(192 << 10)
	for level := int64(64 << 10); level < 3<<20; level += step {
		t.Run(fmt.Sprintf("%d KiB", level>>10), func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewMem()
			mem.SetCapacity(level)
			g := newLedger(1500)
			s, err := Open(context.Background(), smallOptions(mem))
			if err != nil {
				if !vfs.IsNoSpace(err) {
					t.Fatalf("Open: %v", err)
				}
				mem.SetCapacity(math.MaxInt64)
				s = mustOpen(t, smallOptions(mem))
				mem.SetCapacity(level)
			}
			defer s.Abort()
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			defer cancel()
			for _, name := range []string{"a", "victim"} {
				if _, err := s.CreateTopic(ctx, newTopic(name, 2)); err != nil && !retriable(err) {
					t.Fatalf("create %s: %v", name, err)
				}
			}
			refused := 0
			for n := 0; n < 600 && refused < 3; n++ {
				for _, tp := range s.Topics() {
					if err := g.write(t, tp.Partitions[n%2], 50*time.Millisecond); err != nil {
						if !retriable(err) {
							t.Fatalf("a producer got %v", err)
						}
						refused++
					}
				}
			}
			if err := g.check(s); err != nil {
				t.Fatalf("on a full disk: %v", err)
			}
			if s.Topic("victim") != nil {
				if err := s.DeleteTopic(ctx, "victim"); err != nil {
					t.Fatalf("a topic cannot be deleted on a full disk: %v", err)
				}
				g.gone["victim"] = true
			}
			if s.Err() != nil {
				t.Fatalf("a full disk ended the service: %v", s.Err())
			}
			g.checkRestarts(t, mem.Crash(vfs.Crash{Keep: vfs.KeepAll}))
			mem.SetCapacity(math.MaxInt64)
			if s.Topic("a") == nil {
				eventually(t, "there is room for a topic again", func() error { _, err := s.CreateTopic(ctx, newTopic("a", 2)); return err })
			}
			for _, l := range s.Topic("a").Partitions {
				eventually(t, "there is room again", func() error { return g.write(t, l, time.Second) })
			}
			makeCheckpoint(t, s)
			if err := g.check(s); err != nil {
				t.Fatalf("with room again: %v", err)
			}
			g.checkRestarts(t, mem)
		})
	}
}
