package commitlog

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Durable is the write-ahead log as a partition sees it: what makes facts durable, in order. *wal.Log is one; a replicated log could be another.
type Durable interface {
	Reserve(ctx context.Context, n int, class wal.Class) error
	Cancel(n int)
	Shrink(n, fewer int)
	Append(e *wal.Entry)
	ReadAt(ref wal.Ref, b []byte) error
	// Busy says whether facts are being made durable, or were a moment ago.
	Busy() bool
}

// Options of an engine.
type Options struct {
	FS    vfs.FS
	Dir   string // the data directory, in which partitions have theirs
	Files *vfs.Cache
	// TailBytes bounds the memory of batches that are not in their segments yet. 64 MiB when 0.
	TailBytes int64
	// PieceBytes is how much a partition collects before it is written behind, when nothing asks for more haste. 1 MiB when 0.
	PieceBytes int64
	Log        *slog.Logger
	// OnRoll is called when a log started a new segment: retention may have something to do. nil: nobody is told. It must not block.
	OnRoll func(*Log)
	// OnFailure is called when an error of the disk, other than a full one, stopped write-behind. It must not block.
	OnFailure func(error)
}

// directBuffers is how many direct writes may be under way: by the engine's goroutine and by a checkpoint.
const directBuffers = 2

// Engine holds what the logs of a broker share: memory, open files, the goroutine that writes behind and the one that removes files.
type Engine struct {
	opts   Options
	wal    Durable
	memory budget
	ahead  ahead
	gentle chan struct{} // holds whose step it is; see gentle.go
	done   sync.WaitGroup
	quit   chan struct{}
	wake   chan struct{}
	reap   chan struct{}
	pieces chan []byte // buffers of direct writes

	mu      sync.Mutex
	due     []*Log // have a piece to write
	oldest  []*Log // have anything to write, the longest waiting first
	failed  error
	newDirs map[string]bool // directories with entries that are not synced
	mending []mendJob
	unlinks []unlink // files that go when their time has come
}

// NewEngine makes an engine and starts its goroutines. SetDurable must be called before the first Append or Read.
func NewEngine(opts Options) *Engine {
	if opts.TailBytes <= 0 {
		opts.TailBytes = 64 << 20
	}
	if opts.PieceBytes <= 0 {
		opts.PieceBytes = 1 << 20
	}
	e := &Engine{opts: opts, quit: make(chan struct{}), wake: make(chan struct{}, 1), reap: make(chan struct{}, 1), newDirs: make(map[string]bool), pieces: make(chan []byte, directBuffers), gentle: make(chan struct{}, 1)}
	for range directBuffers {
		e.pieces <- nil // made when it is first used
	}
	e.memory = budget{limit: opts.TailBytes, press: e.kick}
	e.done.Go(e.run)
	e.done.Go(e.reapLoop)
	return e
}

// SetDurable says where facts become durable. Logs can be restored and replayed before.
func (e *Engine) SetDurable(d Durable) { e.wal = d }

// Close stops writing behind and reading ahead. What is not written stays in the write-ahead log.
func (e *Engine) Close() {
	e.ahead.close()
	close(e.quit)
	e.done.Wait()
}

// Memory returns how many bytes of batches are held in memory.
func (e *Engine) Memory() int64 { return e.memory.inUse() }

func (e *Engine) kick() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Engine) dir(id ID) string {
	return filepath.Join(e.opts.Dir, DirName(id.Topic, id.Partition))
}

// rolled is called under l.mu.
func (e *Engine) rolled(l *Log) {
	if e.opts.OnRoll != nil {
		e.opts.OnRoll(l)
	}
}

