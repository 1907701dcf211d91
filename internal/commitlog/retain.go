package commitlog

import (
	"context"
	"fmt"

	"github.com/bobbinstream/bobbin/internal/wal"
)

// Expiry is what retention asks of a log.
type Expiry struct {
	Start int64 // where the log is to start; where it starts when nothing is to be done
	// Backfill says that records go because of their timestamps which came less than retention.ms ago.
	Backfill bool
}

// Expire says which of the oldest segments retention lets go, by size and, unless now is negative, by age. now is the broker's time in milliseconds. The
// active segment is ended first when it is among them. Nothing is removed before MoveStart.
//
// The rules are Kafka's. By size: as many go as leave at least retention.bytes. By age: those whose largest timestamp is more than retention.ms ago, up to the
// first that is not; where no record has a timestamp, the time at which the file was written counts.
func (l *Log) Expire(now int64) Expiry {
	cfg := l.cfg.Load()
	l.mu.Lock()
	low, hw, next, state := l.low.Load(), l.hw.Load(), l.next, l.state
	segments := append([]*segment(nil), l.segments...)
	infos := make([]SegmentInfo, len(segments))
	ends := make([]int64, len(segments))
	first, size := 0, int64(0)
	for i, s := range segments {
		infos[i], ends[i] = s.SegmentInfo, l.endLocked(i)
		if size += s.Size; ends[i] <= low {
			first, size = i+1, 0
		}
	}
	l.mu.Unlock()
	x := Expiry{Start: low}
	if state != nil {
		return x
	}
	i := first
	for ; i < len(infos) && ends[i] <= hw && cfg.RetentionBytes >= 0 && size-infos[i].Size >= cfg.RetentionBytes; i++ {
		size -= infos[i].Size
	}
	for ; i < len(infos) && ends[i] <= hw && cfg.RetentionAge >= 0 && now >= 0; i++ {
		latest, ok := l.latest(infos[i])
		if !ok || now-latest <= cfg.RetentionAge {
			break
		}
		if born := segments[i].born; born > 0 && now-born < cfg.RetentionAge {
			x.Backfill = true
		}
	}
	if i == len(infos) && i > first && !l.endActive(segments[i-1], next) {
		i-- // it got a record meanwhile
	}
	if i > first {
		x.Start = max(low, ends[i-1])
	}
	return x
}

// latest is the largest timestamp of a segment. ok is false when there is none and the time of its file is not known either.
func (l *Log) latest(s SegmentInfo) (ts int64, ok bool) {
	switch {
	case s.MaxTimestamp >= 0:
		return s.MaxTimestamp, true
	case s.Cleaning > 0:
		return 0, true // no record is left
	}
	info, err := l.eng.opts.FS.Stat(segmentFile(l.eng.dir(l.id), s.Base, suffixLog))
	if err != nil {
		return 0, false
	}
	return info.ModTime.UnixMilli(), true
}

// endActive ends the last segment if it is still that and the log ends where it did.
func (l *Log) endActive(s *segment, next int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments); n == 0 || l.segments[n-1] != s || l.next != next {
		return false
	}
	if !s.sealed {
		l.rollLocked()
		l.dirty = true
	}
	return true
}

// startMove is the durable fact that a log starts at a later offset.
type startMove struct {
	log   *Log
	entry wal.Entry
	done  chan error // buffered
}

func (m *startMove) Committed(_ *wal.Entry, err error) {
	if err == nil {
		m.log.applyStart(m.entry.Offset)
	}
	m.done <- err
}

