package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// stamped is a batch of one record with a timestamp.
func stamped(ts int64, n int64, size int) batch.Batch {
	b := batch.NewBuilder(batch.NoProducer())
	b.Append(ts, []byte("k"), payload("r", 0, n, size))
	return b.Build(nil)
}

// logged collects what a store logs.
type logged struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), what)
}

// virtual is a store in a bubble of virtual time, with a wall clock that can be set.
type virtual struct {
	*Store
	mem *vfs.Mem
	log logged
	off atomic.Int64 // of the wall clock, nanoseconds
}

func openVirtual(t *testing.T, mem *vfs.Mem) *virtual {
	v := &virtual{mem: mem}
	o := smallOptions(mem)
	o.Now = func() time.Time { return time.Now().Add(time.Duration(v.off.Load())) }
	o.RetentionEvery, o.segmentBytes, o.CleanEvery = 5*time.Minute, 3000, -1
	o.Log = slog.New(slog.NewTextHandler(&v.log, nil))
	v.Store = mustOpen(t, o)
	return v
}

func (v *virtual) set(by time.Duration) { v.off.Add(int64(by)) }

// pass lets virtual time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// Segments go when their newest record is older than retention.ms, oldest first, up to the first that is not; the active one too, and then the log is empty.
// Nothing goes earlier, and all of it is so after a restart.
func TestRetentionByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		v := openVirtual(t, mem)
		defer func() { v.Abort() }()
		l := mustCreate(t, v.Store, "r", 1, "retention.ms=3600000", "file.delete.delay.ms=120000").Partitions[0]
		for n := range int64(30) { // one a minute, two in a segment
			mustAppend(t, l, stamped(v.now(), n, 1300))
			pass(time.Minute)
		}
		pass(30 * time.Minute) // the newest of the first segment is 59 minutes old
		if l.Start() != 0 {
			t.Fatalf("the log starts at %d", l.Start())
		}
		pass(6 * time.Minute)
		if start := l.Start(); start < 2 || start > 6 || start%2 != 0 {
			t.Fatalf("the log starts at %d", start)
		}
		wantValues(t, l, 30, 1300)
		left := func() (all string) { return strings.Join(names(t, mem, "data/r-0"), " ") }
		if !strings.Contains(left(), "00000000000000000000.log.deleted") {
			t.Fatalf("the files do not wait for file.delete.delay.ms: %s", left())
		}
		pass(121 * time.Second)
		if strings.Contains(left(), "00000000000000000000.log") {
			t.Fatalf("file.delete.delay.ms is over: %s", left())
		}
		pass(17 * time.Minute) // only a part of the rest is old
		if start := l.Start(); start > 26 || start < 24 {
			t.Fatalf("the log starts at %d", start)
		}
		pass(time.Hour)
		if l.Start() != 30 || len(l.Segments()) != 0 || l.Size() != 0 {
			t.Fatalf("the log starts at %d with %d segments", l.Start(), len(l.Segments()))
		}
		wantValues(t, l, 30, 1300)
		for range 2 {
			mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
			v.Abort()
			v = openVirtual(t, mem)
			l = v.Topic("r").Partitions[0]
			if b, err := l.Bounds(); err != nil || b.Start != 30 || b.Next != 30 {
				t.Fatalf("after a restart: %+v, %v", b, err)
			}
			if strings.Contains(left(), ".deleted") {
				t.Fatalf("a start leaves %s", left())
			}
			mustClose(t, v.Store)
			v = openVirtual(t, mem)
			l = v.Topic("r").Partitions[0]
		}
		mustAppend(t, l, stamped(v.now(), 30, 1300))
		wantValues(t, l, 31, 1300)
		mustClose(t, v.Store)
		if r, err := Verify(context.Background(), mem, "data", func(Finding) {}, nil); err != nil || len(r.Findings) > 0 {
			t.Fatalf("verify: %v %v", r.Findings, err)
		}
	})
}

