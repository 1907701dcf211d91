package host

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Options say how often the computer is read. The zero value is the default.
type Options struct {
	Interval time.Duration // between two readings; 100 ms by default, at least 10 ms
	Busiest  int           // how many processes are read each time; 20 by default
	Others   time.Duration // how often the other processes are read; 1 s by default
}

func (o *Options) complete() error {
	if o.Interval == 0 {
		o.Interval = 100 * time.Millisecond
	}
	if o.Busiest == 0 {
		o.Busiest = 20
	}
	if o.Others == 0 {
		o.Others = time.Second
	}
	if o.Interval < 10*time.Millisecond || o.Busiest < 0 || o.Others < o.Interval {
		return fmt.Errorf("host: open with interval %v, busiest %d, others %v: the interval is at least 10ms, the count not negative, the others not read more often than the busiest",
			o.Interval, o.Busiest, o.Others)
	}
	return nil
}

// A Reader reads this computer at a steady pace. It belongs to one goroutine; only Cost may be called from others.
type Reader struct {
	sampler *sampler
	timer   *time.Timer
	every   time.Duration
	next    time.Time
	cost    atomic.Uint64 // float64 bits
}

// Open takes the first reading, against which the first samples are measured.
func Open(o Options) (*Reader, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	src, err := openSource()
	if err != nil {
		return nil, fmt.Errorf("host: open this computer's counters: %w", err)
	}
	r := &Reader{sampler: newSampler(src, time.Now, o.Busiest, o.Others), every: o.Interval}
	if _, err := r.sampler.sample(); err != nil {
		_ = src.close() // the first error says more
		return nil, err
	}
	r.timer = time.NewTimer(r.every)
	r.next = time.Now().Add(r.every)
	return r, nil
}

// Read waits for the next moment of reading and returns one sample of each stream that was due. A moment that was missed is
// left out, not caught up. The samples are valid until the next call of Read.
func (r *Reader) Read(ctx context.Context) ([]Sample, error) {
	r.timer.Reset(time.Until(r.next))
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-r.timer.C:
	}
	began := time.Now()
	samples, err := r.sampler.sample()
	ended := time.Now()
	r.spent(ended.Sub(began))
	r.next = r.next.Add(r.every)
	if r.next.Before(ended) {
		r.next = ended.Add(r.every)
	}
	return samples, err
}

// Cost returns the share of one core that reading took lately: the time spent in it, smoothed over about two seconds. Time in
// which the reader waited for a core counts too, so the true cost is at most this.
func (r *Reader) Cost() float64 { return math.Float64frombits(r.cost.Load()) }

func (r *Reader) spent(d time.Duration) {
	share, before := float64(d)/float64(r.every), r.Cost()
	r.cost.Store(math.Float64bits(before + (share-before)/20))
}

// Close releases what the reader holds open. Read must not be called any more.
func (r *Reader) Close() error {
	r.timer.Stop()
	return r.sampler.src.close()
}
