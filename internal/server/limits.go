package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Limits bound what connections may take. A zero field means the value named with it. What Kafka has a setting for is not
// here but in the store's settings: socket.request.max.bytes, max.connections, connections.max.idle.ms, fetch.max.bytes and
// max.incremental.fetch.session.cache.slots.
type Limits struct {
	RequestBytes      int64 // bytes of requests in memory at one time, over all connections; 24 MiB. One request is always admitted
	FetchBytes        int64 // bytes of records in responses at one time, over all connections; 12 MiB. Each may have 64 KiB or one batch beyond it
	DecompressedBytes int   // what one batch may decompress to: a bound on work, not on memory (see package batch); 128 MiB
	ConnectionsPerIP  int   // without limit when 0
	Pipeline          int   // requests of one connection that are read and not answered; 32

	FirstByte    time.Duration // from the connection to its first byte; 30 s
	FrameTime    time.Duration // from a request's first byte to its last, and a second more for every MinRate bytes; 30 s
	HoldTime     time.Duration // how long a request that comes more slowly than MinRate may hold memory that others wait for; 1 s
	ResponseTime time.Duration // for writing a response, and a second more for every MinRate bytes; 30 s
	MinRate      int64         // bytes per second that a peer must be able to send and take; 64 KiB
	ProduceTime  time.Duration // the longest that a produce request waits for room, whatever it asks for; 60 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.RequestBytes, 24<<20)
	setDefault(&l.FetchBytes, 12<<20)
	setDefault(&l.DecompressedBytes, 128<<20)
	setDefault(&l.Pipeline, 32)
	setDefault(&l.FirstByte, 30*time.Second)
	setDefault(&l.FrameTime, 30*time.Second)
	setDefault(&l.HoldTime, time.Second)
	setDefault(&l.ResponseTime, 30*time.Second)
	setDefault(&l.MinRate, 64<<10)
	setDefault(&l.ProduceTime, time.Minute)
	return l
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

// allow is how long a transfer of n bytes may take.
func (l *Limits) allow(base time.Duration, n int) time.Duration {
	return base + time.Duration(int64(n)/l.MinRate)*time.Second
}

// budget is bytes that requests share. Whoever wants more than is free waits, first come first served.
type budget struct {
	limit int64

	mu      sync.Mutex
	used    int64
	waiters []*claim
}

type claim struct {
	n     int64
	ready chan struct{}
}

// take waits until n bytes are free, or for ctx. More than the limit is granted when nothing else is used.
func (b *budget) take(ctx context.Context, n int64) error {
	b.mu.Lock()
	if len(b.waiters) == 0 && b.fitsLocked(n) {
		b.used += n
		b.mu.Unlock()
		return nil
	}
	c := &claim{n: n, ready: make(chan struct{})}
	b.waiters = append(b.waiters, c)
	b.mu.Unlock()
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, x := range b.waiters {
		if x == c {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			b.serveLocked() // those behind it may be smaller
			return context.Cause(ctx)
		}
	}
	return nil // it was served in this moment
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.used -= n
	b.serveLocked()
	b.mu.Unlock()
}

// wanted says whether somebody waits.
func (b *budget) wanted() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiters) > 0
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

func (b *budget) fitsLocked(n int64) bool { return b.used == 0 || b.used+n <= b.limit }

func (b *budget) serveLocked() {
	for len(b.waiters) > 0 && b.fitsLocked(b.waiters[0].n) {
		b.used += b.waiters[0].n
		close(b.waiters[0].ready)
		b.waiters = b.waiters[1:]
	}
	if len(b.waiters) == 0 {
		b.waiters = nil
	}
}

// allowance is bytes that responses share. It never makes anybody wait: when little is left, responses get smaller.
type allowance struct {
	limit int64
	used  atomic.Int64
}

// minGrant is what a response may always have.
const minGrant = 64 << 10

// take grants up to n bytes; the caller gives back what it was granted.
func (a *allowance) take(n int) int {
	free := a.limit - a.used.Load()
	n = max(0, min(n, int(max(free, minGrant))))
	a.used.Add(int64(n))
	return n
}

func (a *allowance) give(n int) { a.used.Add(-int64(n)) }

// patience is a context that ends at a deadline or with its parent. Its timer is made when somebody waits, which is rare.
type patience struct {
	context.Context // the parent, and once somebody waits its child with the deadline
	deadline        time.Time
	once            sync.Once
	cancel          context.CancelFunc
}

func newPatience(parent context.Context, d time.Duration) *patience {
	return &patience{Context: parent, deadline: time.Now().Add(d)}
}

func (p *patience) Deadline() (time.Time, bool) { return p.deadline, true }

func (p *patience) Done() <-chan struct{} {
	p.once.Do(func() { p.Context, p.cancel = context.WithDeadlineCause(p.Context, p.deadline, errTimeout) })
	return p.Context.Done()
}

// end lets the timer go. Nobody must wait any more.
func (p *patience) end() {
	if p.cancel != nil {
		p.cancel()
	}
}
