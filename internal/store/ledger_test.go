package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// ledger remembers what was tried and what was acknowledged, one record a batch, by partition.
type ledger struct {
	size  int
	acked map[string]int64
	tried map[string]int64
	gone  map[string]bool // topics that were deleted
}

func newLedger(size int) *ledger {
	return &ledger{size: size, acked: make(map[string]int64), tried: make(map[string]int64), gone: make(map[string]bool)}
}

// write appends the next record of a partition. It gives up waiting for room after a while.
func (g *ledger) write(t testing.TB, l *commitlog.Log, patience time.Duration) error {
	t.Helper()
	id := l.ID()
	k := commitlog.DirName(id.Topic, id.Partition)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	next := g.acked[k]
	g.tried[k] = max(g.tried[k], next+1)
	done := make(chan struct{})
	a := &commitlog.Append{Batch: makeBatch(batch.None, payload(id.Topic, id.Partition, next, g.size)), Now: time.Now().UnixMilli(), Done: func(*commitlog.Append) { close(done) }}
	l.Append(ctx, a)
	<-done
	if a.Err == nil {
		if a.BaseOffset != next {
			t.Fatalf("%s: a record came to offset %d instead of %d", k, a.BaseOffset, next)
		}
		g.acked[k]++
	}
	return a.Err
}

// check says what a store does not hold of what was acknowledged, or holds beside what was tried.
func (g *ledger) check(s *Store) error {
	found := make(map[string]bool)
	for _, t := range s.Topics() {
		if g.gone[t.Name] {
			return fmt.Errorf("topic %s was deleted and is there", t.Name)
		}
		for p, l := range t.Partitions {
			k := commitlog.DirName(t.Name, int32(p))
			found[k] = true
			got, err := readValues(l, l.Start())
			if err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
			hw := l.HighWatermark()
			if hw < g.acked[k] || hw > g.tried[k] {
				return fmt.Errorf("%s ends at %d; %d were acknowledged, %d tried", k, hw, g.acked[k], g.tried[k])
			}
			for o := l.Start(); o < hw; o++ {
				if !bytes.Equal(got[o], payload(t.Name, int32(p), o, g.size)) {
					return fmt.Errorf("%s: offset %d holds %.40q", k, o, got[o])
				}
			}
		}
	}
	for k, n := range g.acked {
		topic, _, _ := bytes.Cut([]byte(k), []byte("-"))
		if n > 0 && !g.gone[string(topic)] && !found[k] {
			return fmt.Errorf("%s is lost with %d records", k, n)
		}
	}
	return nil
}

// checkRestarts opens what a crash leaves, whatever it leaves of what was not synced, and checks it.
func (g *ledger) checkRestarts(t testing.TB, mem *vfs.Mem) {
	t.Helper()
	mem.SetCapacity(math.MaxInt64)
	for _, keep := range []vfs.Keep{vfs.KeepNone, vfs.KeepAll} {
		s, err := Open(context.Background(), smallOptions(mem.Crash(vfs.Crash{Keep: keep})))
		if err != nil {
			t.Fatalf("restart with %s: %v", keepNames[keep], err)
		}
		if n := len(s.Recovery().Offline); n > 0 {
			t.Errorf("restart with %s: %d partitions are offline: %v", keepNames[keep], n, s.Recovery().Offline[0])
		}
		if err := g.check(s); err != nil {
			t.Errorf("restart with %s: %v", keepNames[keep], err)
		}
		mustClose(t, s)
	}
}

// retriable says that a client is to try again.
func retriable(err error) bool {
	return errors.Is(err, wal.ErrNoSpace) || errors.Is(err, wal.ErrBusy) || errors.Is(err, commitlog.ErrMemory)
}

// patient is how long a test waits for what must happen.
const patient = 20 * time.Second

// eventually tries until there is no error.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patient)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// makeCheckpoint has the store make a checkpoint. There must be something new for it.
func makeCheckpoint(t testing.TB, s *Store) {
	t.Helper()
	before := s.Stats().Checkpoints
	eventually(t, "a checkpoint", func() error {
		if s.Stats().Checkpoints > before {
			return nil
		}
		s.checkpoints.kick()
		return errors.New("not made")
	})
}