// A clock that jumps deletes nothing for one interval, whichever way it jumps; one that was set right by then has cost nothing. Producers are not forgotten either.
func TestAClockThatJumpsDeletesNothing(t *testing.T) {
	for _, jump := range []time.Duration{365 * 24 * time.Hour, -365 * 24 * time.Hour, 2 * time.Hour} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := openVirtual(t, vfs.NewMem())
				defer v.Abort()
				l := mustCreate(t, v.Store, "r", 1, "retention.ms=3600000").Partitions[0]
				for n := range int64(10) {
					mustAppend(t, l, stamped(v.now(), n, 1300))
				}
				o := batch.NoProducer()
				o.ProducerID, o.ProducerEpoch, o.BaseSequence = 7, 0, 0
				once := batch.NewBuilder(o)
				once.Append(v.now(), []byte("k"), payload("r", 0, 10, 1300))
				mustAppend(t, l, once.Build(nil))
				pass(12 * time.Minute)
				v.set(jump)
				pass(9 * time.Minute) // at least one look, and less than the pause after it
				if l.Start() != 0 || v.log.count("the clock jumped") != 1 {
					t.Fatalf("the log starts at %d; said %d times", l.Start(), v.log.count("the clock jumped"))
				}
				if err := v.checkpoint(false); err != nil {
					t.Fatal(err)
				}
				if a := appendNow(l, once.Build(nil)); a.Err != nil || !a.Duplicate {
					t.Fatalf("the producer is forgotten: duplicate %v, %v", a.Duplicate, a.Err)
				}
				v.set(-jump)
				pass(20 * time.Minute)
				if l.Start() != 0 || v.log.count("the clock jumped") != 2 {
					t.Fatalf("set right: the log starts at %d; said %d times", l.Start(), v.log.count("the clock jumped"))
				}
				wantValues(t, l, 11, 1300)
				pass(time.Hour) // the pause is over, and the records are old by a clock that is right
				if l.Start() != 11 {
					t.Fatalf("at last the log starts at %d", l.Start())
				}
			})
		})
	}
}

// A clock that goes a little wrong, as one that is slewed, deletes what it should.
func TestAClockThatIsSlewedIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := openVirtual(t, vfs.NewMem())
		defer v.Abort()
		l := mustCreate(t, v.Store, "r", 1, "retention.ms=3600000").Partitions[0]
		mustAppend(t, l, stamped(v.now(), 0, 1300))
		for range 14 {
			pass(5 * time.Minute)
			v.set(20 * time.Second)
		}
		if l.Start() != 1 || v.log.count("the clock jumped") != 0 {
			t.Fatalf("the log starts at %d; a jump was seen %d times", l.Start(), v.log.count("the clock jumped"))
		}
	})
}

// Old data that is written today goes at the next look, as in Kafka, and the log says once for the topic why.
func TestABackFillOfOldRecordsIsDeletedAndSaidSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := openVirtual(t, vfs.NewMem())
		defer v.Abort()
		l := mustCreate(t, v.Store, "r", 1, "retention.ms=3600000").Partitions[0]
		for range 2 {
			next := l.HighWatermark()
			for n := range int64(4) {
				mustAppend(t, l, stamped(v.now()-10*365*24*3600*1000, next+n, 1300))
			}
			pass(6 * time.Minute)
			if l.Start() != next+4 {
				t.Fatalf("the log starts at %d", l.Start())
			}
		}
		if n := v.log.count("setting=retention.ms"); n != 1 || v.log.count("topic=r") != 1 {
			t.Fatalf("said %d times", n)
		}
	})
}

// A record without a timestamp is as old as its file; a future one keeps its segment and those behind it.
func TestRetentionOfRecordsWithoutOrWithAFutureTimestamp(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	now := time.Now().UnixMilli()
	l := mustCreate(t, s, "r", 1, "retention.ms=3600000").Partitions[0]
	for n := range int64(40) {
		mustAppend(t, l, stamped(-1, n, 1300))
	}
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	if s.expire(l, now); l.Start() != 0 {
		t.Fatalf("written now, and the log starts at %d", l.Start())
	}
	if s.expire(l, now+2*3600*1000); l.Start() != 40 {
		t.Fatalf("two hours later the log starts at %d", l.Start())
	}
	mustAppend(t, l, stamped(now+10*3600*1000, 40, 1300))
	for n := range int64(40) {
		mustAppend(t, l, stamped(now-10*3600*1000, 41+n, 1300))
	}
	if s.expire(l, now); l.Start() != 40 {
		t.Fatalf("behind a record of tomorrow the log starts at %d", l.Start())
	}
}

