package wal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// sequence notes in which order entries are committed.
type sequence struct {
	mu    sync.Mutex
	order []int64
	done  sync.WaitGroup
}

func (s *sequence) Committed(e *Entry, err error) {
	if err == nil {
		s.mu.Lock()
		s.order = append(s.order, e.Offset)
		s.mu.Unlock()
	}
	s.done.Done()
}

// Entries of one level are committed in the order of Append, and one that asks for a sync behind all before it.
func TestCommitsKeepTheirOrder(t *testing.T) {
	l := mustOpen(t, smallOptions(vfs.NewMem()), Start())
	var s sequence
	levels := []time.Duration{0, -1, time.Hour}
	const n = 600
	for i := range n {
		f := newFact(i, 50, levels[i*i%3])
		f.Done = &s
		s.done.Add(1)
		mustPut(t, l, f)
		if i%50 == 0 {
			l.Recycle(l.Next())
		}
	}
	s.done.Wait()
	mustClose(t, l)
	if len(s.order) != n {
		t.Fatalf("%d of %d were committed", len(s.order), n)
	}
	place := make(map[int64]int)
	for i, o := range s.order {
		place[o] = i
	}
	last := map[bool]int{false: -1, true: -1}
	for i := range n {
		sync := levels[i*i%3] == 0
		p := place[int64(i)]
		if p < last[sync] || sync && p < last[false] {
			t.Fatalf("entry %d (sync %v) was committed too early: %v", i, sync, s.order)
		}
		last[sync] = max(last[sync], p)
	}
}

// What asks for no sync is committed while a sync is under way; what asks for one is not.
func TestALooseEntryDoesNotWaitForASync(t *testing.T) {
	release, syncing := make(chan struct{}), make(chan struct{}, 8)
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	rule := &vfs.Rule{Op: vfs.OpSync, Name: "*.wal", After: 2, Times: -1, Delay: func() { syncing <- struct{}{}; <-release }} // the header's, the first group's
	o := smallOptions(vfs.WithFaults(vfs.NewMem(), rule))
	l := mustOpen(t, o, Start())
	loose, strict := newFact(1, 40, -1), newFact(2, 40, 0)
	commit(t, l, loose)
	mustPut(t, l, strict)
	<-syncing
	select {
	case err := <-strict.told:
		t.Fatalf("committed before the sync: %v", err)
	default:
	}
	free()
	if err := <-strict.told; err != nil {
		t.Fatal(err)
	}
	mustClose(t, l)
}

// What arrives during a sync is one group: N entries cost one sync.
func TestWhatArrivesDuringASyncIsOneGroup(t *testing.T) {
	release, syncing := make(chan struct{}), make(chan struct{}, 64)
	rule := &vfs.Rule{Op: vfs.OpSync, Name: "wal/0000000001.wal", After: 2, Delay: func() { syncing <- struct{}{}; <-release }}
	l := mustOpen(t, smallOptions(vfs.WithFaults(vfs.NewMem(), rule)), Start())
	opened := l.Stats()
	lone := newFact(0, 40, 0)
	mustPut(t, l, lone)
	<-syncing
	var crowd []*fact
	for i := range 20 {
		crowd = append(crowd, newFact(1+i, 40, 0))
		mustPut(t, l, crowd[i])
	}
	close(release)
	for _, f := range append(crowd, lone) {
		if err := <-f.told; err != nil {
			t.Fatal(err)
		}
	}
	if st := l.Stats(); st.Groups-opened.Groups != 2 || st.Syncs-opened.Syncs != 2 || st.Entries != 21 {
		t.Fatalf("%+v, opened with %+v", st, opened)
	}
	mustClose(t, l)
}

// fill commits facts until there is no room for another, and returns how many that were.
func fill(t *testing.T, l *Log, size int) int {
	t.Helper()
	for n := 0; ; n++ {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		f := newFact(n, size, 0)
		err := put(ctx, l, f)
		cancel()
		if errors.Is(err, ErrBusy) && errors.Is(err, context.DeadlineExceeded) {
			return n
		}
		if err != nil {
			t.Fatalf("fact %d: %v", n, err)
		}
		if err := <-f.told; err != nil {
			t.Fatal(err)
		}
	}
}

