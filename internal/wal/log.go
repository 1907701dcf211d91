package wal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Kind says what an entry is. 0 is the log's own; the others belong to the writer.
type Kind uint8

// Entry is one durable fact on its way into the log. The log keeps it, its head and its body from Append until Committed; the
// caller must not change them in between.
type Entry struct {
	Kind      Kind // not 0
	Topic     [16]byte
	Partition int32
	Offset    int64
	Head      []byte // at most 64 KiB; covered by the checksum of the frame
	Body      []byte
	BodyCRC   uint32 // Checksum(Body)
	// Within says when the entry counts as committed: 0 once it is synced; more than 0 once it is written, and the log is synced
	// within that time; less than 0 once it is written.
	Within time.Duration
	Done   Completer

	// Ref is where the payload lies. It is set before Done is called.
	Ref Ref

	cost int64
}

// Completer is told what became of an entry.
type Completer interface {
	// Committed is called once for every appended entry, on the log's own goroutine: it must not block. Entries that ask for the same
	// durability are committed in the order of Append, and one that asks for a sync comes behind all that were appended before it.
	// After an error the fact may or may not be found by a restart; nobody was told that it is there.
	Committed(e *Entry, err error)
}

// Options of a log. The zero value of every field is usable, but for FS and Dir.
type Options struct {
	FS  vfs.FS
	Dir string
	// FileSize is the size of the files after the first. 64 MiB when 0. The first has a 64th of it, at least 64 KiB.
	FileSize int64
	// MaxBytes bounds all files together, in use and prepared. 8 files when 0, at least 3.
	MaxBytes int64
	// Headroom is room that Reserve leaves to System. An eighth of MaxBytes when 0, at most 8 MiB.
	Headroom int64
	// SealAfter is how long the log waits, with nothing to write, before it seals the last group. 200 ms when 0; never when less.
	SealAfter time.Duration
	// Salt gives the random number of a file's header. It must not be nil.
	Salt func() uint64
	// OnPressure is called, on any goroutine and often, when an entry waits for a checkpoint. nil: nobody is told.
	OnPressure func()
	// OnFile is called by the log's goroutine when it goes on in another file, with the bytes written since Open. It must not block. nil: nobody is told.
	OnFile func(written int64)
	// OnFailure is called once when the log fails, before the first Committed with that error. nil: nobody is told.
	OnFailure func(error)
}

func (o Options) withDefaults() Options {
	if o.FileSize <= 0 {
		o.FileSize = 64 << 20
	}
	o.FileSize = alignBlock(o.FileSize)
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 * o.FileSize
	}
	o.MaxBytes = max(o.MaxBytes, 3*o.FileSize)
	if o.Headroom <= 0 {
		o.Headroom = min(8<<20, o.MaxBytes/8)
	}
	if o.SealAfter == 0 {
		o.SealAfter = 200 * time.Millisecond
	}
	return o
}

// firstFileSize is small, so that a new log is there at once; the next file is prepared behind it.
func (o Options) firstFileSize() int64 { return max(64<<10, alignBlock(o.FileSize/64)) }

// maxGroup bounds a group of more than one entry: a longer one would make the first of its entries wait for the last.
const maxGroup = 8 << 20

// Log is the write-ahead log, open for writing. Its methods are safe for concurrent use.
type Log struct {
	opts Options

	mu       sync.Mutex
	queue    []*Entry // appended, not yet in a group
	queueSet chan struct{}
	appended uint64  // entries, ever
	flushes  []flush // in the order of upTo
	closing  bool
	err      error // why nothing is committed any more

	// Room, guarded by mu. See reserve.go.
	reserved int64         // by entries that are not written yet, with the frames' and groups' share
	largest  int64         // cost of the largest entry so far, at most an eighth of a file
	urgent   bool          // the writer, or a start, waits for a file: one is prepared whatever MaxBytes says
	waiters  []*waiter     // for room
	noSpace  error         // why the last preparation failed, when it was for want of room on the disk
	ready    []*file       // prepared, behind the current one, in order
	inUse    []*file       // may hold groups that a recovery needs; the last one is the current one
	spare    []*file       // recycled, to be prepared again
	total    int64         // bytes of all files
	prepare  chan struct{} // wakes the preparer
	next     Position      // of the group to be formed next
	curRoom  int64         // bytes behind next in the current file

	// Only the writer's goroutine.
	generation uint64
	staging    []byte
	iov        [][]byte
	batch      []*Entry // the entries of the group being written
	unsynced   bool     // groups were written since the last sync
	syncDue    time.Time
	sealed     bool
	told       uint64 // entries whose Done was called

	synced   atomic.Uint64 // highest group known to be synced
	opened   time.Time
	busyTill atomic.Int64 // in nanoseconds since opened; without end while a group of entries is under way
	done     sync.WaitGroup
	stats    counters
	quit     chan struct{}
	retryNow chan struct{} // a file became ready: wakes a group that waits for one, or for room on the disk
}

