package commitlog

import (
	"context"
	"time"
)

// pace keeps to a number of bytes a second.
type pace struct {
	perSecond func() float64 // asked again while it waits, so that one that was too low can be raised; without bound when it says 0
	debt      float64        // bytes that were not waited for yet
	last      time.Time
}

// took is told of bytes that were read or written, and waits when that were too many. goOn is asked meanwhile.
func (p *pace) took(ctx context.Context, n int, goOn func() error) error {
	const least, slice = 0.01, 0.1 // seconds
	for added := float64(n); ; added = 0 {
		rate := p.perSecond()
		if rate <= 0 || rate > 1e15 {
			p.debt = 0
			return nil
		}
		now := time.Now()
		if !p.last.IsZero() {
			p.debt = max(p.debt-now.Sub(p.last).Seconds()*rate, 0)
		}
		p.debt, p.last = p.debt+added, now
		wait := p.debt / rate
		if wait < least {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(min(wait, slice) * float64(time.Second))):
		}
		if err := goOn(); err != nil {
			return err
		}
	}
}