// A write of segments that stalls holds up neither the deletion of that partition's records, nor retention of the others; the files go when it is over.
func TestAStalledWriteHoldsUpNoDeletion(t *testing.T) {
	mem := vfs.NewMem()
	release := make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	stalled := make(chan struct{}, 1)
	rule := &vfs.Rule{Op: vfs.OpWrite, Name: "*a-0/*.log", Times: -1, Delay: func() {
		select {
		case stalled <- struct{}{}:
		default:
		}
		<-release
	}}
	o := smallOptions(vfs.WithFaults(mem, rule))
	s := mustOpen(t, o)
	a := mustCreate(t, s, "a", 1, "retention.bytes=0", "file.delete.delay.ms=0").Partitions[0]
	b := mustCreate(t, s, "b", 1, "retention.bytes=0", "file.delete.delay.ms=0").Partitions[0]
	for n := range int64(40) {
		mustAppend(t, a, makeBatch(batch.None, payload("a", 0, n, 1000)))
		mustAppend(t, b, makeBatch(batch.None, payload("b", 0, n, 1000)))
	}
	settled := make(chan error, 1)
	go func() { settled <- a.Settle(40) }()
	<-stalled
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	defer cancel()
	if err := a.MoveStart(ctx, 30); err != nil || a.Start() != 30 {
		t.Fatalf("start %d, %v", a.Start(), err)
	}
	for _, l := range []*commitlog.Log{a, b} {
		if s.expire(l, bySize); l.Start() != 40 {
			t.Fatalf("%s starts at %d", l.ID().Topic, l.Start())
		}
	}
	if n := len(b.Segments()); n != 0 {
		t.Fatalf("the other partition has %d segments", n)
	}
	free()
	if err := <-settled; err != nil {
		t.Fatal(err)
	}
	eventually(t, "the files are gone", func() error {
		if left := strings.Join(names(t, mem, "data/a-0"), " "); strings.Contains(left, ".log") {
			return errors.New(left)
		}
		return nil
	})
	mustClose(t, s)
}

// A full disk does not wait for file.delete.delay.ms.
func TestAFullDiskGetsTheRoomOfRemovedSegments(t *testing.T) {
	mem := vfs.NewMem()
	o := smallOptions(mem)
	o.BallastBytes = -1
	s := mustOpen(t, o)
	l := mustCreate(t, s, "a", 1).Partitions[0]
	for n := range int64(100) {
		mustAppend(t, l, makeBatch(batch.None, payload("a", 0, n, 1000)))
	}
	if err := s.checkpoint(false); err != nil {
		t.Fatal(err)
	}
	if err := l.MoveStart(context.Background(), 90); err != nil {
		t.Fatal(err)
	}
	waiting := func() int { return strings.Count(strings.Join(names(t, mem, "data/a-0"), " "), ".log.deleted") }
	if waiting() < 4 || s.eng.Unlinking() != 3*waiting() {
		t.Fatalf("%d segments wait, %d files", waiting(), s.eng.Unlinking())
	}
	sp, err := mem.Space("data")
	if err != nil {
		t.Fatal(err)
	}
	mem.SetCapacity(sp.Total - sp.Free)
	if err := s.checkpoint(false); err != nil {
		t.Fatalf("with %d segments to remove: %v", waiting(), err)
	}
	if waiting() != 0 || s.eng.Unlinking() != 0 {
		t.Fatalf("%d segments wait, %d files", waiting(), s.eng.Unlinking())
	}
	wantValues(t, l, 100, 1000)
	mem.SetCapacity(1 << 40)
	mustClose(t, s)
}
