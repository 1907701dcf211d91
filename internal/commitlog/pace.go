package commitlog

import (
	"context"
	"time"
)

// pace keeps to a number of bytes a second.
type pace struct {
	perSecond float64
	debt      float64 // seconds that were not waited yet
	last      time.Time
}

// took is told of bytes that were read or written, and waits when that were too many. goOn is asked meanwhile.
func (p *pace) took(ctx context.Context, n int, goOn func() error) error {
	const least, slice = 10 * time.Millisecond, 100 * time.Millisecond
	if p.perSecond <= 0 || p.perSecond > 1e15 {
		return nil
	}
	now := time.Now()
	if !p.last.IsZero() {
		p.debt = max(p.debt-now.Sub(p.last).Seconds(), 0)
	}
	p.last = now
	p.debt += float64(n) / p.perSecond
	for wait := time.Duration(p.debt * float64(time.Second)); wait >= least; wait -= slice {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(wait, slice)):
		}
		if err := goOn(); err != nil {
			return err
		}
	}
	return nil
}
