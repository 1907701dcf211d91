package bobbin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Start is where a consumer begins: always without a group; with one, where the group has committed nothing. Partitions that are added to the topic later are read from their
// beginning, whatever the start.
type Start struct {
	place  kafka.Place
	set    bool
	offset bool // the place is an offset
}

// Latest is behind what there is when the consumer starts. It is the default.
func Latest() Start { return Start{place: kafka.End(), set: true} }

// Earliest is the oldest packet that there is.
func Earliest() Start { return Start{place: kafka.Start(), set: true} }

// Since is the first packet that was not written before t.
func Since(t time.Time) Start { return Start{place: kafka.Since(t), set: true} }

// AtOffset is an offset, the same in all partitions.
func AtOffset(offset int64) Start { return Start{place: kafka.At(offset), set: true, offset: true} }

// Committed is only where the group has committed; without that it is an error.
func Committed() Start { return Start{place: kafka.NoStart(), set: true} }

// CommitPolicy says when a group's progress is written. The zero policy is every 5 s or 5,000 packets, whichever comes first.
type CommitPolicy struct {
	Every  time.Duration // 5 s when 0; not by time when negative
	Count  int           // of packets that are done; 5,000 when 0; not by count when negative
	Manual bool          // a packet is done when StreamReader.Commit says so, or its handler returns nil; Consumer.Commit and the end of Run write as well
}

// FailurePolicy says what happens when a handler returns an error that is none of revocation and cancelling, or panics: first the packets with which it is not done are
// given to the handler again, then what Then says.
type FailurePolicy struct {
	Attempts int           // how often the handler is called for the same packet; 3 when 0
	Backoff  time.Duration // before the second call, doubled for each one after; 100 ms when 0
	Then     FailureAction // Stop when it is not set
	// DeadLetter is the topic to which Skip writes the records of the packets that it passes over, with what was wrong in their headers; nowhere when empty.
	DeadLetter string
}

// FailureAction is what happens when a handler has failed often enough.
type FailureAction uint8

// The actions.
const (
	Stop FailureAction = iota // Run ends with the error, after the other handlers have come to a rest and what is done was committed
	Skip                      // the packets are passed over, and logged; the stream goes on behind them, and all others do
)

// ConsumerOptions of a Consumer. The zero value, or nil, reads all partitions from the end on, without a group.
type ConsumerOptions struct {
	Group   string // shares the topic's streams with all consumers of the same group
	Start   Start
	Commit  CommitPolicy
	Failure FailurePolicy
	Memory  int64         // bytes of packets that wait for handlers and buffers, in all, and one fetch more; 64 MiB when 0. A partition that has used its share is not read on
	Leave   time.Duration // how long a handler may take to return when its partition is taken away, or the consumer ends; 20 s when 0
}

// Handler serves a stream: it is called once for each stream that is open, in a goroutine of its own, and reads the stream's packets in their order until
// the stream ends. ctx ends when the partition goes to another consumer (its cause is ErrRevoked), or the consumer ends.
//
// A handler that returns nil is done with all that it was given; what comes of the stream behind that is passed over until it ends and is opened again. What an error means says
// FailurePolicy.
type Handler interface {
	ServeStream(ctx context.Context, s *StreamReader) error
}

// HandlerFunc is a function as a Handler.
type HandlerFunc func(ctx context.Context, s *StreamReader) error

// ServeStream calls f.
func (f HandlerFunc) ServeStream(ctx context.Context, s *StreamReader) error { return f(ctx, s) }

// Consumer reads the streams of one topic, alone or as a member of a group. Its methods are safe for concurrent use.
type Consumer struct {
	client *Client
	topic  string
	opts   ConsumerOptions
	counts consumerCounts
	blocks sync.Pool     // of *codec.Block, for streams that have rows at the moment
	enough chan struct{} // capacity 1: so many packets are done that they are to be committed
	turn   chan struct{} // holds one token: who has it commits

	mu         sync.Mutex
	feed       source // while it runs
	handler    Handler
	letters    *kafka.Producer // to the dead-letter topic, while it runs
	partitions map[int32]*partition
	left       []*partition // given up, with handlers that may still run
	stop       context.CancelCauseFunc
	ended      chan struct{} // closed when Run returns; nil before
	closed     bool
	uncounted  int64 // packets that were done since the last commit
}

// ConsumerStats count what a Consumer did since it was made.
type ConsumerStats struct {
	Topic      string
	Group      string
	Partitions int   // that it has now
	Streams    int   // that are open now
	Waiting    int64 // bytes of packets that wait for handlers and buffers
	Packets    int64 // that were read, of all kinds
	Bytes      int64 // their values
	Broken     int64 // packets that could not be read as what they said to be
	Failures   int64 // calls of handlers that failed
	Skipped    int64 // packets that were passed over for it
	Commits    int64 // that the cluster took
	Revoked    int64 // partitions that went to others
	Abandoned  int64 // handlers that did not return in time
}

