package commitlog

import (
	"context"
	"math"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/invariant"
	"github.com/bobbinstream/bobbin/internal/producers"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Append is one batch on its way into a log, and what became of it. It must not be used again before Done was called.
type Append struct {
	// Batch is validated by the caller. Its base offset and leader epoch are patched in place.
	Batch batch.Batch
	// Owner owns the memory of Batch. The log retains it until the bytes are in their segment. nil: the memory belongs to the log from now on.
	Owner Owner
	// Now is the broker's time in milliseconds, for producers' expiry.
	Now int64
	// Done is called once, when the batch is as durable as its level asks, or is refused. It may be called before Append returns, or by the
	// goroutine that acknowledges records: it must not block.
	Done func(*Append)

	// Results, valid in Done.
	Err        error
	BaseOffset int64 // of the batch, or of the stored one of which it is a duplicate
	Start      int64 // log start offset
	Duplicate  bool
	// Timestamp is the largest timestamp of the stored batch.
	Timestamp int64

	log   *Log
	last  int64 // last offset
	entry wal.Entry
}

// batchHead is how many bytes at the start of a batch its own checksum does not cover: they are the head of its frame.
const batchHead = batch.BodyOffset

// Kinds of the frames that this package writes; docs/formats/wal.md lists all.
const (
	KindBatch      wal.Kind = 1
	KindLogStart   wal.Kind = 3
	KindCleaned    wal.Kind = 4
	KindFirstBatch wal.Kind = 5 // of a segment
)

// IsBatch says whether a frame is a record batch.
func IsBatch(k wal.Kind) bool { return k == KindBatch || k == KindFirstBatch }

// Append gives the batch its offset and queues it. It waits for room in memory and in the write-ahead log until ctx is done, and for
// nothing else. Batches of one partition that are appended one after the other keep their order.
func (l *Log) Append(ctx context.Context, a *Append) {
	n := len(a.Batch)
	if err := l.reserve(ctx, n, wal.Normal); err != nil {
		a.log, a.Err, a.Duplicate = l, nil, false
		l.refuse(a, err)
		return
	}
	l.AppendReserved(a, n)
}

// Reserve takes room for a batch of up to n bytes that is not made yet, for whoever must not wait between a decision and its record. It may use the room
// that is left to commits. It is followed by one AppendReserved or one GiveBack.
func (l *Log) Reserve(ctx context.Context, n int) error { return l.reserve(ctx, n, wal.System) }

// GiveBack gives back what Reserve took.
func (l *Log) GiveBack(n int) {
	l.eng.wal.Cancel(n)
	l.eng.memory.give(int64(n))
}

func (l *Log) reserve(ctx context.Context, n int, class wal.Class) error {
	if err := l.eng.memory.take(ctx, int64(n)); err != nil {
		return err
	}
	if err := l.eng.wal.Reserve(ctx, n, class); err != nil {
		l.eng.memory.give(int64(n))
		return err
	}
	return nil
}

// AppendReserved is Append with the room that was reserved for at least as many bytes as the batch has. It never waits.
func (l *Log) AppendReserved(a *Append, reserved int) {
	a.log, a.Err, a.Duplicate = l, nil, false
	n := len(a.Batch)
	invariant.Check(n <= reserved, "%s-%d: a batch of %d bytes, with room for %d", l.id.Topic, l.id.Partition, n, reserved)
	if n < reserved {
		l.eng.wal.Shrink(reserved, n)
		l.eng.memory.give(int64(reserved - n))
	}
	switch l.assign(a) {
	case refused, stored:
		defer a.Done(a)
		fallthrough
	case awaited:
		l.GiveBack(n)
	}
}

// outcome is what assign made of a batch.
type outcome uint8

const (
	queued  outcome = iota // in the tail and on its way to the write-ahead log
	refused                // Err says why
	stored                 // a duplicate of a batch that is committed
	awaited                // a duplicate of one that is not: its Done is called with that one's
)

func (l *Log) refuse(a *Append, err error) {
	a.Err, a.Start = err, l.low.Load()
	a.Done(a)
}

// assign does what the lock is for: sequence, offset, place, order.
func (l *Log) assign(a *Append) outcome {
	b := a.Batch
	p := producers.Batch{
		ProducerID: b.ProducerID(), Epoch: b.ProducerEpoch(), FirstSequence: b.BaseSequence(), LastSequence: b.LastSequence(),
		MaxTimestamp: b.MaxTimestamp(), Now: a.Now, Transactional: b.Transactional(), Control: b.Control(),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Start = l.low.Load()
	if l.state != nil {
		a.Err = l.state
		return refused
	}
	v, err := l.producers.Check(p)
	if err != nil {
		a.Err = err
		return refused
	}
	if v.Duplicate {
		a.Duplicate, a.BaseOffset, a.Timestamp, a.last = true, v.BaseOffset, v.Timestamp, v.LastOffset
		if v.LastOffset >= l.hw.Load() {
			l.dups = append(l.dups, a)
			return awaited
		}
		return stored
	}
	a.BaseOffset, a.Timestamp = l.next, p.MaxTimestamp
	b.SetBaseOffset(l.next)
	b.SetLeaderEpoch(l.epoch)
	a.last = b.LastOffset()
	p.BaseOffset, p.LastOffset = l.next, a.last
	l.producers.Apply(p)
	cfg := l.cfg.Load()
	s := l.activeLocked()
	if s != nil && s.full(cfg, p.LastOffset, p.MaxTimestamp, int64(len(b))) {
		l.rollLocked()
		s = nil
	}
	kind := KindBatch
	if s == nil {
		kind = KindFirstBatch
		l.beginLocked(p.BaseOffset, a.Now)
	}
	t := l.placeLocked(cfg, p.BaseOffset, p.LastOffset, p.MaxTimestamp, int32(len(b)))
	t.bytes, t.owner = b, a.Owner
	if a.Owner != nil {
		a.Owner.Retain()
	}
	l.tail.push(t)
	l.next = a.last + 1
	l.dirty = true
	if l.tail.committed == len(l.tail.batches)-1 || l.within != 0 {
		l.within = cfg.Within
	} // else a batch before this one waits for a sync: this one does too, so that they are committed in order
	a.entry = wal.Entry{
		Kind: kind, Topic: l.id.TopicID, Partition: l.id.Partition, Offset: p.BaseOffset,
		Head: b[:batchHead], Body: b[batchHead:], BodyCRC: b.CRC(), Within: l.within, Done: a,
	}
	l.eng.wal.Append(&a.entry)
	return queued
}

// activeLocked is the segment that takes the next batch, or nil when that begins a new one.
func (l *Log) activeLocked() *segment {
	if n := len(l.segments); n > 0 && !l.segments[n-1].sealed {
		return l.segments[n-1]
	}
	return nil
}

// full says whether a batch belongs into a new segment: this one is large or old, or the batch's relative offset does not fit.
func (s *segment) full(cfg *Config, last, maxTime, size int64) bool {
	age := cfg.SegmentAge
	if cfg.Compaction.Enabled {
		age = min(age, cfg.Compaction.MaxLag)
	}
	return s.Size > 0 && (s.Size+size > cfg.SegmentBytes || !s.reaches(last) || s.FirstTime >= 0 && maxTime-s.FirstTime > age)
}

// reaches says whether an offset can be in the segment's index.
func (s *segment) reaches(offset int64) bool { return offset-s.Base <= math.MaxInt32 }

// rollLocked ends the active segment: the next batch begins a new one.
func (l *Log) rollLocked() {
	l.segments[len(l.segments)-1].seal()
	l.eng.rolled(l)
}

// beginLocked begins a segment. now is 0 in a replay.
func (l *Log) beginLocked(base, now int64) {
	s := newSegment(base)
	s.born = now
	l.segments = append(l.segments, s)
}

// placeLocked gives a batch its place in the active segment.
func (l *Log) placeLocked(cfg *Config, base, last, maxTime int64, size int32) tailBatch {
	if n := len(l.epochs); n == 0 || l.epochs[n-1].Epoch < l.epoch {
		l.epochs = append(l.epochs, EpochStart{Epoch: l.epoch, Start: base})
	}
	s := l.segments[len(l.segments)-1]
	pos := s.note(base, last, maxTime, size, cfg.IndexInterval)
	return tailBatch{base: base, last: last, pos: pos, seg: s, size: size, epoch: l.epoch, maxTime: maxTime}
}

// Committed is the write-ahead log's word on the batch: the high watermark moves, and whoever waits for it is told.
func (a *Append) Committed(e *wal.Entry, err error) {
	l := a.log
	l.mu.Lock()
	a.Start = l.low.Load()
	if err != nil {
		a.Err = err
		dups := l.dups
		l.dups = nil
		l.mu.Unlock()
		a.Done(a)
		for _, d := range dups {
			d.Err = err
			d.Done(d)
		}
		return
	}
	t := l.tail.commit(e.Ref)
	invariant.Check(t.base == a.BaseOffset, "%s-%d: committed offset %d, expected %d", l.id.Topic, l.id.Partition, a.BaseOffset, t.base)
	if l.state != nil { // deleted meanwhile: the record is gone with its topic
		a.Err = l.state
		l.eng.letGo(l.tail.drop(1))
		l.mu.Unlock()
		a.Done(a)
		return
	}
	l.hw.Store(a.last + 1)
	var dups []*Append
	if len(l.dups) > 0 {
		rest := l.dups[:0]
		for _, d := range l.dups {
			if d.last <= a.last {
				dups = append(dups, d)
			} else {
				rest = append(rest, d)
			}
		}
		if l.dups = rest; len(rest) == 0 {
			l.dups = nil
		}
	}
	l.eng.committedLocked(l)
	ws := l.watchers
	l.mu.Unlock()
	notify(ws) // before Done: whoever was told of a record finds every watcher told of it
	a.Done(a)
	for _, d := range dups {
		d.Done(d)
	}
}
