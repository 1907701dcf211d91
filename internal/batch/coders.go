package batch

import (
	"sync"
	"time"
)

// coders keeps encoders or decoders of Zstandard. They hold channels, and a channel that was made in a bubble of testing/synctest must not be used in
// another one, or outside: in a bubble each is made anew and none is kept.
type coders struct {
	pool sync.Pool
}

// get returns one that was kept, or what New makes, which may be nil.
func (c *coders) get() any {
	if inBubble() {
		if c.pool.New == nil {
			return nil
		}
		return c.pool.New()
	}
	return c.pool.Get()
}

func (c *coders) put(x any) {
	if !inBubble() {
		c.pool.Put(x)
	}
}

// inBubble says whether time is virtual: only there the clock has no monotonic reading.
func inBubble() bool {
	now := time.Now()
	return now == now.Round(0)
}
