package wal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/bobbinstream/bobbin/internal/invariant"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// copyBelow is the size below which a body is copied next to its frame header; a larger one is written from where it is.
const copyBelow = 8 << 10

// run is the log's own goroutine: it forms a group of what is queued, writes it, syncs it, tells, and begins again.
func (l *Log) run() {
	idle := time.NewTimer(time.Hour)
	defer idle.Stop()
	for {
		l.serveFlushes()
		if !l.takeGroup() {
			l.waitForFile()
			continue
		}
		if len(l.batch) > 0 {
			l.busyTill.Store(math.MaxInt64)
			l.commitGroup()
			l.busyTill.Store(int64(time.Since(l.opened) + busyFor))
			l.told += uint64(len(l.batch))
			continue
		}
		// Nothing is queued. Wait for an entry, the next sync that was promised, the time to seal, or the end.
		var wake <-chan time.Time
		switch {
		case !l.syncDue.IsZero():
			idle.Reset(time.Until(l.syncDue))
			wake = idle.C
		case !l.sealed && l.opts.SealAfter > 0 && !l.unsynced:
			idle.Reset(l.opts.SealAfter)
			wake = idle.C
		}
		select {
		case <-l.queueSet:
		case <-wake:
			if l.syncDue.IsZero() {
				l.seal()
			} else if time.Now().After(l.syncDue) {
				l.sync()
			}
		case <-l.quit:
			l.mu.Lock()
			empty := len(l.queue) == 0
			l.mu.Unlock()
			if empty {
				if l.unsynced {
					l.sync()
				}
				l.serveFlushes()
				return
			}
		}
	}
}

// takeGroup moves entries from the queue to l.batch: all there are, up to maxGroup and to the end of the current file. When the next entry does not fit
// behind the last group any more it goes on in the next file; false: that is not ready.
func (l *Log) takeGroup() bool {
	clear(l.batch)
	l.batch = l.batch[:0]
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		return true
	}
	if l.err != nil {
		l.batch = append(l.batch, l.queue...)
		l.dropQueueLocked(len(l.queue))
		return true
	}
	size := int64(groupHeader + frameHeader)
	limit := min(l.curRoom, maxGroup)
	first := frameSize(len(l.queue[0].Head) + len(l.queue[0].Body))
	if alignBlock(size+first) > l.curRoom {
		if !l.nextFileLocked() {
			return false
		}
		limit = min(l.curRoom, maxGroup)
	}
	n := 0
	for _, e := range l.queue {
		s := frameSize(len(e.Head) + len(e.Body))
		if n > 0 && alignBlock(size+s) > limit {
			break
		}
		size += s
		n++
	}
	l.batch = append(l.batch, l.queue[:n]...)
	l.dropQueueLocked(n)
	return true
}

// waitForFile waits until the preparer has a file for a group that fits in no other, which reservations make rare.
func (l *Log) waitForFile() {
	l.mu.Lock()
	l.urgent = true
	l.mu.Unlock()
	l.kickPreparer()
	select {
	case <-l.retryNow:
	case <-time.After(stallRetry):
	case <-l.quit:
		l.fail(&FailedError{Op: "prepare", File: l.opts.Dir, Err: ErrNoSpace})
	}
}

func (l *Log) dropQueueLocked(n int) {
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
	if rest > 0 {
		select {
		case l.queueSet <- struct{}{}:
		default:
		}
	}
}

// nextFileLocked makes the next ready file the current one and says whether the next group has a place. An entry larger than a whole
// file makes an empty one grow.
func (l *Log) nextFileLocked() bool {
	if l.next.Offset == headerBytes {
		return true
	}
	if len(l.ready) == 0 {
		return false
	}
	f := l.ready[0]
	l.ready = append([]*file(nil), l.ready[1:]...)
	l.inUse = append(l.inUse, f)
	l.next.File, l.next.Offset = f.sequence, headerBytes
	l.curRoom = f.size - headerBytes
	l.kickPreparer()
	return true
}