// A full log makes producers wait until their time is up or a checkpoint makes room; the system has room of its own; and files never take more than
// they may.
func TestAFullLogMakesProducersWait(t *testing.T) {
	mem := vfs.NewMem()
	pressed := make(chan struct{}, 1)
	o := smallOptions(mem)
	o.OnPressure = func() {
		select {
		case pressed <- struct{}{}:
		default:
		}
	}
	l := mustOpen(t, o, Start())
	n := fill(t, l, 3000)
	if most := int(o.MaxBytes / Block); n < most/2 || n > most {
		t.Fatalf("%d groups of 4 KiB fit in 1 MiB", n)
	}
	<-pressed
	if total := l.Stats().TotalBytes; total > o.MaxBytes {
		t.Fatalf("files of %d bytes", total)
	}
	if err := l.Reserve(context.Background(), 100, System); err != nil {
		t.Fatalf("the system has no room: %v", err)
	}
	l.Cancel(100)
	waiting := newFact(1000, 3000, 0)
	result := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patient)
		defer cancel()
		result <- put(ctx, l, waiting)
	}()
	<-pressed // it waits
	for range 3 {
		if err := l.Flush(); err != nil { // a checkpoint needs no room
			t.Fatal(err)
		}
	}
	l.Recycle(l.Next())
	if err := errors.Join(<-result, <-waiting.told); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if again := fill(t, l, 3000); again < n/2 {
		t.Fatalf("only %d groups fit in a log that was recycled", again)
	}
	if total := l.Stats().TotalBytes; total > o.MaxBytes {
		t.Fatalf("files of %d bytes", total)
	}
	mustClose(t, l)
}

// An entry that could never fit is refused at once.
func TestTooLargeIsRefused(t *testing.T) {
	l := mustOpen(t, smallOptions(vfs.NewMem()), Start())
	if err := l.Reserve(context.Background(), 300<<10, System); !errors.Is(err, ErrTooLarge) {
		t.Fatal(err)
	}
	commit(t, l, newFact(1, 200<<10, 0)) // larger than a file
	mustClose(t, l)
}

// No room for another file is ErrNoSpace for those that need one, at once, and goes away by itself.
func TestNoRoomForAFileIsTemporary(t *testing.T) {
	mem := vfs.NewMem()
	rule := &vfs.Rule{Op: vfs.OpAllocate, Name: "*.wal", After: 2, Times: -1, Err: syscall.ENOSPC}
	o := smallOptions(vfs.WithFaults(mem, rule))
	o.OnFailure = func(err error) { t.Errorf("it failed: %v", err) }
	l := mustOpen(t, o, Start())
	n := 0
	var err error
	for ; err == nil; n++ {
		f := newFact(n, 3000, 0)
		if err = put(context.Background(), l, f); err == nil {
			err = <-f.told
		}
	}
	if !errors.Is(err, ErrNoSpace) || !vfs.IsNoSpace(err) {
		t.Fatalf("fact %d: %v", n, err)
	}
	rule.Disable()
	eventually(t, "there is room again", func() bool {
		f := newFact(n, 3000, 0)
		return put(context.Background(), l, f) == nil && <-f.told == nil
	})
	mustClose(t, l)
}

// A group that finds no room is written again, the same bytes to the same place, until there is; nobody is told before.
func TestAGroupThatFindsNoRoomIsWrittenAgain(t *testing.T) {
	mem := vfs.NewMem()
	rule := &vfs.Rule{Op: vfs.OpWrite, Name: "wal/0000000001.wal", After: 3, Times: 2, Err: syscall.ENOSPC, Short: true} // behind zeros, header, first group
	l := mustOpen(t, smallOptions(vfs.WithFaults(mem, rule)), Start())
	at := l.Next()
	for i := range 3 {
		commit(t, l, newFact(i+1, 300, 0))
	}
	if rule.Hits() != 2 || l.Next().Offset != at.Offset+3*Block {
		t.Fatalf("%d writes failed, next %+v", rule.Hits(), l.Next())
	}
	mustClose(t, l)
	got, _, err := scanFacts(mem, Start(), sameSize(300))
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
}

