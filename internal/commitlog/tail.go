package commitlog

import (
	"sort"

	"github.com/bobbinstream/bobbin/internal/wal"
)

// Owner is whoever owns the memory of a batch. Retain and Release are safe for concurrent use and never block.
type Owner interface {
	Retain()
	Release()
}

// tailBatch is a batch that is not yet, or not wholly, in its segment.
type tailBatch struct {
	base, last int64
	pos        int64 // where it will be in its segment
	seg        *segment
	size       int32
	epoch      int32
	maxTime    int64
	bytes      []byte // nil: only in the write-ahead log, where a recovery found it
	owner      Owner
	ref        wal.Ref // set when it is committed
}

// tail is a queue of batches by offset: first those that are committed, then those that are not.
type tail struct {
	batches   []tailBatch
	head      int   // batches before it are written behind
	committed int   // batches before it are committed
	bytes     int64 // of the committed ones
}

func (t *tail) len() int { return len(t.batches) - t.head }

func (t *tail) first() *tailBatch { return &t.batches[t.head] }

func (t *tail) push(b tailBatch) {
	if t.head > 0 && t.head == len(t.batches) {
		t.batches, t.head, t.committed = t.batches[:0], 0, 0
	}
	if t.head > 1024 && t.head > len(t.batches)/2 {
		n := copy(t.batches, t.batches[t.head:])
		clear(t.batches[n:])
		t.batches, t.committed, t.head = t.batches[:n], t.committed-t.head, 0
	}
	t.batches = append(t.batches, b)
}

// commit marks the first batch that is not committed and returns it.
func (t *tail) commit(ref wal.Ref) *tailBatch {
	b := &t.batches[t.committed]
	b.ref = ref
	t.committed++
	t.bytes += int64(b.size)
	return b
}

// find returns the index of the committed batch that holds an offset, or t.committed.
func (t *tail) find(offset int64) int {
	return t.head + sort.Search(t.committed-t.head, func(i int) bool { return t.batches[t.head+i].last >= offset })
}

// drop takes n batches from the front out and returns them.
func (t *tail) drop(n int) []tailBatch {
	gone := append([]tailBatch(nil), t.batches[t.head:t.head+n]...)
	t.pop(n)
	return gone
}

// pop drops n batches from the front.
func (t *tail) pop(n int) {
	for i := t.head; i < t.head+n; i++ {
		t.bytes -= int64(t.batches[i].size)
		t.batches[i] = tailBatch{}
	}
	t.head += n
	if t.head == len(t.batches) {
		t.head, t.committed = 0, 0
		if cap(t.batches) > 64 {
			t.batches = nil // an idle partition is small
		} else {
			t.batches = t.batches[:0]
		}
	}
}
