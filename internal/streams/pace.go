package streams

import (
	"context"
	"fmt"
	"math"
	"time"
)

// settleTime is how long what was written has for its acknowledgement when something failed or the caller gave up.
const settleTime = 5 * time.Second

// lasting is a context for writing, which lasts a while longer than the caller's: what was written when he gave up is still acknowledged.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	long, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(settleTime)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(context.Cause(ctx))
		case <-long.Done():
		}
	})
	return long, func() {
		stop()
		cancel(nil)
	}
}

// first is why something failed: what failed behind it has the same cause, and there may be as many of these as there are streams. Of failures side by side it is the first, which says
// how many there are.
func first(why, behind error) error {
	if why != nil {
		return why
	}
	n := 0
	var one error
	var count func(error)
	count = func(err error) {
		if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range several.Unwrap() {
				count(err)
			}
			return
		}
		if n++; one == nil {
			one = err
		}
	}
	if behind != nil {
		count(behind)
	}
	if n > 1 {
		return fmt.Errorf("%w (and %d more like it)", one, n-1)
	}
	return one
}

// pace keeps the distance of times: what was a minute takes a minute divided by speed. It begins with the first moment that it is asked about. Speed 0 is no waiting.
type pace struct {
	speed float64
	begun bool
	first int64
	start time.Time
}

// horizon is the latest moment whose turn has come.
func (p *pace) horizon(next int64) int64 {
	if p.speed == 0 {
		return math.MaxInt64
	}
	if !p.begun {
		p.begun, p.first, p.start = true, next, time.Now()
	}
	h := float64(p.first) + float64(time.Since(p.start))*p.speed
	if h >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(int64(h), p.first)
}

// wait waits for the turn of a moment, or for the end of ctx.
func (p *pace) wait(ctx context.Context, t int64) error {
	for {
		h := p.horizon(t)
		if t <= h {
			return context.Cause(ctx)
		}
		d := max(time.Duration(min((float64(t)-float64(h))/p.speed, float64(time.Hour))), time.Millisecond)
		timer := time.NewTimer(d)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}
