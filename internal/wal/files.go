package wal

import (
	"fmt"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/invariant"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// file is one file of the log, open for reading and writing.
type file struct {
	fileHeader
	f       vfs.File
	readers sync.WaitGroup // of ReadAt; Add under Log.mu while the file is in use
}

// openFiles opens the files from the one where the log goes on; those before it stay in use until they are recycled. Files behind it
// hold nothing that counts: they are prepared again.
func (l *Log) openFiles(end End) error {
	if len(end.files) == 0 {
		if err := l.opts.FS.MkdirAll(l.opts.Dir); err != nil {
			return fmt.Errorf("write-ahead log: %w", err)
		}
		invariant.Check(end.Next == Start(), "a log without files ends at %+v", end.Next)
		f, err := l.createFile(1, l.opts.firstFileSize(), nil)
		if err != nil {
			return fmt.Errorf("write-ahead log: %w", err)
		}
		l.inUse, l.total = []*file{f}, f.size
		l.curRoom = f.size - l.next.Offset
		return nil
	}
	for _, h := range end.files {
		f, err := l.opts.FS.Open(fileName(l.opts.Dir, h.sequence), vfs.ReadWrite)
		if err != nil {
			l.closeFiles()
			return fmt.Errorf("write-ahead log: %w", err)
		}
		size, err := f.Size()
		if err != nil {
			f.Close()
			l.closeFiles()
			return fmt.Errorf("write-ahead log: %w", err)
		}
		w := &file{fileHeader: h, f: f}
		w.size = max(h.size, size) // one that grew for a large group
		l.total += w.size
		if h.sequence <= end.Next.File {
			l.inUse = append(l.inUse, w)
		} else {
			l.spare = append(l.spare, w)
		}
	}
	cur := l.current()
	if cur == nil || cur.sequence != end.Next.File {
		l.closeFiles()
		return &MissingError{fileName(l.opts.Dir, end.Next.File), "the file in which the log ends is missing"}
	}
	l.curRoom = max(0, cur.size-l.next.Offset)
	// The first group of the new generation must find room without the preparer.
	if l.curRoom < Block {
		if err := l.prepareNext(); err != nil {
			l.closeFiles()
			return err
		}
	}
	return nil
}

func (l *Log) current() *file {
	if len(l.inUse) == 0 {
		return nil
	}
	return l.inUse[len(l.inUse)-1]
}

func (l *Log) closeFiles() {
	for _, fs := range [][]*file{l.inUse, l.ready, l.spare} {
		for _, f := range fs {
			f.readers.Wait()
			f.f.Close()
		}
	}
	l.inUse, l.ready, l.spare = nil, nil, nil
}

// Recycle says that nothing before a position is needed any more: whole files before it are used again.
func (l *Log) Recycle(before Position) {
	l.mu.Lock()
	n := 0
	for n < len(l.inUse)-1 && l.inUse[n].sequence < before.File {
		n++
	}
	l.spare = append(l.spare, l.inUse[:n]...)
	l.inUse = append([]*file(nil), l.inUse[n:]...)
	l.mu.Unlock()
	if n > 0 {
		l.kickPreparer()
	}
}

// settleIn is how long a log that was just opened waits before it prepares a file that nobody needs yet: the first writes shall not wait for that.
const settleIn = 300 * time.Millisecond

// prepareFiles keeps a file ready behind the current one. It is the owner's goroutine for all slow work on files.
func (l *Log) prepareFiles() {
	first := time.AfterFunc(settleIn, l.kickPreparer)
	defer first.Stop()
	for {
		select {
		case <-l.quit:
			return
		case <-l.prepare:
		}
		for l.wantsFile() {
			if err := l.prepareNext(); err != nil {
				if !vfs.IsNoSpace(err) {
					l.fail(&FailedError{Op: "prepare", File: l.opts.Dir, Err: err})
					return
				}
				l.mu.Lock()
				l.noSpace = err
				l.failWaitersLocked(fmt.Errorf("%w: %w", ErrNoSpace, err))
				l.mu.Unlock()
				break
			}
		}
	}
}

// wantsFile says whether another file should be prepared, and tells whoever can make room when the log may not grow.
func (l *Log) wantsFile() bool {
	l.mu.Lock()
	need := l.reserved + l.opts.FileSize/2
	for _, w := range l.waiters {
		need += 2*w.cost + l.opts.Headroom
	}
	want := l.err == nil && !l.closing && (l.roomLocked() < need || len(l.ready) == 0)
	full := want && len(l.spare) == 0 && l.total+l.opts.FileSize > l.opts.MaxBytes && !l.urgent
	pressed := full && len(l.waiters) > 0
	l.mu.Unlock()
	if pressed && l.opts.OnPressure != nil {
		l.opts.OnPressure()
	}
	return want && !full
}

// prepareNext makes one more file ready, a recycled one when there is one. Only the preparer calls it, or Open before it runs.
func (l *Log) prepareNext() error {
	l.mu.Lock()
	seq := l.current().sequence + 1
	if n := len(l.ready); n > 0 {
		seq = l.ready[n-1].sequence + 1
	}
	var old *file
	if len(l.spare) > 0 {
		old, l.spare = l.spare[0], l.spare[1:]
	}
	l.mu.Unlock()

	var f *file
	var err error
	switch {
	case old == nil:
		f, err = l.createFile(seq, l.opts.FileSize, l.someoneWaits)
	case old.size != l.opts.FileSize:
		if err = l.removeFile(old); err == nil {
			f, err = l.createFile(seq, l.opts.FileSize, l.someoneWaits)
		}
		old = nil
	default:
		f, err = l.reuseFile(old, seq)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if old != nil {
			l.spare = append([]*file{old}, l.spare...)
		}
		return err
	}
	if old == nil {
		l.total += f.size
	}
	l.noSpace, l.urgent = nil, false
	l.ready = append(l.ready, f)
	l.serveLocked()
	select {
	case l.retryNow <- struct{}{}:
	default:
	}
	return nil
}

func (l *Log) someoneWaits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiters) > 0 || l.closing
}

