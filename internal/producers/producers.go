package producers

import (
	"iter"
	"maps"
	"slices"
)

// Batch is what Check and Apply need of one record batch. The sequences of a batch are consecutive in the ring of
// 0 to 2^31-1: LastSequence is FirstSequence plus the number of records less one, and may be smaller than it.
type Batch struct {
	ProducerID    int64 // -1, or any negative: not idempotent
	Epoch         int16
	FirstSequence int32 // -1 in a batch that the broker wrote: it has no sequence
	LastSequence  int32

	BaseOffset   int64 // assigned; Check does not read it
	LastOffset   int64 // assigned; Check does not read it
	MaxTimestamp int64 // the greatest of the records, milliseconds since 1970
	Now          int64 // the broker's time, milliseconds since 1970; in a replay the time of the replay

	Transactional bool // part of a transaction; no rule of this package depends on it
	Control       bool // a transaction marker, written by the broker: has an epoch and no sequence
}

// Verdict is the outcome of Check for a batch that is not refused.
type Verdict struct {
	// Duplicate says that the batch is stored already and must not be appended again. The producer is answered with
	// the fields below, as it was the first time; not before the stored batch is as durable as its level asks, since
	// the first try may still be on its way to the disk.
	Duplicate bool

	BaseOffset int64 // of the stored batch; so are the others
	LastOffset int64
	Timestamp  int64 // its greatest timestamp: the append time in a topic with LogAppendTime
}

// Producer is what is known of one producer of the partition.
type Producer struct {
	ID            int64
	Epoch         int16
	LastSequence  int32 // -1 when the epoch has no batch yet
	LastOffset    int64 // of the last batch; -1 when the epoch has no batch yet
	LastTimestamp int64 // the greatest of the last batch, milliseconds since 1970; -1 when the epoch has no batch yet
	LastUse       int64 // the broker's time at the last batch, milliseconds since 1970
}

// State is what is known of the producers of one partition. The zero State knows none and takes one word of memory;
// each producer costs about 200 bytes. A State must not be copied after its first Apply, and its methods must not run
// at the same time.
type State struct {
	entries map[int64]*entry // nil when empty
}

// Check decides whether a client's batch may be appended. It changes nothing. An error is an [*Error]. A batch that
// is not idempotent, and a control batch, of which the caller has to know that the broker wrote it, are accepted.
func (s *State) Check(b Batch) (Verdict, error) {
	if b.ProducerID < 0 || b.Control {
		return Verdict{}, nil
	}
	e := s.entries[b.ProducerID]
	if e == nil {
		if b.FirstSequence < 0 {
			return Verdict{}, refuse(ErrOutOfOrderSequence, b, &entry{epoch: -1})
		}
		return Verdict{}, nil
	}
	switch {
	case b.Epoch < e.epoch:
		return Verdict{}, refuse(ErrInvalidEpoch, b, e)
	case b.Epoch > e.epoch:
		if b.FirstSequence != 0 {
			return Verdict{}, refuse(ErrOutOfOrderSequence, b, e)
		}
		return Verdict{}, nil
	}
	if d, ok := e.find(b.FirstSequence, b.LastSequence); ok {
		return Verdict{Duplicate: true, BaseOffset: d.baseOffset(), LastOffset: d.lastOffset, Timestamp: d.maxTimestamp}, nil
	}
	if !follows(e.lastSequence(), b.FirstSequence) {
		return Verdict{}, refuse(ErrOutOfOrderSequence, b, e)
	}
	return Verdict{}, nil
}

func refuse(reason error, b Batch, e *entry) *Error {
	return &Error{
		Reason:        reason,
		ProducerID:    b.ProducerID,
		Epoch:         b.Epoch,
		FirstSequence: b.FirstSequence,
		StoredEpoch:   e.epoch,
		LastSequence:  e.lastSequence(),
	}
}

// Apply remembers a batch that got its offsets, or that a replay finds in the log. It takes every batch: what the
// log holds is a fact, whatever the rules say. The caller applies each batch once, in the order of offsets; a replay
// starts where the snapshot ends.
func (s *State) Apply(b Batch) {
	if b.ProducerID < 0 {
		return
	}
	e := s.entries[b.ProducerID]
	if e == nil {
		if s.entries == nil {
			s.entries = make(map[int64]*entry)
		}
		e = &entry{epoch: b.Epoch}
		s.entries[b.ProducerID] = e
	}
	e.raise(b.Epoch)
	e.lastUse = b.Now
	if !b.Control && b.FirstSequence >= 0 && b.LastSequence >= 0 {
		e.push(span{
			lastOffset:   b.LastOffset,
			maxTimestamp: b.MaxTimestamp,
			lastSequence: b.LastSequence,
			delta:        distance(b.FirstSequence, b.LastSequence),
		})
	}
}

// Expire forgets the producers that were last used maxAge milliseconds or more before now, and returns how many
// those were (producer.id.expiration.ms). A forgotten producer may go on with any sequence, and its duplicates are no
// longer recognised.
func (s *State) Expire(now, maxAge int64) int {
	before := len(s.entries)
	maps.DeleteFunc(s.entries, func(_ int64, e *entry) bool { return now-e.lastUse >= maxAge })
	forgotten := before - len(s.entries)
	if len(s.entries) == 0 {
		s.entries = nil
	}
	return forgotten
}

// Len returns the number of producers known.
func (s *State) Len() int { return len(s.entries) }

// All yields the producers by ascending id. The State must not change meanwhile.
func (s *State) All() iter.Seq[Producer] {
	return func(yield func(Producer) bool) {
		for _, id := range s.ids() {
			e := s.entries[id]
			p := Producer{ID: id, Epoch: e.epoch, LastSequence: -1, LastOffset: -1, LastTimestamp: -1, LastUse: e.lastUse}
			if e.count > 0 {
				last := e.at(int(e.count) - 1)
				p.LastSequence, p.LastOffset, p.LastTimestamp = last.lastSequence, last.lastOffset, last.maxTimestamp
			}
			if !yield(p) {
				return
			}
		}
	}
}

// ids returns the producers' ids in ascending order.
func (s *State) ids() []int64 { return slices.Sorted(maps.Keys(s.entries)) }