// MoveStart moves the log start up to an offset, at most to the high watermark, and returns when that is durable. The segments below it go at once, or, while
// somebody uses their files, as soon as nobody does. It is no error when the log starts there or later already. When ctx is done first, the start may still move.
func (l *Log) MoveStart(ctx context.Context, offset int64) error {
	l.mu.Lock()
	low, hw, state := l.low.Load(), l.hw.Load(), l.state
	l.mu.Unlock()
	switch {
	case state != nil:
		return state
	case offset <= low:
		l.dropSegments()
		return nil
	case offset > hw:
		return &OffsetError{Topic: l.id.Topic, Partition: l.id.Partition, Offset: offset, Start: low, Next: hw}
	}
	if err := l.eng.wal.Reserve(ctx, 0, wal.System); err != nil {
		return fmt.Errorf("%s-%d: move log start to %d: %w", l.id.Topic, l.id.Partition, offset, err)
	}
	m := &startMove{log: l, done: make(chan error, 1)}
	m.entry = wal.Entry{Kind: KindLogStart, Topic: l.id.TopicID, Partition: l.id.Partition, Offset: offset, Done: m}
	l.eng.wal.Append(&m.entry)
	var err error
	select {
	case err = <-m.done:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s-%d: move log start to %d: %w", l.id.Topic, l.id.Partition, offset, err)
	}
	l.dropSegments()
	return nil
}

// applyStart makes a durable log start the present one.
func (l *Log) applyStart(offset int64) {
	l.mu.Lock()
	if offset > l.low.Load() {
		l.low.Store(offset)
		l.dirty = true
	}
	ws := l.watchers
	l.mu.Unlock()
	notify(ws)
}

// dropBelowLocked takes the segments out that are wholly below the log start, with what the tail has of them. The active one stays, unless all that was
// appended is below and all says that it may go too.
func (l *Log) dropBelowLocked(all bool) (gone []*segment, batches []tailBatch) {
	n, low := 0, l.low.Load()
	for n < len(l.segments) && l.endLocked(n) <= low && (n+1 < len(l.segments) || all || l.segments[n].sealed) {
		n++
	}
	if n == 0 {
		return nil, nil
	}
	gone = l.segments[:n:n]
	for _, s := range gone {
		s.gone.Store(true)
	}
	l.segments = append([]*segment(nil), l.segments[n:]...)
	first := l.next
	if len(l.segments) > 0 {
		first = l.segments[0].Base
	}
	k := 0
	for k < l.tail.len() && l.tail.batches[l.tail.head+k].base < first {
		k++
	}
	batches = l.tail.drop(k)
	for len(l.epochs) > 1 && l.epochs[1].Start <= first {
		l.epochs = l.epochs[1:]
	}
	l.dirty = true
	return gone, batches
}

// dropSegments lets the segments go that are wholly below the log start. A crash in between leaves files that recovery removes. While somebody uses the
// files it is left to them.
func (l *Log) dropSegments() {
	l.mu.Lock()
	if l.busy || l.moving {
		l.dropDue = true
		l.mu.Unlock()
		return
	}
	l.dropDue = false
	if l.state != nil {
		l.mu.Unlock()
		return
	}
	gone, batches := l.dropBelowLocked(false)
	if len(gone) == 0 {
		l.mu.Unlock()
		return
	}
	l.busy, l.moving = true, true
	l.mu.Unlock()
	l.eng.letGo(batches)
	dir, delay := l.eng.dir(l.id), l.cfg.Load().DeleteDelay
	for _, s := range gone {
		if !s.existing {
			continue
		}
		if err := l.eng.removeSegment(dir, s.Base, delay); err != nil {
			// The log does not know it any more: the next start removes it.
			l.eng.opts.Log.Error("a segment that is no longer needed cannot be removed", "topic", l.id.Topic, "partition", l.id.Partition, "segment", s.Base, "err", err)
		}
	}
	l.mu.Lock()
	l.busy, l.moving = false, false
	l.wakeLocked()
	if l.state == nil && l.tail.committed > l.tail.head {
		l.eng.committedLocked(l)
	}
	l.mu.Unlock()
	l.dropDeferred()
}

// dropDeferred does what dropSegments had to leave. It is called by whoever has stopped using the files.
func (l *Log) dropDeferred() {
	l.mu.Lock()
	due := l.dropDue
	l.mu.Unlock()
	if due {
		l.dropSegments()
	}
}