// commitGroup writes l.batch as one group and tells its entries.
func (l *Log) commitGroup() {
	if err := l.Err(); err != nil {
		for _, e := range l.batch {
			e.Done.Committed(e, err)
		}
		return
	}
	ref, err := l.writeGroup(l.batch, 0)
	if err != nil {
		l.fail(err)
		for _, e := range l.batch {
			e.Done.Committed(e, err)
		}
		return
	}
	sync, cost := false, int64(0)
	for _, e := range l.batch {
		e.Ref = Ref{File: ref.File, Offset: ref.Offset + frameHeader, Len: int32(len(e.Head) + len(e.Body))}
		ref.Offset += frameSize(len(e.Head) + len(e.Body))
		cost += e.cost
		switch {
		case e.Within == 0:
			sync = true
		case e.Within > 0:
			if due := time.Now().Add(e.Within); l.syncDue.IsZero() || due.Before(l.syncDue) {
				l.syncDue = due
			}
		}
	}
	l.mu.Lock()
	l.reserved -= cost
	if len(l.waiters) > 0 {
		l.serveLocked()
	}
	l.mu.Unlock()
	l.stats.entries.Add(int64(len(l.batch)))
	if sync {
		// What asks for less than a sync does not wait for it.
		for _, e := range l.batch {
			if e.Within != 0 {
				e.Done.Committed(e, nil)
			}
		}
	}
	err = nil
	if sync || !l.syncDue.IsZero() && time.Now().After(l.syncDue) {
		err = l.sync()
	}
	for _, e := range l.batch {
		if e.Within == 0 || !sync {
			e.Done.Committed(e, err)
		}
	}
}

// sync makes everything written durable.
func (l *Log) sync() error {
	if err := l.Err(); err != nil {
		l.unsynced, l.syncDue = false, time.Time{}
		return err
	}
	l.mu.Lock()
	// A group in the file before the current one was synced before the log went on to the next: see writeGroup.
	f, last := l.current(), l.next.Group-1
	l.mu.Unlock()
	if err := f.f.Sync(); err != nil {
		err = &FailedError{Op: "sync", File: f.f.Name(), Err: err}
		l.fail(err)
		return err
	}
	l.stats.syncs.Add(1)
	l.synced.Store(last)
	l.unsynced, l.syncDue = false, time.Time{}
	return nil
}

// seal writes an empty group, which says that the one before it was synced, and syncs it.
func (l *Log) seal() {
	l.sealed = true
	if l.Err() != nil {
		return
	}
	l.mu.Lock()
	// A seal is worth no file of its own, and takes no room that entries have reserved.
	fits := l.curRoom >= Block && l.roomLocked()-Block >= l.reserved+l.headroomLocked()
	l.mu.Unlock()
	if !fits {
		return
	}
	_, err := l.writeGroup(nil, flagSeal)
	if err == nil {
		err = l.sync()
	}
	if err != nil {
		l.fail(err)
	}
	l.sealed = true
}

// writeStart writes and syncs the first group of a new generation.
func (l *Log) writeStart() error {
	if l.curRoom < Block {
		l.mu.Lock()
		l.nextFileLocked() // openFiles has prepared one
		l.mu.Unlock()
	}
	if _, err := l.writeGroup(nil, flagStart); err != nil {
		return err
	}
	return l.sync()
}

