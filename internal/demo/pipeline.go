package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A pipeline is the way of the rows of one run, and the counts along it.
type pipeline struct {
	run     string
	tracker *tracker

	sent    atomic.Uint64 // given to the writer
	acked   atomic.Uint64
	refused atomic.Uint64 // done with an error
	moved   chan struct{} // capacity 1: one of the counts, or the tracker's, has changed

	mu       sync.Mutex
	firstErr error // of a write
}

func newPipeline(run string, from []Offsets) *pipeline {
	return &pipeline{run: run, tracker: newTracker(run, from), moved: make(chan struct{}, 1)}
}

// A sender numbers the rows of one stream. It is kept to the end of the run, since a process with the same number and name
// may come again; it takes some hundred bytes.
type sender struct {
	key []byte
	seq uint64
}

// write sends samples until sampling ends. The rows themselves are sent under working, which ends later.
func (p *pipeline) write(sampling, working context.Context, from Sampler, to Writer, fail context.CancelCauseFunc) {
	senders := map[string]*sender{}
	done := func(_ int64, err error) {
		if err != nil {
			p.refuse(err)
			fail(fmt.Errorf("demo: write to topic %s: %w", Topic, err))
		} else {
			p.acked.Add(1)
		}
		p.signal()
	}
	for {
		samples, err := from.Read(sampling)
		if sampling.Err() != nil {
			return
		}
		if err != nil {
			fail(fmt.Errorf("demo: read this computer's telemetry: %w", err))
			return
		}
		for _, s := range samples {
			st := senders[s.Stream]
			if st == nil {
				st = &sender{key: []byte(s.Stream)}
				senders[s.Stream] = st
			}
			st.seq++
			p.sent.Add(1)
			to.Write(working, Record{Key: st.key, Value: appendRow(make([]byte, 0, 256), s, p.run, st.seq)}, done)
		}
	}
}

// read observes records until working ends.
func (p *pipeline) read(working context.Context, from Reader, fail context.CancelCauseFunc) {
	for {
		records, err := from.Poll(working)
		if len(records) > 0 {
			p.tracker.observe(records, time.Now())
			p.signal()
		}
		if working.Err() != nil {
			return
		}
		if err != nil {
			fail(fmt.Errorf("demo: read topic %s: %w", Topic, err))
			return
		}
	}
}

// drain waits until all that was sent is acknowledged and read, and gives up when nothing has moved for the time of grace.
func (p *pipeline) drain(writing *sync.WaitGroup, stopWork context.CancelFunc) {
	written := make(chan struct{})
	go func() { // ends with the writer, which Run waits for
		writing.Wait()
		close(written)
	}()
	patience := time.NewTimer(grace)
	defer patience.Stop()
	var before uint64
	for {
		select {
		case <-written:
			written = nil
		case <-p.moved:
			// Records of others may arrive for ever: only what this run waits for gives more time.
			if now := p.acked.Load() + p.refused.Load() + p.tracker.counts().read; now != before {
				before = now
				patience.Reset(grace)
			}
		case <-patience.C:
			stopWork()
			return
		}
		if written == nil && p.settled() {
			return
		}
	}
}

// settled says whether all that was sent is answered, and all that was acknowledged is read. A row that was refused may be in
// the log all the same, and be read, so with refused rows there is no telling: the answers are enough.
func (p *pipeline) settled() bool {
	acked, refused := p.acked.Load(), p.refused.Load()
	if acked+refused < p.sent.Load() {
		return false
	}
	return refused > 0 || p.tracker.counts().read >= acked
}

func (p *pipeline) signal() {
	select {
	case p.moved <- struct{}{}:
	default:
	}
}

func (p *pipeline) refuse(err error) {
	p.refused.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.firstErr == nil || errors.Is(p.firstErr, context.Canceled) {
		p.firstErr = err
	}
}

func (p *pipeline) writeError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.firstErr
}

// lost is how many rows are missing: acknowledged but not read, skipped in the numbers of a stream, or skipped in the offsets
// of a partition. The three see the same loss from different sides, so the largest counts.
func lost(acked uint64, c counts) uint64 {
	var unread uint64
	if acked > c.read {
		unread = acked - c.read
	}
	return max(unread, c.missing, c.gaps)
}
