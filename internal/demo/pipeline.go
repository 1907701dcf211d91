package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/bobbinstream/bobbin"
)

// A pipeline is the way of the rows of one run.
type pipeline struct {
	run      string
	tracker  *tracker
	source   *source
	producer *bobbin.Producer
	readers  []*instance
	moved    chan struct{} // capacity 1: something was read
}

// write writes samples until sampling ends. The rows themselves are written under working, which ends later.
func (p *pipeline) write(sampling, working context.Context, from Sampler, fail context.CancelCauseFunc) {
	for {
		samples, err := from.Read(sampling)
		if sampling.Err() != nil {
			return
		}
		if err != nil {
			fail(fmt.Errorf("demo: read this computer's telemetry: %w", err))
			return
		}
		if err := p.source.write(working, samples); err != nil {
			fail(fmt.Errorf("demo: write to topic %s: %w", Topic, err))
			return
		}
	}
}

// killLater kills an instance after a time, unless ctx ends before.
func (p *pipeline) killLater(ctx context.Context, after time.Duration) {
	t := time.NewTimer(after)
	defer t.Stop()
	select {
	case <-t.C:
		p.readers[len(p.readers)-1].kill()
	case <-ctx.Done():
	}
}

// drain waits until all that was acknowledged is read, and gives up when nothing has been read for the time of grace.
func (p *pipeline) drain(ctx context.Context) {
	patience := time.NewTimer(grace)
	defer patience.Stop()
	var before uint64
	for {
		// Rows of others may arrive for ever: only what this run waits for gives more time.
		read := p.tracker.counts().read
		if st := p.producer.Stats(); st.Waiting == 0 && read >= uint64(st.RowsAcked) {
			return
		}
		if read != before {
			before = read
			patience.Reset(grace)
		}
		select {
		case <-p.moved:
		case <-patience.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (p *pipeline) signal() {
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

// lost is how many rows are missing: acknowledged but not read, or skipped in the numbers of a stream. Both see the same loss from different sides, so the larger
// one counts.
func lost(acked uint64, c counts) uint64 {
	var unread uint64
	if acked > c.read {
		unread = acked - c.read
	}
	return max(unread, c.missing)
}
