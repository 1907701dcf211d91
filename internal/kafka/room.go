package kafka

import (
	"container/list"
	"context"
	"sync"
)

// room bounds what is on its way. Who finds none waits, in the order of coming. The client library below bounds it too, but there the context of the wait is also that of the record.
type room struct {
	mu             sync.Mutex
	records, bytes int        // that are free
	all            int        // bytes, when nothing is on its way
	waiting        *list.List // of *waiter
}

type waiter struct {
	bytes int
	ready chan struct{} // closed when there is room, which it has then
}

func newRoom(records, bytes int) *room {
	return &room{records: records, bytes: bytes, all: bytes, waiting: list.New()}
}

// size is what a record takes; one that is larger than everything takes everything.
func (r *room) size(bytes int) int { return min(bytes, r.all) }

// take waits for room for one record of so many bytes, until a context ends.
func (r *room) take(ctx, end context.Context, bytes int) error {
	bytes = r.size(bytes)
	r.mu.Lock()
	if r.waiting.Len() == 0 && r.records > 0 && r.bytes >= bytes {
		r.records, r.bytes = r.records-1, r.bytes-bytes
		r.mu.Unlock()
		return nil
	}
	w := &waiter{bytes, make(chan struct{})}
	place := r.waiting.PushBack(w)
	r.mu.Unlock()
	var err error
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-end.Done():
		err = context.Cause(end)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-w.ready: // it came in between
		return nil
	default:
		r.waiting.Remove(place)
		r.admit() // who is behind may need less
		return err
	}
}

// give says that a record of so many bytes is on its way no longer.
func (r *room) give(bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records, r.bytes = r.records+1, r.bytes+r.size(bytes)
	r.admit()
}

// admit lets those in for whom there is room. The lock is held.
func (r *room) admit() {
	for e := r.waiting.Front(); e != nil; e = r.waiting.Front() {
		w := e.Value.(*waiter)
		if r.records == 0 || r.bytes < w.bytes {
			return
		}
		r.records, r.bytes = r.records-1, r.bytes-w.bytes
		r.waiting.Remove(e)
		close(w.ready)
	}
}
