package kafka

import (
	"context"
	"sync"
	"time"
)

// patience gives records the time after which they are given up. Records that are sent soon after each other share it. The client
// library's own limit counts from a record's timestamp, which would give up old data at once.
type patience struct {
	limit  time.Duration
	parent context.Context
	end    context.CancelFunc // of parent

	mu    sync.Mutex
	ctx   context.Context
	until time.Time // when the next records get another one
}

func newPatience(limit time.Duration) *patience {
	p := &patience{limit: limit}
	p.parent, p.end = context.WithCancel(context.Background())
	return p
}

// context returns one that ends after the limit, or at most an eighth of it later.
func (p *patience) context() context.Context {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !now.Before(p.until) {
		share := p.limit / 8
		ctx, cancel := context.WithDeadline(p.parent, now.Add(p.limit+share))
		context.AfterFunc(ctx, cancel)
		p.ctx, p.until = ctx, now.Add(share)
	}
	return p.ctx
}
