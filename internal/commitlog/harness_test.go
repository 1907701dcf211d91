package commitlog

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// manual is a write-ahead log in memory that makes entries durable when it is told to.
type manual struct {
	busy   atomic.Bool
	mu     sync.Mutex
	queue  []*wal.Entry
	frames []wal.Frame // all that became durable
}

func (m *manual) Reserve(context.Context, int, wal.Class) error { return nil }
func (m *manual) Cancel(int)                                    {}
func (m *manual) Shrink(int, int)                               {}
func (m *manual) Busy() bool                                    { return m.busy.Load() }

func (m *manual) Append(e *wal.Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, e)
}

func (m *manual) ReadAt(ref wal.Ref, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(b, m.frames[ref.File].Payload)
	return nil
}

func (m *manual) waiting() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.queue)
}

// commit makes up to n entries durable.
func (m *manual) commit(n int) {
	for ; n > 0; n-- {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.mu.Unlock()
			return
		}
		e := m.queue[0]
		m.queue = m.queue[1:]
		payload := append(append([]byte(nil), e.Head...), e.Body...)
		e.Ref = wal.Ref{File: uint64(len(m.frames)), Len: int32(len(payload))}
		m.frames = append(m.frames, wal.Frame{Kind: e.Kind, Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Payload: payload, Ref: e.Ref})
		m.mu.Unlock()
		e.Done.Committed(e, nil)
	}
}

func (m *manual) fail(err error) {
	m.mu.Lock()
	queue := m.queue
	m.queue = nil
	m.mu.Unlock()
	for _, e := range queue {
		e.Done.Committed(e, err)
	}
}

var (
	testID     = ID{Topic: "t", TopicID: [16]byte{1, 2, 3}, Partition: 4}
	testConfig = &Config{SegmentBytes: 12000, SegmentAge: 1 << 40, RetentionBytes: -1, IndexInterval: 2000}
)

// newEngine makes an engine on a file system, whose own write-behind has nothing to do unless memory is short.
func newEngine(fsys vfs.FS, w Durable, tailBytes int64) (*Engine, func()) {
	files := vfs.NewCache(fsys, 8)
	e := NewEngine(Options{FS: fsys, Dir: "data", Files: files, TailBytes: tailBytes, PieceBytes: 1 << 30, Log: slog.New(slog.DiscardHandler)})
	e.SetDurable(w)
	return e, func() {
		e.Close()
		files.Close()
	}
}

// restored makes another engine on a file system, with a log as a checkpoint has it.
func restored(t testing.TB, fsys vfs.FS, w Durable, c Checkpoint) (*Log, func()) {
	t.Helper()
	eng, stop := newEngine(fsys, w, 64<<20)
	l, err := eng.Restore(c, testConfig, 0)
	if err != nil {
		stop()
		t.Fatal(err)
	}
	return l, stop
}

func newMem(t testing.TB) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.MkdirAll("data"); err != nil {
		t.Fatal(err)
	}
	return mem
}

// records makes a batch of records of one size with these timestamps. first makes their values different from others'.
func records(o batch.Options, first int64, size int, times ...int64) batch.Batch {
	b := batch.NewBuilder(o)
	for i, ts := range times {
		b.Append(ts, nil, append(fmt.Appendf(nil, "%d;", first+int64(i)), make([]byte, size)...))
	}
	return b.Build(nil)
}

// appendTo appends without making it durable.
func appendTo(l *Log, b batch.Batch) (*Append, chan struct{}) {
	done := make(chan struct{})
	a := &Append{Batch: b, Done: func(*Append) { close(done) }}
	l.Append(context.Background(), a)
	return a, done
}

// store appends and makes it durable.
func store(t testing.TB, l *Log, w *manual, b batch.Batch) *Append {
	t.Helper()
	a, done := appendTo(l, b)
	w.commit(1 << 30)
	<-done
	if a.Err != nil {
		t.Fatal(a.Err)
	}
	return a
}
