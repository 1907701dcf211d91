package commitlog

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/wal"
)

// Expired returns the log start that retention by size asks for: as many of the oldest segments go as leave at least RetentionBytes. It is the present one
// when nothing is to be done. The active segment stays.
func (l *Log) Expired() int64 {
	cfg := l.cfg.Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	low := l.low.Load()
	if cfg.RetentionBytes < 0 || l.state != nil {
		return low
	}
	size := l.sizeLocked()
	for i := 0; i+1 < len(l.segments) && size-l.segments[i].Size >= cfg.RetentionBytes; i++ {
		s := l.segments[i]
		if s.written < s.Size {
			break // not yet written behind
		}
		size -= s.Size
		low = max(low, l.segments[i+1].Base)
	}
	return low
}

// startMove is the durable fact that a log starts at a later offset.
type startMove struct {
	log   *Log
	entry wal.Entry
	done  chan error
}

func (m *startMove) Committed(_ *wal.Entry, err error) {
	if err == nil {
		m.log.applyStart(m.entry.Offset)
	}
	m.done <- err
}

// MoveStart moves the log start up to an offset, at most to the high watermark, and returns when that is durable and the segments below it are
// gone. It is no error when the log starts there or later already.
func (l *Log) MoveStart(ctx context.Context, offset int64) error {
	l.mu.Lock()
	low, hw, state := l.low.Load(), l.hw.Load(), l.state
	l.mu.Unlock()
	switch {
	case state != nil:
		return state
	case offset <= low:
		return l.dropSegments() // some may not have been written behind the last time
	case offset > hw:
		return &OffsetError{Topic: l.id.Topic, Partition: l.id.Partition, Offset: offset, Start: low, Next: hw}
	}
	if err := l.eng.wal.Reserve(ctx, 0, wal.System); err != nil {
		return fmt.Errorf("%s-%d: move log start to %d: %w", l.id.Topic, l.id.Partition, offset, err)
	}
	m := &startMove{log: l, done: make(chan error, 1)}
	m.entry = wal.Entry{Kind: KindLogStart, Topic: l.id.TopicID, Partition: l.id.Partition, Offset: offset, Done: m}
	l.eng.wal.Append(&m.entry)
	if err := <-m.done; err != nil {
		return fmt.Errorf("%s-%d: move log start to %d: %w", l.id.Topic, l.id.Partition, offset, err)
	}
	return l.dropSegments()
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

// dropSegments removes the segments that are wholly below the log start and written behind, but for the active one: rename, then remove. A crash in
// between leaves files that recovery removes.
func (l *Log) dropSegments() error {
	l.mu.Lock()
	for l.busy {
		l.waitIdleLocked()
	}
	low, n := l.low.Load(), 0
	for n+1 < len(l.segments) && l.segments[n+1].Base <= low && l.segments[n].written == l.segments[n].Size {
		n++
	}
	if n == 0 || l.state != nil {
		l.mu.Unlock()
		return nil
	}
	gone := l.segments[:n]
	l.segments = append([]*segment(nil), l.segments[n:]...)
	first := l.segments[0].Base
	for len(l.epochs) > 1 && l.epochs[1].Start <= first {
		l.epochs = l.epochs[1:]
	}
	l.dirty = true
	l.mu.Unlock()
	dir := l.eng.dir(l.id)
	for _, s := range gone {
		if !s.existing {
			continue
		}
		if err := l.eng.removeSegment(dir, s.Base); err != nil {
			return fmt.Errorf("%s-%d: remove segment %d: %w", l.id.Topic, l.id.Partition, s.Base, err)
		}
	}
	return nil
}

// removeSegment removes a segment's files, the log last, so that a crash leaves no log without its indexes' names being free.
func (e *Engine) removeSegment(dir string, base int64) error {
	for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} {
		name := segmentFile(dir, base, suffix)
		e.opts.Files.Forget(name)
		if err := removeIfThere(e.opts.FS, name); err != nil {
			return fmt.Errorf("remove %s: %w", filepath.Base(name), err)
		}
	}
	return nil
}