// A new file is filled in steps, each synced, with a pause behind it as long as the log has room: the disk is the log's, and one sync of a whole file would
// keep it from it for long.
const (
	prepareStep  = 1 << 20
	preparePause = 10 * time.Millisecond
)

// breathe pauses, unless the room is low.
func (l *Log) breathe() {
	l.mu.Lock()
	low := l.roomLocked()-l.reserved < l.current().size/4
	l.mu.Unlock()
	if low {
		return
	}
	select {
	case <-l.quit:
	case <-time.After(preparePause):
	}
}

// createFile makes a file of a sequence, allocates it and fills it with zeros, so that a sync behind a write has only data to write. It stops filling
// when hurry says so: an allocated file is as good, only its syncs are slower.
func (l *Log) createFile(seq uint64, size int64, hurry func() bool) (_ *file, err error) {
	fsys, name := l.opts.FS, fileName(l.opts.Dir, seq)
	f, err := fsys.Open(name, vfs.Create)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
			fsys.Remove(name) // best effort: a file without a valid header is prepared again
		}
	}()
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	if err := f.Allocate(0, size); err != nil {
		return nil, err
	}
	zeros := make([]byte, min(size, prepareStep))
	for at := int64(0); at < size; at += int64(len(zeros)) {
		if at > 0 && hurry != nil && hurry() {
			break
		}
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return nil, err
		}
		if at+prepareStep < size {
			if err := f.Sync(); err != nil {
				return nil, err
			}
			l.breathe()
		}
	}
	return l.writeHeader(f, seq, size)
}

// reuseFile gives a recycled file a new sequence. Its old groups stay in it; the new salt makes them strangers.
func (l *Log) reuseFile(old *file, seq uint64) (*file, error) {
	old.readers.Wait()
	old.f.Close()
	from, to := fileName(l.opts.Dir, old.sequence), fileName(l.opts.Dir, seq)
	if from != to {
		if err := l.opts.FS.Rename(from, to); err != nil {
			return nil, err
		}
	}
	old.sequence = seq
	f, err := l.opts.FS.Open(to, vfs.ReadWrite) // under its new name, which its errors will carry
	if err != nil {
		return nil, err
	}
	g, err := l.writeHeader(f, seq, old.size)
	if err != nil {
		f.Close()
		return nil, err
	}
	return g, nil
}

func (l *Log) writeHeader(f vfs.File, seq uint64, size int64) (*file, error) {
	h := fileHeader{sequence: seq, salt: max(1, l.opts.Salt()), size: size}
	if _, err := f.WriteAt(h.encode(), 0); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := l.opts.FS.SyncDir(l.opts.Dir); err != nil {
		return nil, err
	}
	return &file{fileHeader: h, f: f}, nil
}

func (l *Log) removeFile(f *file) error {
	f.readers.Wait()
	f.f.Close()
	l.mu.Lock()
	l.total -= f.size
	l.mu.Unlock()
	return l.opts.FS.Remove(fileName(l.opts.Dir, f.sequence))
}
