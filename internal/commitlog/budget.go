package commitlog

import (
	"context"
	"fmt"
	"sync"
)

// budget bounds the memory of all tails. Whoever wants more than there is waits, first come first served.
type budget struct {
	limit int64
	press func() // called when somebody waits or half of it is used; must not block

	mu      sync.Mutex
	used    int64
	waiters []*claim
	refuse  error // why nobody waits at present: the disk is full
}

type claim struct {
	n     int64
	ready chan error // buffered
}

// take waits until n bytes are free. More than the limit is granted when nothing else is used.
func (b *budget) take(ctx context.Context, n int64) error {
	b.mu.Lock()
	if len(b.waiters) == 0 && b.fitsLocked(n) {
		b.used += n
		pressed := b.used > b.limit/2
		b.mu.Unlock()
		if pressed {
			b.press()
		}
		return nil
	}
	if err := b.refuse; err != nil {
		b.mu.Unlock()
		b.press()
		return err
	}
	c := &claim{n: n, ready: make(chan error, 1)}
	b.waiters = append(b.waiters, c)
	b.mu.Unlock()
	b.press()
	select {
	case err := <-c.ready:
		return err
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case err := <-c.ready:
		return err
	default:
	}
	for i, x := range b.waiters {
		if x == c {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			break
		}
	}
	b.serveLocked()
	return fmt.Errorf("%w: %w", ErrMemory, context.Cause(ctx))
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.used -= n
	b.serveLocked()
	b.mu.Unlock()
}

// full makes waiting end with err until clear: the disk is full, and waiting for it would only hide that.
func (b *budget) full(err error) {
	b.mu.Lock()
	b.refuse = err
	for _, c := range b.waiters {
		c.ready <- err
	}
	b.waiters = nil
	b.mu.Unlock()
}

func (b *budget) clear() {
	b.mu.Lock()
	b.refuse = nil
	b.mu.Unlock()
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

func (b *budget) fitsLocked(n int64) bool { return b.used == 0 || b.used+n <= b.limit }

func (b *budget) serveLocked() {
	n := 0
	for n < len(b.waiters) && b.fitsLocked(b.waiters[n].n) {
		b.used += b.waiters[n].n
		b.waiters[n].ready <- nil
		n++
	}
	b.waiters = b.waiters[n:]
	if len(b.waiters) == 0 {
		b.waiters = nil
	}
}
