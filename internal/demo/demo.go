package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Options say what the demo runs on and what it shows.
type Options struct {
	Cluster    Cluster
	Sampler    Sampler
	Address    string                // of the cluster, to be shown
	Durability string                // the broker's level: sync, interval:100ms, os; empty for a cluster whose level is its own
	Data       string                // the broker's directory; empty for a cluster elsewhere
	DiskBytes  func() (int64, error) // size of Data; nil when it is not known
	For        time.Duration         // 0: until the context ends
	Live       io.Writer             // a terminal gets the screen, anything else a line every five seconds; nil gets nothing
}

// grace is how long the end waits for what is under way, as long as nothing of it arrives.
const grace = 10 * time.Second

// errEnough ends a run that was to last For.
var errEnough = errors.New("the time is over")

// Run writes and reads until For is over or ctx ends, then waits until what was written is acknowledged and read. The end of
// ctx is not an error. Lost or disordered rows are not an error either: see Summary.Intact.
func Run(ctx context.Context, o Options) (sum Summary, err error) {
	if o.Cluster == nil || o.Sampler == nil {
		return Summary{}, errors.New("demo: run without a cluster or without a sampler")
	}
	began := time.Now()
	offsets, err := o.Cluster.EnsureTopic(ctx, topicSpec())
	if err != nil {
		return Summary{}, fmt.Errorf("demo: prepare topic %s at %s: %w", Topic, o.Address, err)
	}
	// What is under way at the end of ctx is still to be finished.
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	reader, err := o.Cluster.Reader(working, Topic, offsets)
	if err != nil {
		return Summary{}, fmt.Errorf("demo: read topic %s at %s: %w", Topic, o.Address, err)
	}
	defer reader.Close()
	writer, err := o.Cluster.Writer(working, Topic)
	if err != nil {
		return Summary{}, fmt.Errorf("demo: write topic %s at %s: %w", Topic, o.Address, err)
	}
	defer writer.Close()

	p := newPipeline(newRunID(), offsets)
	sampling, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	if o.For > 0 {
		var stop context.CancelFunc
		sampling, stop = context.WithTimeoutCause(sampling, o.For, errEnough)
		defer stop()
	}

	view := newView(o, p, offsets, began)
	viewing, stopView := context.WithCancel(working)
	defer stopView()
	var writing, reading, showing sync.WaitGroup
	writing.Go(func() { p.write(sampling, working, o.Sampler, writer, fail) })
	reading.Go(func() { p.read(working, reader, fail) })
	showing.Go(func() { view.run(viewing, sampling.Done()) })

	<-sampling.Done()
	cause := context.Cause(sampling)
	p.drain(&writing, stopWork)
	stopWork()
	writing.Wait()
	reading.Wait()
	stopView()
	showing.Wait()

	if cause != errEnough && ctx.Err() == nil {
		err = cause // the pipeline failed
	}
	if n := p.refused.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("demo: %d rows were not acknowledged by %s: %w", n, o.Address, p.writeError()))
	}
	return view.summary(time.Now()), err
}

// newRunID returns a name for this run that no other has.
func newRunID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}