// source is where records come from: a kafka.Feed.
type source interface {
	Pause(partitions ...int32)
	Resume(partitions ...int32)
	Commit(ctx context.Context, offsets map[int32]int64) error
	Read(ctx context.Context, partition int32, offset int64) (kafka.Record, error)
}

type consumerCounts struct {
	waiting, packets, bytes, broken, failures, skipped, commits, revoked, abandoned atomic.Int64
}

// Holding is a packet with which a stream is not done: the offset of its partition cannot go past it.
type Holding struct {
	Partition int
	Stream    string
	Offset    int64
	Behind    int // packets of the partition that wait for it to be committed
}

// Consumer makes a consumer of a topic; it connects when it runs. It lasts until the client is closed.
func (c *Client) Consumer(topic string, opts *ConsumerOptions) (*Consumer, error) {
	o := ConsumerOptions{}
	if opts != nil {
		o = *opts
	}
	if err := o.check(topic); err != nil {
		return nil, &Error{Op: "read topic", Topic: topic, Err: err}
	}
	x := &Consumer{client: c, topic: topic, opts: o, enough: make(chan struct{}, 1), turn: make(chan struct{}, 1), partitions: make(map[int32]*partition)}
	x.blocks.New = func() any { return new(codec.Block) }
	if err := c.add(x); err != nil {
		return nil, &Error{Op: "read topic", Topic: topic, Err: err}
	}
	return x, nil
}

// check finds what makes no sense, and fills in what is not given.
func (o *ConsumerOptions) check(topic string) error {
	switch {
	case topic == "":
		return invalidf("the topic has no name")
	case o.Memory < 0 || o.Leave < 0:
		return invalidf("memory %d and leave %v", o.Memory, o.Leave)
	case o.Memory > 0 && o.Memory < 1<<20:
		return invalidf("memory of %d bytes is less than 1 MiB", o.Memory)
	case o.Failure.Attempts < 0 || o.Failure.Backoff < 0 || o.Failure.Then > Skip:
		return invalidf("failure policy %+v", o.Failure)
	case o.Failure.DeadLetter != "" && o.Failure.Then != Skip:
		return invalidf("a dead-letter topic is for Skip")
	case o.Failure.DeadLetter == topic:
		return invalidf("the dead-letter topic is the topic itself")
	case o.Group == "" && o.Commit != (CommitPolicy{}):
		return about{ErrNoGroup, errors.New("a commit policy is for a group")}
	case o.Group == "" && o.Start == Committed():
		return about{ErrNoGroup, errors.New("without a group nothing is committed to start at")}
	case o.Group != "" && o.Start.offset:
		return invalidf("a group starts at Earliest, Latest, Committed or Since, not at one offset of all partitions")
	}
	if !o.Start.set {
		o.Start = Latest()
	}
	if o.Commit.Every == 0 {
		o.Commit.Every = 5 * time.Second
	}
	if o.Commit.Count == 0 {
		o.Commit.Count = 5000
	}
	if o.Failure.Attempts == 0 {
		o.Failure.Attempts = 3
	}
	if o.Failure.Backoff == 0 {
		o.Failure.Backoff = 100 * time.Millisecond
	}
	if o.Memory == 0 {
		o.Memory = 64 << 20
	}
	if o.Leave == 0 {
		o.Leave = 20 * time.Second
	}
	return nil
}