// Open goes on behind the end that Scan found; the files must be as Scan saw them. A new folder has End.Next == Start(). It writes
// and syncs the first group of a new generation before it returns.
func Open(opts Options, end End) (*Log, error) {
	opts = opts.withDefaults()
	l := &Log{
		opts: opts, queueSet: make(chan struct{}, 1), prepare: make(chan struct{}, 1), next: end.Next,
		generation: end.Next.Generation + 1, quit: make(chan struct{}), retryNow: make(chan struct{}, 1), opened: time.Now(),
	}
	l.synced.Store(end.Next.Group - 1)
	if err := l.openFiles(end); err != nil {
		return nil, err
	}
	if err := l.syncFound(end); err != nil {
		l.closeFiles()
		return nil, err
	}
	if err := l.writeStart(); err != nil {
		l.closeFiles()
		return nil, err
	}
	l.done.Go(l.run)
	l.done.Go(l.prepareFiles)
	return l, nil
}

// syncFound syncs the file in which the log ended: a process that was killed may have left groups in it that were never synced, and the next group
// will say that they are. The files before it were synced before this one was begun.
func (l *Log) syncFound(end End) error {
	if len(end.files) == 0 {
		return nil
	}
	f := l.current().f
	if err := f.Sync(); err != nil {
		return &FailedError{Op: "sync", File: f.Name(), Err: err}
	}
	return nil
}

// Append queues an entry. Its room must have been reserved. It never waits; what becomes of the entry is said by Done.
func (l *Log) Append(e *Entry) {
	e.cost = cost(len(e.Head) + len(e.Body))
	l.mu.Lock()
	l.queue = append(l.queue, e)
	l.appended++
	first := len(l.queue) == 1
	l.mu.Unlock()
	if first {
		select {
		case l.queueSet <- struct{}{}:
		default:
		}
	}
}

// Next is the position of the next group: everything appended before the call and not yet committed is in it, behind it or in the
// one being written.
func (l *Log) Next() Position {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next
}

// busyFor is how long after a group another one is likely.
const busyFor = 50 * time.Millisecond

// Busy says whether entries are being written and synced, however long that takes, or were a moment ago: who shares the disk with the log should leave it
// room. It takes no lock.
func (l *Log) Busy() bool { return int64(time.Since(l.opened)) < l.busyTill.Load() }

// Err is why the log takes nothing any more, or nil.
func (l *Log) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// ReadAt reads the payload that ref names into b, which must have ref.Len bytes. It checks nothing: a batch carries its own checksum.
func (l *Log) ReadAt(ref Ref, b []byte) error {
	l.mu.Lock()
	var f *file
	for _, g := range l.inUse {
		if g.sequence == ref.File {
			f = g
			break
		}
	}
	if f != nil {
		f.readers.Add(1)
	}
	l.mu.Unlock()
	if f == nil {
		return fmt.Errorf("write-ahead log: file %d is no longer in use", ref.File)
	}
	defer f.readers.Done()
	if _, err := f.f.ReadAt(b[:ref.Len], ref.Offset); err != nil {
		return fmt.Errorf("write-ahead log: read %s at %d: %w", f.f.Name(), ref.Offset, err)
	}
	return nil
}

// Close commits what is queued, syncs and closes the files. It returns the log's failure, if it had one. Calls of Append must be over.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		l.done.Wait()
		return nil
	}
	l.closing = true
	l.failWaitersLocked(ErrClosed)
	l.mu.Unlock()
	close(l.quit)
	l.done.Wait()
	l.closeFiles()
	return l.Err()
}

// Fail ends the log for an error of another file that records depend on: nothing that is not synced yet is committed any more.
func (l *Log) Fail(err error) {
	l.fail(&FailedError{Op: "ended by an error elsewhere", Err: err})
}

// fail makes err the log's end and tells it.
func (l *Log) fail(err error) {
	l.mu.Lock()
	first := l.err == nil
	if first {
		l.err = err
		l.failWaitersLocked(err)
	}
	l.mu.Unlock()
	if first && l.opts.OnFailure != nil {
		l.opts.OnFailure(err)
	}
}

// Stats are counters since Open.
type Stats struct {
	Groups, Entries, Bytes, Syncs int64
	FilesInUse, FilesReady        int
	TotalBytes                    int64 // of all files
	Stalled                       bool  // a group waits for room on the disk
}

type counters struct {
	groups, entries, bytes, syncs atomic.Int64
	stalled                       atomic.Bool
}

// Stats returns the counters.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stats{
		Groups: l.stats.groups.Load(), Entries: l.stats.entries.Load(), Bytes: l.stats.bytes.Load(), Syncs: l.stats.syncs.Load(),
		FilesInUse: len(l.inUse), FilesReady: len(l.ready), TotalBytes: l.total, Stalled: l.stats.stalled.Load(),
	}
}