// committedLocked puts a log into the queues of write-behind. It is called under l.mu.
func (e *Engine) committedLocked(l *Log) {
	due := !l.due && l.tail.bytes >= e.opts.PieceBytes
	if l.waiting && !due {
		return
	}
	e.mu.Lock()
	if !l.waiting {
		l.waiting = true
		e.oldest = append(e.oldest, l)
	}
	if due {
		l.due = true
		e.due = append(e.due, l)
	}
	e.mu.Unlock()
	if due {
		e.kick()
	}
}

// next takes a log to write behind: one that has a piece; when memory is short, the one that waits longest, and then all it has.
func (e *Engine) next() (l *Log, whole bool) {
	short := e.memory.inUse() > e.opts.TailBytes/2
	e.mu.Lock()
	switch {
	case e.failed != nil:
	case len(e.due) > 0:
		l, e.due = e.due[0], e.due[1:]
	case short && len(e.oldest) > 0:
		l, whole, e.oldest = e.oldest[0], true, e.oldest[1:]
	}
	e.mu.Unlock()
	if l == nil {
		return nil, false
	}
	l.mu.Lock()
	if whole {
		l.waiting = false
	} else {
		l.due = false
	}
	l.mu.Unlock()
	return l, whole
}

// mendJob is a segment whose indexes are to be made again.
type mendJob struct {
	log *Log
	seg *segment
}

// mend has a segment's indexes made again, soon.
func (e *Engine) mend(l *Log, s *segment) {
	e.mu.Lock()
	e.mending = append(e.mending, mendJob{l, s})
	e.mu.Unlock()
	e.kick()
}

// Mend makes the indexes again that are known to be damaged, before it returns.
func (e *Engine) Mend() { e.mendAll() }

func (e *Engine) mendAll() {
	for {
		e.mu.Lock()
		if len(e.mending) == 0 {
			e.mu.Unlock()
			return
		}
		j := e.mending[0]
		e.mending = e.mending[1:]
		e.mu.Unlock()
		if err := j.log.mendIndexes(j.seg); err != nil {
			// The segment is still read, from its start; the next read asks again.
			e.opts.Log.Error("index cannot be made again", "topic", j.log.id.Topic, "partition", j.log.id.Partition, "segment", j.seg.Base, "err", err)
			j.seg.indexDamaged.Store(false)
		}
	}
}

// fullRetry is how often write-behind tries again on a full disk.
const fullRetry = 100 * time.Millisecond

// run writes behind until the engine is closed.
func (e *Engine) run() {
	for {
		select {
		case <-e.quit:
			return
		case <-e.wake:
		}
		for l, whole := e.next(); l != nil; l, whole = e.next() {
			if err := e.settle(l, noOffset, whole); err != nil {
				break
			}
			select {
			case <-e.quit:
				return
			default:
			}
		}
		e.mendAll()
	}
}

// settle writes a log behind and waits out a full disk, during which nobody waits for memory. It returns the error that ends write-behind for good.
func (e *Engine) settle(l *Log, upTo int64, whole bool) error {
	told := false
	for {
		err := e.writeBehind(l, upTo, whole)
		switch {
		case err == nil:
			if told {
				e.memory.clear()
				e.opts.Log.Info("there is room on the disk again; segments are written", "topic", l.id.Topic, "partition", l.id.Partition)
			}
			return nil
		case vfs.IsNoSpace(err):
			if !told {
				told = true
				e.opts.Log.Warn("the disk is full: records stay in the write-ahead log; free room, they are not lost", "err", err)
			}
			e.memory.full(fmt.Errorf("%w: %w", wal.ErrNoSpace, err))
			if e.MakeRoom() {
				continue
			}
		default:
			e.fail(err)
			return err
		}
		select {
		case <-e.quit:
			return ErrClosed
		case <-time.After(fullRetry):
		}
	}
}

func (e *Engine) fail(err error) {
	e.mu.Lock()
	first := e.failed == nil
	if first {
		e.failed = err
	}
	e.mu.Unlock()
	e.memory.full(err)
	if first && e.opts.OnFailure != nil {
		e.opts.OnFailure(err)
	}
}