// Run reads the topic and has its streams served until ctx or the client ends, or something fails for good: a handler under Stop, a topic that vanished, a
// right that is missing. Then it waits for the handlers, commits what is done and leaves the group. The end of ctx is not an error. It can be called again, not twice at one time.
func (c *Consumer) Run(ctx context.Context, h Handler) (err error) {
	const op = "read topic"
	if h == nil {
		return &Error{Op: op, Topic: c.topic, Err: invalidf("there is no handler")}
	}
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if err := c.begin(h, stop); err != nil {
		return &Error{Op: op, Topic: c.topic, Err: err}
	}
	defer c.end()
	if topic := c.opts.Failure.DeadLetter; topic != "" {
		if _, err := c.client.kafka.Topic(ctx, topic); err != nil {
			return fail("write to the dead-letter topic", topic, "", err)
		}
		if c.letters, err = c.client.kafka.NewProducer(kafka.ProducerOptions{}); err != nil {
			return fail("write to the dead-letter topic", topic, "", err)
		}
		defer c.letters.Close()
	}
	feed, err := c.client.kafka.NewFeed(working, kafka.FeedOptions{
		Topic: c.topic, Group: c.opts.Group, From: c.opts.Start.place, MaxBytes: int32(min(c.opts.Memory/2, 16<<20)),
		Assigned: func(_ context.Context, p []int32) { c.assigned(working, p) },
		Revoked:  func(ctx context.Context, p []int32) { c.giveUp(ctx, p, ErrRevoked, true) },
		Lost:     func(p []int32) { c.giveUp(working, p, ErrRevoked, false) },
	})
	if err != nil {
		return fail(op, c.topic, "", ended(ctx, err))
	}
	c.mu.Lock()
	c.feed = feed
	c.mu.Unlock()

	var committing sync.WaitGroup
	committing.Go(func() { c.commitNowAndThen(working) })
	for working.Err() == nil {
		batches, err := feed.Poll(working)
		for _, b := range batches {
			c.dispatch(b)
		}
		if err != nil && working.Err() == nil {
			stop(fail(op, c.topic, "", err))
		}
	}
	committing.Wait()
	cause := context.Cause(working)
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.opts.Leave+5*time.Second)
	defer cancel()
	c.giveUp(leaving, c.assignedNow(), cause, true)
	feed.Close()
	abandoned := c.await(leaving)
	if ctx.Err() != nil || errors.Is(cause, ErrClosed) {
		cause = nil
	}
	return errors.Join(cause, abandoned)
}

// ended is nothing when it was the caller who gave up.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Consumer) begin(h Handler, stop context.CancelCauseFunc) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return ErrClosed
	case c.ended != nil:
		return invalidf("it runs already")
	}
	c.handler, c.stop, c.ended = h, stop, make(chan struct{})
	return nil
}

func (c *Consumer) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feed, c.letters, c.stop = nil, nil, nil
	close(c.ended)
	c.ended = nil
}

// closeWithClient ends Run and waits for it.
func (c *Consumer) closeWithClient(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	stop, ended := c.stop, c.ended
	c.mu.Unlock()
	if ended == nil {
		return nil
	}
	if stop != nil {
		stop(ErrClosed)
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return &Error{Op: "close the consumer of topic", Topic: c.topic, Err: errors.New("handlers do not return"), Hint: "they should when their context ends"}
	}
}

// assigned takes partitions that were given to us.
func (c *Consumer) assigned(working context.Context, ids []int32) {
	c.mu.Lock()
	for _, id := range ids {
		c.partitions[id] = newPartition(c, working, id)
	}
	all := slices.Collect(maps.Values(c.partitions))
	c.mu.Unlock()
	c.client.log.Info("partitions assigned", "topic", c.topic, "group", c.opts.Group, "partitions", ids)
	c.share(all)
}

// share divides the memory.
func (c *Consumer) share(all []*partition) {
	for _, p := range all {
		p.setShare(max(c.opts.Memory/int64(len(all)), 64<<10))
	}
}

func (c *Consumer) assignedNow() []int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.partitions))
}

// giveUp ends the handlers of partitions, waits for them if it may, and commits what they have done if it may.
func (c *Consumer) giveUp(ctx context.Context, ids []int32, cause error, orderly bool) {
	c.mu.Lock()
	var going []*partition
	for _, id := range ids {
		if p := c.partitions[id]; p != nil {
			going = append(going, p)
		}
	}
	c.mu.Unlock()
	if len(going) == 0 {
		return
	}
	for _, p := range going {
		p.cancel(cause)
	}
	if orderly {
		waiting, cancel := context.WithTimeout(ctx, c.opts.Leave)
		for _, p := range going {
			p.wait(waiting)
		}
		cancel()
		if c.opts.Group != "" {
			if err := c.commit(ctx, going); err != nil {
				c.client.log.Warn("offsets were not committed before partitions were given up; what was done since the last commit will be read again",
					"topic", c.topic, "group", c.opts.Group, "partitions", ids, "error", err)
			}
		}
	}
	var hanging []*partition
	c.mu.Lock()
	for _, p := range going {
		p.leave()
		delete(c.partitions, p.id)
		if !p.idle() {
			hanging = append(hanging, p)
		}
	}
	c.left = append(slices.DeleteFunc(c.left, (*partition).idle), hanging...)
	all := slices.Collect(maps.Values(c.partitions))
	c.mu.Unlock()
	for _, p := range hanging {
		c.client.log.Warn("partition given up while handlers run", "topic", c.topic, "group", c.opts.Group, "partition", p.id, "streams", p.busy())
	}
	if errors.Is(cause, ErrRevoked) {
		c.counts.revoked.Add(int64(len(going)))
		c.client.log.Info("partitions revoked", "topic", c.topic, "group", c.opts.Group, "partitions", ids)
	}
	c.share(all)
}

