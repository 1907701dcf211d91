package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// While writes of segments stall, producers are slowed down and nothing else: memory and the write-ahead log stay within their bounds, the tail is
// read, records and topics are deleted, and all that was waiting is acknowledged when the disk goes on.
func TestStalledSegmentWritesSlowProducersDown(t *testing.T) {
	mem := vfs.NewMem()
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	stalled := make(chan struct{}, 1)
	rule := &vfs.Rule{Op: vfs.OpWrite, Name: "*.log", Times: -1, Delay: func() {
		select {
		case stalled <- struct{}{}:
		default:
		}
		<-release
	}}
	o := smallOptions(vfs.WithFaults(mem, rule))
	s := mustOpen(t, o)
	mustCreate(t, s, "victim", 1)
	tp := mustCreate(t, s, "a", 4)

	const each, size = 150, 3000 // four times what memory may hold
	var producers sync.WaitGroup
	errs := make(chan error, 4)
	for p, l := range tp.Partitions { // each has a record before the memory is used up
		if a := appendNow(l, makeBatch(batch.None, payload("a", int32(p), 0, size))); a.Err != nil {
			t.Fatal(a.Err)
		}
	}
	for p, l := range tp.Partitions {
		producers.Go(func() {
			for n := int64(1); n < each; n++ {
				a := appendNow(l, makeBatch(batch.None, payload("a", int32(p), n, size)))
				if a.Err != nil || a.BaseOffset != n {
					errs <- errors.Join(a.Err, errors.New("a producer that waits gets no error"))
					return
				}
			}
		})
	}
	within := func(when string) {
		t.Helper()
		st := s.Stats()
		if st.TailBytes > o.TailBytes || st.WAL.TotalBytes > o.WALBytes+o.WALFileBytes {
			t.Fatalf("%s: %d bytes in memory, %d in the write-ahead log", when, st.TailBytes, st.WAL.TotalBytes)
		}
	}
	<-stalled
	eventually(t, "memory is used up", func() error {
		within("while it fills")
		if s.Stats().TailBytes < o.TailBytes-8*size {
			return errors.New("not yet")
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	refused := make(chan error, 1)
	impatient := &commitlog.Append{Batch: makeBatch(batch.None, make([]byte, 100<<10)), Done: func(a *commitlog.Append) { refused <- a.Err }}
	s.Topic("victim").Partitions[0].Append(ctx, impatient)
	cancel()
	if err := <-refused; !errors.Is(err, commitlog.ErrMemory) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("an impatient producer got %v", err)
	}
	for p, l := range tp.Partitions {
		hw := l.HighWatermark()
		got, err := readValues(l, 0)
		if err != nil || int64(len(got)) < hw || hw == 0 {
			t.Fatalf("partition %d: %d of %d records while writes stall: %v", p, len(got), hw, err)
		}
	}
	long, stop := context.WithTimeout(context.Background(), patient)
	defer stop()
	moved := make(chan error, 1)
	go func() { moved <- tp.Partitions[0].MoveStart(long, 1) }() // it may have to wait until nobody writes its segments
	eventually(t, "records are deleted while writes stall", func() error {
		if start := tp.Partitions[0].Start(); start != 1 {
			return errors.New("the log starts where it did")
		}
		return nil
	})
	if err := s.DeleteTopic(long, "victim"); err != nil {
		t.Fatalf("a topic cannot be deleted while writes stall: %v", err)
	}
	within("while it stalls")

	free()
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	producers.Wait()
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	for _, l := range tp.Partitions {
		wantValues(t, l, each, size)
	}
	mustClose(t, s)
	s = mustOpen(t, smallOptions(mem))
	for _, l := range s.Topic("a").Partitions {
		wantValues(t, l, each, size)
	}
	mustClose(t, s)
}
