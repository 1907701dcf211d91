package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Topic is where the demo's streams are.
const Topic = "host-metrics"

// topicSpec is the topic that the demo makes.
func topicSpec() kafka.NewTopic {
	return kafka.NewTopic{Name: Topic, Partitions: 4, Configs: map[string]string{
		"retention.bytes": "67108864", // 64 MiB a partition
		"segment.bytes":   "16777216",
	}}
}

// Options say what the demo runs on and what it shows.
type Options struct {
	Admin      *kafka.Client  // of the cluster, for its topic and group
	Cluster    bobbin.Options // how the streams' clients reach it
	Sampler    Sampler
	Address    string                // of the cluster, to be shown
	Durability string                // the broker's level: sync, interval:100ms, os; empty for a cluster whose level is its own
	Data       string                // the broker's directory; empty for a cluster elsewhere
	DiskBytes  func() (int64, error) // size of Data; nil when it is not known
	For        time.Duration         // 0: until the context ends
	KillOne    bool                  // one of the two readers is killed in the middle, after five seconds without For
	Live       io.Writer             // a terminal gets the screen, anything else a line every five seconds; nil gets nothing
}

// grace is how long the end waits for what is under way, as long as nothing of it arrives. A killed reader is missed after six seconds.
const grace = 12 * time.Second

// errEnough ends a run that was to last For.
var errEnough = errors.New("the time is over")

// Run writes and reads until For is over or ctx ends, then waits until what was written is acknowledged and read. The end of
// ctx is not an error. Lost or disordered rows are not an error either: see Summary.Intact.
func Run(ctx context.Context, o Options) (sum Summary, err error) {
	if o.Admin == nil || o.Sampler == nil {
		return Summary{}, errors.New("demo: run without a cluster or without a sampler")
	}
	began := time.Now()
	// What is under way at the end of ctx is still to be finished.
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	p := &pipeline{run: newRunID(), moved: make(chan struct{}, 1)}
	before, err := prepare(ctx, o, p.run)
	if err != nil {
		return Summary{}, err
	}
	defer func() { err = errors.Join(err, tidy(working, o, p.run)) }()
	p.tracker = newTracker(p.run)
	client, err := bobbin.Open(ctx, &o.Cluster)
	if err != nil {
		return Summary{}, fmt.Errorf("demo: write topic %s at %s: %w", Topic, o.Address, err)
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	// The topic keeps its four partitions, so its streams need no directory.
	if p.producer, err = client.Producer(Topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed}); err != nil {
		return Summary{}, fmt.Errorf("demo: write topic %s at %s: %w", Topic, o.Address, err)
	}
	p.source = newSource(p.run, p.producer)
	defer func() {
		for _, r := range p.readers {
			err = errors.Join(err, r.close())
		}
	}()
	for i := range instances {
		r, err := startInstance(ctx, o, fmt.Sprint("reader-", i+1), p.run, o.KillOne && i == instances-1, p.tracker, p.signal)
		if err != nil {
			return Summary{}, fmt.Errorf("demo: read topic %s at %s: %w", Topic, o.Address, err)
		}
		p.readers = append(p.readers, r)
	}

	sampling, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	killAfter := 5 * time.Second
	if o.For > 0 {
		var stop context.CancelFunc
		sampling, stop = context.WithTimeoutCause(sampling, o.For, errEnough)
		defer stop()
		killAfter = o.For / 2
	}

	view := newView(o, p, before, began)
	viewing, stopView := context.WithCancel(working)
	defer stopView()
	var writing, showing sync.WaitGroup
	writing.Go(func() { p.write(sampling, working, o.Sampler, fail) })
	if o.KillOne {
		writing.Go(func() { p.killLater(sampling, killAfter) })
	}
	showing.Go(func() { view.run(viewing, sampling.Done()) })

	<-sampling.Done()
	cause := context.Cause(sampling)
	writing.Wait()
	finishing, cancel := context.WithTimeout(working, closeTime)
	ended := errors.Join(p.source.close(finishing, func(*thing) bool { return true }, bobbin.Terminated), p.producer.Flush(finishing))
	cancel()
	p.drain(working)
	stopView()
	showing.Wait()

	if cause != errEnough && ctx.Err() == nil {
		err = cause // the pipeline failed
	}
	if ended != nil {
		err = errors.Join(err, fmt.Errorf("demo: rows were not acknowledged by %s: %w", o.Address, ended))
	}
	return view.summary(time.Now()), err
}

// closeTime bounds how long the end waits until everything is acknowledged.
const closeTime = 30 * time.Second

// prepare makes the topic unless it is there, and the group of the run, which starts at the topic's end. It returns how many records of earlier runs there are.
func prepare(ctx context.Context, o Options, run string) (before int64, err error) {
	if err := o.Admin.CreateTopic(ctx, topicSpec()); err != nil && kafka.KindOf(err) != kafka.Exists {
		return 0, fmt.Errorf("demo: prepare topic %s at %s: %w", Topic, o.Address, err)
	}
	bounds, err := o.Admin.Offsets(ctx, Topic)
	if err != nil {
		return 0, fmt.Errorf("demo: prepare topic %s at %s: %w", Topic, o.Address, err)
	}
	var starts []kafka.NewOffset
	for _, b := range bounds {
		before += b.End - b.Start
		starts = append(starts, kafka.NewOffset{TopicPartition: kafka.TopicPartition{Topic: Topic, Partition: b.Partition}, New: b.End})
	}
	if err := o.Admin.CommitOffsets(ctx, groupOf(run), starts); err != nil {
		return 0, fmt.Errorf("demo: prepare group %s at %s: %w", groupOf(run), o.Address, err)
	}
	return before, nil
}

// tidy deletes the group of the run. One that a killed reader still belongs to goes by its own.
func tidy(ctx context.Context, o Options, run string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := o.Admin.DeleteGroup(ctx, groupOf(run)); err != nil && !o.KillOne {
		return fmt.Errorf("demo: delete group %s at %s: %w", groupOf(run), o.Address, err)
	}
	return nil
}

// newRunID returns a name for this run that no other has.
func newRunID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x", b)
}