// writeGroup lays one group out and writes it with one call. The Ref that it returns is where the first frame is.
func (l *Log) writeGroup(entries []*Entry, flags uint32) (Ref, error) {
	l.mu.Lock()
	f, pos, inUse := l.current(), l.next, len(l.inUse)
	l.mu.Unlock()
	if pos.Offset == headerBytes && inUse > 1 && l.unsynced {
		// The first group of a file: what the file before holds must not be left behind un-synced, for later syncs touch only this one.
		l.mu.Lock()
		before := l.inUse[len(l.inUse)-2]
		l.mu.Unlock()
		if err := before.f.Sync(); err != nil {
			return Ref{}, &FailedError{Op: "sync", File: before.f.Name(), Err: err}
		}
	}
	g := group{number: pos.Group, generation: l.generation, synced: l.synced.Load(), frames: uint32(len(entries)), flags: flags}
	bufs := l.layOut(f.fileHeader, &g, entries)
	if err := l.writeAll(f, bufs, pos.Offset); err != nil {
		return Ref{}, err
	}
	l.unsynced, l.sealed = true, false
	l.stats.groups.Add(1)
	written := l.stats.bytes.Add(g.span())
	if pos.Offset == headerBytes && l.opts.OnFile != nil {
		l.opts.OnFile(written)
	}
	l.mu.Lock()
	l.next = Position{Group: pos.Group + 1, File: pos.File, Offset: pos.Offset + g.span(), Generation: l.generation}
	l.curRoom = max(0, l.curRoom-g.span())
	l.mu.Unlock()
	return Ref{File: pos.File, Offset: pos.Offset + groupHeader}, nil
}

// layOut makes the bytes of a group: headers, heads and small bodies in one buffer, large bodies from where they are.
func (l *Log) layOut(h fileHeader, g *group, entries []*Entry) [][]byte {
	small := int64(groupHeader + frameHeader)
	g.length = frameHeader
	for _, e := range entries {
		n := len(e.Head) + len(e.Body)
		g.length += frameSize(n)
		small += frameSize(n)
		if len(e.Body) >= copyBelow {
			small -= int64(len(e.Body))
		}
	}
	small += g.span() - groupHeader - g.length
	if int64(cap(l.staging)) < small {
		l.staging = make([]byte, small+small/2)
	}
	b := l.staging[:small]
	seed := h.seedFrames(g.number, g.generation)
	g.put(b, h.seedFile())
	bufs, from, at, sum := l.iov[:0], 0, groupHeader, uint32(0)
	var crc [4]byte
	for _, e := range entries {
		invariant.Check(e.Kind != 0 && len(e.Head) <= 1<<16-1, "entry of kind %d with a head of %d bytes", e.Kind, len(e.Head))
		putFrame(b[at:], e, seed)
		copy(crc[:], b[at:])
		sum = crc32.Update(sum, castagnoli, crc[:])
		at += frameHeader + len(e.Head)
		if len(e.Body) >= copyBelow {
			bufs = append(bufs, b[from:at], e.Body)
			from = at
		} else {
			at += copy(b[at:], e.Body)
		}
		n := frameHeader + len(e.Head) + len(e.Body)
		pad := int(frameSize(n-frameHeader)) - n
		clear(b[at : at+pad])
		at += pad
	}
	putCommit(b[at:], g.number, sum, seed)
	clear(b[at+frameHeader:])
	bufs = append(bufs, b[from:])
	l.iov = bufs
	return bufs
}

// stallRetry is how often a group that found no room on the disk tries again by itself.
const stallRetry = 100 * time.Millisecond

// writeAll writes a group. Room was reserved, but a file system may give a block away all the same (copy on write, quotas): then the same bytes are
// written again to the same place until there is room. Nothing of the group was synced or told, so this is safe.
func (l *Log) writeAll(f *file, bufs [][]byte, off int64) error {
	for {
		_, err := f.f.WritevAt(bufs, off)
		if err == nil {
			if l.stats.stalled.Swap(false) {
				l.mu.Lock()
				l.noSpace = nil
				l.mu.Unlock()
			}
			return nil
		}
		if !vfs.IsNoSpace(err) {
			return &FailedError{Op: "write", File: f.f.Name(), Err: err}
		}
		l.stats.stalled.Store(true)
		l.mu.Lock()
		l.noSpace = fmt.Errorf("write %s: %w", f.f.Name(), err)
		l.failWaitersLocked(fmt.Errorf("%w: %w", ErrNoSpace, err))
		l.mu.Unlock()
		select {
		case <-l.retryNow:
		case <-time.After(stallRetry):
		case <-l.quit:
			return &FailedError{Op: "write", File: f.f.Name(), Err: errors.Join(ErrNoSpace, err)}
		}
		if err := l.Err(); err != nil {
			return err
		}
	}
}
