package streams

import (
	"context"
	"errors"
	"io"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// lane reads one partition ahead, as far as its share of the memory goes. It has a reader of its own, so that it waits for no other partition.
type lane struct {
	partition int32
	reader    *kafka.Reader
	share     int64
	held      int64 // bytes of packets on threads
	over      bool  // it is read to its end
}

// thread is a stream of a partition whose packets wait for their turn, in order.
type thread struct {
	place
	lane  *lane
	items []item
	timed bool
	last  int64 // the newest key that was given out; keys of a thread do not go back
	at    int   // in the queue, -1 when it is not
}

// item is a packet that waits.
type item struct {
	packet Packet
	block  *codec.Block // of rows; returned when they are written
	from   int          // the first row that is not written
	size   int64
	keyed  bool  // the key is known
	key    int64 // whose turn it is: the time of the packet's first row that waits, or of the event; a context has that of what follows, an end that of what was before
}

// weight is about how much memory a packet takes while it waits.
func weight(p *Packet) int64 {
	n := 2*int64(p.Size) + 512
	if p.Header.Kind == codec.KindRows {
		n += int64(len(p.Rows.Columns)+1) * (192 + 8*int64(len(p.Rows.Times)))
	}
	return n
}

// fill reads until the lane has enough, or its end.
func (x *replay) fill(ctx context.Context, l *lane) error {
	for !l.over && l.held < l.share/2 {
		batch, err := l.reader.Poll(ctx, 32) // not more than a share is by far
		if errors.Is(err, io.EOF) {
			l.over = true
			l.reader.Close()
			x.openEnds(l)
			return nil
		}
		if err != nil {
			return err
		}
		for i := range batch {
			x.hang(l, &batch[i])
		}
	}
	return nil
}

// hang decodes a record and hangs it on its thread.
func (x *replay) hang(l *lane, r *kafka.Record) {
	x.done.Done++
	x.next[r.Partition] = r.Offset + 1
	if x.only != nil && !x.only[string(r.Key)] {
		return
	}
	block := x.block()
	p, ok := decode(r, block)
	if !ok || p.Err != nil {
		x.blocks = append(x.blocks, block)
		if ok {
			x.done.Broken++
		} else {
			x.done.Foreign++
		}
		return
	}
	it := item{packet: p, size: weight(&p)}
	if p.Rows != nil {
		it.block = block
	} else {
		x.blocks = append(x.blocks, block)
	}
	at := place{p.Partition, p.Stream}
	t := x.threads[at]
	if t == nil {
		t = &thread{place: at, lane: l, at: -1}
		x.threads[at] = t
	}
	l.held += it.size
	t.items = append(t.items, it)
	n := len(t.items) - 1
	switch p.Header.Kind {
	case codec.KindRows:
		t.key(n, p.Rows.Times[0])
	case codec.KindEvent:
		t.key(n, p.Event.Time)
	case codec.KindEnd:
		if t.timed {
			t.key(n, t.last)
		}
	}
	x.enqueue(t)
}

// key gives an item its key, and those before it that have none. A time that is before another one of its stream has that one's turn.
func (t *thread) key(n int, key int64) {
	if t.timed {
		key = max(key, t.last)
	}
	t.timed, t.last = true, key
	for i := n; i >= 0 && !t.items[i].keyed; i-- {
		t.items[i].keyed, t.items[i].key = true, key
	}
}

// openEnds gives the packets a turn behind which nothing with a time came.
func (x *replay) openEnds(l *lane) {
	for _, t := range x.threads {
		if n := len(t.items); t.lane == l && n > 0 && !t.items[n-1].keyed {
			key := t.last
			if !t.timed {
				key = max(x.reached, x.latest())
			}
			t.key(n-1, key)
			x.enqueue(t)
		}
	}
}

// latest is the latest key of all that waits.
func (x *replay) latest() int64 {
	key := x.reached
	for _, t := range x.queue {
		key = max(key, t.last)
	}
	return key
}

// queue is a heap of threads, the one whose turn is next first.
type queue []*thread

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := &q[i].items[0], &q[j].items[0]
	if a.key != b.key {
		return a.key < b.key
	}
	return a.packet.Partition < b.packet.Partition || a.packet.Partition == b.packet.Partition && a.packet.Offset < b.packet.Offset
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].at, q[j].at = i, j
}

// Push and Pop are for container/heap.
func (q *queue) Push(v any) {
	t := v.(*thread)
	t.at = len(*q)
	*q = append(*q, t)
}

// Pop takes the last one.
func (q *queue) Pop() any {
	n := len(*q) - 1
	t := (*q)[n]
	(*q)[n] = nil
	*q = (*q)[:n]
	t.at = -1
	return t
}
