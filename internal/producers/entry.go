package producers

import "math"

// remembered is how many batches of a producer are known. Clients keep at most five requests in flight to a partition
// (max.in.flight.requests.per.connection), so any batch that a client may still send again is among them.
const remembered = 5

// span is one stored batch. The first offset and the first sequence follow from delta: offsets and sequences of a
// batch are consecutive.
type span struct {
	lastOffset   int64
	maxTimestamp int64
	lastSequence int32
	delta        int32 // records - 1
}

func (s span) baseOffset() int64    { return s.lastOffset - int64(s.delta) }
func (s span) firstSequence() int32 { return backward(s.lastSequence, s.delta) }

// entry is what is known of one producer.
//
// Invariant: count <= remembered, head < remembered; the batches are spans[head], and then the count-1 after it,
// modulo remembered, the oldest first, all of the same epoch.
type entry struct {
	lastUse int64
	spans   [remembered]span
	epoch   int16
	head    uint8
	count   uint8
}

// at returns the i-th batch, 0 being the oldest.
func (e *entry) at(i int) span { return e.spans[(int(e.head)+i)%remembered] }

// lastSequence returns -1 when no batch of the epoch is known.
func (e *entry) lastSequence() int32 {
	if e.count == 0 {
		return -1
	}
	return e.at(int(e.count) - 1).lastSequence
}

// raise moves to an epoch and forgets the batches of the one before.
func (e *entry) raise(epoch int16) {
	if e.epoch != epoch {
		e.epoch, e.head, e.count = epoch, 0, 0
	}
}

// push adds a batch; of more than five the oldest is forgotten.
func (e *entry) push(s span) {
	if e.count == remembered {
		e.spans[e.head] = s
		e.head = (e.head + 1) % remembered
		return
	}
	e.spans[(e.head+e.count)%remembered] = s
	e.count++
}

// find returns the batch with these sequences.
func (e *entry) find(first, last int32) (span, bool) {
	for i := range int(e.count) {
		if s := e.at(i); s.lastSequence == last && s.firstSequence() == first {
			return s, true
		}
	}
	return span{}, false
}

// Sequences are the numbers 0 to 2^31-1, in a ring. In 32 bits, clearing the sign is the remainder by 2^31.

// backward returns the sequence n before s.
func backward(s, n int32) int32 { return (s - n) & math.MaxInt32 }

// distance returns how many steps lead from first to last.
func distance(first, last int32) int32 { return (last - first) & math.MaxInt32 }

// follows reports whether next comes directly after last; last is -1 before the first record.
func follows(last, next int32) bool { return next == (last+1)&math.MaxInt32 }