// await waits for handlers of partitions that were given up, and says which did not return.
func (c *Consumer) await(ctx context.Context) error {
	c.mu.Lock()
	left := c.left
	c.left = nil
	c.mu.Unlock()
	var names []string
	for _, p := range left {
		p.wait(ctx)
		names = append(names, p.busy()...)
	}
	if len(names) == 0 {
		return nil
	}
	c.counts.abandoned.Add(int64(len(names)))
	return &Error{Op: "end the consumer of topic", Topic: c.topic, Err: fmt.Errorf("the handlers of %d streams did not return in %v: %.200q", len(names), c.opts.Leave, names),
		Hint: "a handler returns when its context ends"}
}

// dispatch gives records to the streams to which they belong.
func (c *Consumer) dispatch(b kafka.PartitionRecords) {
	c.mu.Lock()
	p := c.partitions[b.Partition]
	c.mu.Unlock()
	if p != nil { // else it was revoked in between
		p.take(b)
	}
}

// commitNowAndThen commits what is done, as the policy says.
func (c *Consumer) commitNowAndThen(ctx context.Context) {
	if c.opts.Group == "" {
		return
	}
	var tick <-chan time.Time
	if c.opts.Commit.Every > 0 {
		t := time.NewTicker(c.opts.Commit.Every)
		defer t.Stop()
		tick = t.C
	}
	for {
		select {
		case <-tick:
		case <-c.enough:
		case <-ctx.Done():
			return
		}
		if err := c.Commit(ctx); err != nil && ctx.Err() == nil {
			c.client.log.Warn("offsets were not committed; the next commit covers them", "topic", c.topic, "group", c.opts.Group, "error", err)
		}
	}
}

// finished counts packets that became done.
func (c *Consumer) finished(n int64) {
	if n == 0 || c.opts.Group == "" || c.opts.Commit.Count < 0 || c.opts.Commit.Manual {
		return
	}
	c.mu.Lock()
	c.uncounted += n
	enough := c.uncounted >= int64(c.opts.Commit.Count)
	if enough {
		c.uncounted = 0
	}
	c.mu.Unlock()
	if enough {
		select {
		case c.enough <- struct{}{}:
		default:
		}
	}
}

// Commit commits what is done in all partitions that the consumer has. nil says that the cluster has it.
func (c *Consumer) Commit(ctx context.Context) error {
	if c.opts.Group == "" {
		return &Error{Op: "commit offsets of topic", Topic: c.topic, Err: ErrNoGroup}
	}
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.partitions))
	c.mu.Unlock()
	return c.commit(ctx, all)
}

// commit commits the positions of partitions that have moved.
func (c *Consumer) commit(ctx context.Context, of []*partition) error {
	const op = "commit offsets of topic"
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return &Error{Op: op, Topic: c.topic, Err: context.Cause(ctx)}
	}
	defer func() { <-c.turn }()
	c.mu.Lock()
	feed := c.feed
	c.mu.Unlock()
	if feed == nil {
		return &Error{Op: op, Topic: c.topic, Err: ErrClosed}
	}
	offsets := make(map[int32]int64)
	for _, p := range of {
		if at, moved := p.position(); moved {
			offsets[p.id] = at
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	if err := feed.Commit(ctx, offsets); err != nil {
		if kafka.KindOf(err) == kafka.Fenced {
			err = about{ErrRevoked, err}
		}
		return fail(op, c.topic, "", err)
	}
	c.counts.commits.Add(1)
	for _, p := range of {
		if at, ok := offsets[p.id]; ok {
			p.committedUpTo(at)
		}
	}
	return nil
}

// Held returns the packets that hold back the offsets of the consumer's partitions, the one that holds back most first.
func (c *Consumer) Held() []Holding {
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.partitions))
	c.mu.Unlock()
	var held []Holding
	for _, p := range all {
		if h, ok := p.held(); ok {
			held = append(held, h)
		}
	}
	slices.SortFunc(held, func(a, b Holding) int { return b.Behind - a.Behind })
	return held
}

// Stats returns what the consumer did so far.
func (c *Consumer) Stats() ConsumerStats {
	n := &c.counts
	st := ConsumerStats{
		Topic: c.topic, Group: c.opts.Group, Waiting: n.waiting.Load(), Packets: n.packets.Load(), Bytes: n.bytes.Load(), Broken: n.broken.Load(), Failures: n.failures.Load(),
		Skipped: n.skipped.Load(), Commits: n.commits.Load(), Revoked: n.revoked.Load(), Abandoned: n.abandoned.Load(),
	}
	c.mu.Lock()
	all := slices.Collect(maps.Values(c.partitions))
	c.mu.Unlock()
	st.Partitions = len(all)
	for _, p := range all {
		st.Streams += p.open()
	}
	return st
}