// After an error of a write or a sync nothing is committed, OnFailure is called once and before anybody is told, and everybody who waits or comes
// is told; a restart finds what was committed.
func TestAFailedLogCommitsNothing(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpWrite, vfs.OpSync} {
		for _, after := range []int{3, 4, 9} {
			mem := vfs.NewMem()
			rule := &vfs.Rule{Op: op, Name: "wal/0000000001.wal", After: after, Err: syscall.EIO}
			var failures []error
			o := smallOptions(vfs.WithFaults(mem, rule))
			o.OnFailure = func(err error) { failures = append(failures, err) }
			l := mustOpen(t, o, Start())
			committed := 0
			var failed error
			for i := 0; failed == nil && i < 50; i++ {
				f := newFact(i+1, 300, 0)
				mustPut(t, l, f)
				if failed = <-f.told; failed == nil {
					committed++
				}
			}
			if !isFailed(failed) || !errors.Is(failed, syscall.EIO) || len(failures) != 1 {
				t.Fatalf("%s %d: %v; OnFailure: %v", op, after, failed, failures)
			}
			f := newFact(99, 10, 0)
			if err := put(context.Background(), l, f); !isFailed(err) {
				t.Fatalf("Reserve afterwards: %v", err)
			}
			l.Append(&f.Entry) // one that had its room before
			if err := <-f.told; !isFailed(err) {
				t.Fatalf("an entry afterwards: %v", err)
			}
			if err := l.Flush(); !isFailed(err) {
				t.Fatalf("Flush afterwards: %v", err)
			}
			if err := l.Close(); !isFailed(err) {
				t.Fatalf("Close: %v", err)
			}
			if len(failures) != 1 {
				t.Fatalf("OnFailure was called %d times", len(failures))
			}
			image := mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
			got, _, err := scanFacts(image, Start(), sameSize(300))
			if err != nil || len(got) < committed {
				t.Fatalf("%s %d: %d of %d facts are found: %v", op, after, len(got), committed, err)
			}
		}
	}
}

// Fail ends the log for an error elsewhere, for those that wait as well.
func TestFailEndsTheLog(t *testing.T) {
	l := mustOpen(t, smallOptions(vfs.NewMem()), Start())
	fill(t, l, 3000)
	waiting := make(chan error, 1)
	entered := make(chan struct{})
	go func() {
		close(entered)
		waiting <- l.Reserve(context.Background(), 3000, Normal)
	}()
	<-entered
	l.Fail(syscall.EIO)
	if err := <-waiting; !isFailed(err) || !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := l.Close(); !isFailed(err) {
		t.Fatal(err)
	}
}

// Close commits what is queued, refuses what waits, and may be called twice.
func TestCloseWithAQueue(t *testing.T) {
	mem := vfs.NewMem()
	release, syncing := make(chan struct{}), make(chan struct{}, 64)
	rule := &vfs.Rule{Op: vfs.OpSync, Name: "wal/0000000001.wal", After: 2, Delay: func() { syncing <- struct{}{}; <-release }}
	l := mustOpen(t, smallOptions(vfs.WithFaults(mem, rule)), Start())
	var facts []*fact
	for i := range 10 {
		facts = append(facts, newFact(i+1, 40, 0))
		mustPut(t, l, facts[i])
	}
	<-syncing
	closed := make(chan error, 1)
	go func() { closed <- l.Close() }()
	eventually(t, "it is closing", func() bool {
		err := l.Reserve(context.Background(), 1, Normal)
		if err == nil {
			l.Cancel(1)
		}
		return errors.Is(err, ErrClosed)
	})
	close(release)
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		if err := <-f.told; err != nil {
			t.Fatalf("fact %d: %v", f.n, err)
		}
	}
	if err := l.Flush(); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	mustClose(t, l)
	got, _, err := scanFacts(mem, Start(), sameSize(40))
	var order []int
	for _, g := range got {
		order = append(order, g.n)
	}
	if err != nil || !slices.Equal(order, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Fatalf("%v, %v", order, err)
	}
}
