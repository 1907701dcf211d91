package wal

import (
	"context"
	"fmt"
)

// Class says who asks for room.
type Class uint8

const (
	// Normal is for records.
	Normal Class = iota
	// System is for what frees room or must go on when there is none: deletes, log-start moves, commits, checkpoints. It may use the headroom.
	System
	// Recovery is for the change that a start begins with. Nobody can make a checkpoint yet, so it may take a file more than MaxBytes allows.
	Recovery
)

type waiter struct {
	cost  int64
	class Class
	ready chan error // buffered
}

// cost is the room that an entry may need at most: its frame, and a group of its own.
func cost(payload int) int64 { return frameSize(payload) + groupHeader + frameHeader + Block }

// Reserve takes room for an entry whose head and body have n bytes together. It waits for a checkpoint until ctx is done (ErrBusy) and
// for nothing else: a full disk is ErrNoSpace at once. Every successful call is followed by one Append or one Cancel of that size.
func (l *Log) Reserve(ctx context.Context, n int, class Class) error {
	c := cost(n)
	l.mu.Lock()
	switch {
	case l.err != nil:
		defer l.mu.Unlock()
		return l.err
	case l.closing:
		l.mu.Unlock()
		return ErrClosed
	case c > l.opts.MaxBytes/4:
		l.mu.Unlock()
		return fmt.Errorf("%d bytes: %w (%d)", n, ErrTooLarge, l.opts.MaxBytes/4)
	case (len(l.waiters) == 0 || class != Normal) && l.fitsLocked(c, class):
		l.reserved += c
		low := l.roomLocked()-l.reserved < l.current().size/2
		l.mu.Unlock()
		if low {
			l.kickPreparer()
		}
		return nil
	case l.noSpace != nil:
		err := fmt.Errorf("%w: %w", ErrNoSpace, l.noSpace)
		l.mu.Unlock()
		l.kickPreparer() // there may be room again; the next call will know
		return err
	}
	w := &waiter{cost: c, class: class, ready: make(chan error, 1)}
	l.waiters = append(l.waiters, w)
	l.urgent = l.urgent || class == Recovery
	l.mu.Unlock()
	l.kickPreparer()
	select {
	case err := <-w.ready:
		return err
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case err := <-w.ready: // it was served in this moment
		return err
	default:
	}
	for i, x := range l.waiters {
		if x == w {
			l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
			break
		}
	}
	l.serveLocked()
	return fmt.Errorf("%w: %w", ErrBusy, context.Cause(ctx))
}

// Cancel gives back what Reserve took for n bytes.
func (l *Log) Cancel(n int) {
	l.mu.Lock()
	l.reserved -= cost(n)
	l.serveLocked()
	l.mu.Unlock()
}

// Shrink gives back a part of what Reserve took for n bytes, so that it is for fewer from now on.
func (l *Log) Shrink(n, fewer int) {
	l.mu.Lock()
	l.reserved -= cost(n) - cost(fewer)
	l.serveLocked()
	l.mu.Unlock()
}

// roomLocked is what can still be written into the current file and those that are ready.
func (l *Log) roomLocked() int64 {
	room := l.curRoom
	for _, f := range l.ready {
		room += f.size - headerBytes
	}
	return room
}

// fitsLocked says whether c more bytes fit. At the end of each file up to one entry's room is lost. For entries of more than an eighth of a file that is
// not counted in full; then the log may have to prepare one file more than it wanted (see takeGroup).
func (l *Log) fitsLocked(c int64, class Class) bool {
	l.largest = max(l.largest, min(c, l.opts.FileSize/8))
	need := l.reserved + c + int64(len(l.ready)+1)*l.largest
	if class == Normal {
		need += l.headroomLocked()
	}
	return need <= l.roomLocked()
}

// headroomLocked is the room that is left to System: a part of what there is, so that a log whose first, small file is all it has takes entries at once.
func (l *Log) headroomLocked() int64 { return min(l.opts.Headroom, l.total/8) }

// serveLocked hands room to those that wait, first come first served within a class.
func (l *Log) serveLocked() {
	blocked := false
	rest := l.waiters[:0]
	for _, w := range l.waiters {
		if (!blocked || w.class != Normal) && l.fitsLocked(w.cost, w.class) {
			l.reserved += w.cost
			w.ready <- nil
			continue
		}
		blocked = blocked || w.class == Normal
		rest = append(rest, w)
	}
	clear(l.waiters[len(rest):])
	l.waiters = rest
}

func (l *Log) failWaitersLocked(err error) {
	for _, w := range l.waiters {
		w.ready <- err
	}
	l.waiters = nil
}

func (l *Log) kickPreparer() {
	select {
	case l.prepare <- struct{}{}:
	default:
	}
}
