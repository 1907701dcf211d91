package kafka

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// FeedOptions of a Feed. Topic must be set.
type FeedOptions struct {
	Topic    string
	Group    string // shares the partitions with the group's other members; all partitions are read when empty
	From     Place  // where to start: always without a group; with one, in partitions for which it has committed nothing
	MaxBytes int32  // of one fetch's answer; the client's default when 0

	// Assigned, Revoked and Lost are called one after the other, on a goroutine of the feed or on that of Poll or Close, while a Poll waits or when Close is called; never at
	// the same time as another. Each may be nil. They may call all methods but Poll and Close.
	Assigned func(ctx context.Context, partitions []int32) // before a record of them is returned
	// Revoked is called before partitions are given up: their offsets can still be committed. The group waits for the return until ctx ends, a little
	// before the rebalance time-out. Without a group it is called by Close.
	Revoked func(ctx context.Context, partitions []int32)
	Lost    func(partitions []int32) // they are others' already
}

// Feed reads a topic's partitions: those that its group gives it or, without a group, all that there are and all that are added.
//
// A group's first commit of a partition is its starting place, made before the first record of it is returned; see feedplaces.go. One Poll runs at a time; all
// methods are safe for concurrent use.
type Feed struct {
	client *Client
	opts   FeedOptions
	kgo    *kgo.Client
	every  time.Duration // between two looks at the topic
	patrol chan struct{} // has one more look at the topic made now

	ctx        context.Context // ends with the feed
	end        context.CancelFunc
	turn       chan struct{} // holds a token while a Poll runs, and from Close on
	started    chan struct{} // closed by the first Poll, or by Close: callbacks wait for it
	start      sync.Once     // of started
	closing    chan struct{}
	close      sync.Once
	calling    atomic.Bool   // a callback runs
	committing chan struct{} // holds a token while a Commit runs
	work       sync.WaitGroup

	topic atomic.Pointer[Topic] // as last seen
	kept  []int32               // partitions that were lost and are still the member's by what the client library says; of the callbacks

	mu        sync.Mutex
	held      map[int32]bool     // the partitions that were assigned and not taken back
	member    string             // with a group: as which they were assigned
	known     int                // with a group: how many partitions the topic had when the group first started in it; 0 until that is known
	found     []Offsets          // without a group: partitions that are to be assigned, with where to start
	failed    error              // what ended the feed
	interrupt context.CancelFunc // of the Poll that waits
}

// PartitionRecords is what one Poll found in one partition.
type PartitionRecords struct {
	Partition int32
	Records   []Record // in order; empty when only markers of transactions came
	Next      int64    // the offset behind the last record or marker that came
	End       int64    // where what can be read of the partition ended when the broker answered
}

// NewFeed starts to read. It has its own connections.
func (c *Client) NewFeed(ctx context.Context, opts FeedOptions) (*Feed, error) {
	t, err := c.Topic(ctx, opts.Topic)
	if err != nil {
		return nil, err
	}
	f := &Feed{
		client: c, opts: opts, every: min(patrolEvery, c.set.duration(propMetadataAge)), patrol: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		committing: make(chan struct{}, 1), started: make(chan struct{}), closing: make(chan struct{}), held: make(map[int32]bool),
	}
	f.topic.Store(&t)
	settings := append(c.set.consuming(opts.MaxBytes), kgo.KeepControlRecords())
	if opts.Group == "" {
		if opts.From.kind == nowhere {
			return nil, &Error{Op: "read topic", Topic: opts.Topic, Kind: Invalid, Err: errors.New("without a group nothing is committed to start at"), Hint: "choose a start, or a group"}
		}
		if f.found, err = c.bounds(ctx, ReaderOptions{Topic: opts.Topic, From: opts.From}); err != nil {
			return nil, err
		}
	} else {
		settings = append(
			append(settings, c.set.joining()...), kgo.ConsumerGroup(opts.Group), kgo.ConsumeTopics(opts.Topic), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.AdjustFetchOffsetsFn(f.place),
			kgo.OnPartitionsAssigned(f.onAssigned), kgo.OnPartitionsRevoked(f.onRevoked), kgo.OnPartitionsLost(f.onLost),
		)
	}
	f.ctx, f.end = context.WithCancel(context.Background())
	if f.kgo, err = c.connect(append(settings, kgo.WithContext(f.ctx))...); err != nil {
		f.end()
		return nil, err
	}
	f.work.Go(f.watch)
	return f, nil
}

// Poll waits for records. It returns at least one batch, or an error that does not pass by itself: of the kind NotFound when the topic is gone, Unauthorized, Invalid
// when From does not say where to start, Interrupted when ctx has ended or the feed is closed. What passes, such as a broker that restarts, is logged and waited
// for. It returns no earlier than a callback that runs.
func (f *Feed) Poll(ctx context.Context) ([]PartitionRecords, error) {
	select {
	case f.turn <- struct{}{}:
	case <-f.closing:
		return nil, f.ended("read topic", errFeedClosed)
	case <-ctx.Done():
		return nil, f.ended("read topic", ctx.Err())
	}
	defer func() { <-f.turn }()
	defer f.wake() // ends the last wait's context
	f.start.Do(func() { close(f.started) })
	for {
		f.kgo.AllowRebalance()
		waiting, err := f.next(ctx)
		if err != nil {
			return nil, err
		}
		out, err := f.take(f.kgo.PollFetches(waiting))
		if len(out) > 0 || err != nil {
			return out, err
		}
	}
}

// next assigns what was found and returns a context for one poll of the client library, which wake ends.
func (f *Feed) next(ctx context.Context) (context.Context, error) {
	for {
		f.wake()
		waiting, interrupt := context.WithCancel(ctx)
		f.mu.Lock()
		f.interrupt = interrupt // before the looks below, so that nothing is missed
		found, failed := f.found, f.failed
		f.found = nil
		f.mu.Unlock()
		switch {
		case failed != nil:
			return nil, failed
		case f.isClosed():
			return nil, f.ended("read topic", errFeedClosed)
		case ctx.Err() != nil:
			return nil, f.ended("read topic", ctx.Err())
		case len(found) == 0:
			return waiting, nil
		}
		from := make(map[int32]kgo.Offset, len(found))
		partitions := make([]int32, 0, len(found))
		for _, b := range found {
			from[b.Partition] = kgo.NewOffset().At(b.Start)
			partitions = append(partitions, b.Partition)
		}
		f.assign(f.ctx, f.kgo, partitions)
		f.kgo.AddConsumePartitions(map[string]map[int32]kgo.Offset{f.opts.Topic: from})
	}
}

func (f *Feed) isClosed() bool {
	select {
	case <-f.closing:
		return true
	default:
		return false
	}
}

// wake ends the wait of a Poll, so that it looks at what has changed.
func (f *Feed) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interrupt != nil {
		f.interrupt()
		f.interrupt = nil
	}
}

// fail ends the feed: every Poll returns the error from now on.
func (f *Feed) fail(err error) {
	f.mu.Lock()
	if f.failed == nil {
		f.failed = err
	}
	f.mu.Unlock()
	f.wake()
}

// failure returns what ended the feed, nil while it goes on.
func (f *Feed) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

var errFeedClosed = errors.New("the feed is closed")

// ended is the error of what the caller ended.
func (f *Feed) ended(op string, err error) error {
	return &Error{Op: op, Topic: f.opts.Topic, Kind: Interrupted, Err: err}
}

// take turns what the client library fetched into records of ours, and its errors into log lines or an error.
func (f *Feed) take(fetches kgo.Fetches) (out []PartitionRecords, failed error) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			if err := f.judge(p.Partition, p.Err); err != nil && failed == nil {
				failed = err
			}
		}
		if len(p.Records) > 0 {
			b := recordsOf(p.Partition, p.Records)
			if b.End = p.HighWatermark; f.client.set.readsCommitted() {
				b.End = p.LastStableOffset
			}
			out = append(out, b)
		}
	})
	if failed != nil && len(out) > 0 {
		f.fail(failed) // it is for the next Poll
		failed = nil
	}
	return out, failed
}

// recordsOf leaves out markers. Its records share few pieces of memory.
func recordsOf(partition int32, fetched []*kgo.Record) PartitionRecords {
	n, h := 0, 0
	for _, k := range fetched {
		if !k.Attrs.IsControl() {
			n, h = n+1, h+len(k.Headers)
		}
	}
	out := PartitionRecords{Partition: partition, Records: make([]Record, 0, n), Next: fetched[len(fetched)-1].Offset + 1}
	headers := make([]Header, 0, h)
	for _, k := range fetched {
		if k.Attrs.IsControl() {
			continue
		}
		r := Record{Topic: k.Topic, Partition: k.Partition, Offset: k.Offset, Time: k.Timestamp, Key: k.Key, Value: k.Value}
		if len(k.Headers) > 0 {
			from := len(headers)
			for _, x := range k.Headers {
				headers = append(headers, Header(x))
			}
			r.Headers = headers[from:len(headers):len(headers)]
		}
		out.Records = append(out.Records, r)
	}
	return out
}

// judge returns the error for the caller of Poll when it does not pass by itself.
func (f *Feed) judge(partition int32, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kgo.ErrClientClosed) {
		return nil // next looks at what ended
	}
	log := f.client.log().With(slog.String("topic", f.opts.Topic))
	if loss, ok := errors.AsType[*kgo.ErrDataLoss](err); ok {
		log.Warn("the cluster has lost records that were read", "partition", partition, "read_to", loss.ConsumedTo, "going_on_at", loss.ResetTo)
		return nil
	}
	own := f.client.wrap("read topic", f.opts.Topic, err)
	group, isGroup := errors.AsType[*kgo.ErrGroupSession](err)
	switch {
	case isGroup:
		own = f.client.wrap("join group", f.opts.Group, group.Err)
		if passing(own) || KindOf(own) == Fenced && !fencedForGood(own) {
			log.Warn("the group was left by an error; joining again", "group", f.opts.Group, "err", own)
			return nil
		}
		f.fail(own)
	case KindOf(own) == NotFound:
		f.look() // it says whether the topic is gone
		return nil
	case passing(own):
		log.Warn("a partition cannot be read at the moment", "partition", partition, "err", own)
		return nil
	}
	return own
}

// Pause holds partitions back until Resume; records of them that were fetched are fetched again then. Others go on. A partition that is assigned again is not paused.
func (f *Feed) Pause(partitions ...int32) {
	if len(partitions) > 0 {
		f.kgo.PauseFetchPartitions(map[string][]int32{f.opts.Topic: partitions})
	}
}

// Resume goes on with partitions that were paused.
func (f *Feed) Resume(partitions ...int32) {
	if len(partitions) > 0 {
		f.kgo.ResumeFetchPartitions(map[string][]int32{f.opts.Topic: partitions})
	}
}

// Partitions returns how many partitions the topic has, as last seen.
func (f *Feed) Partitions() int {
	n := len(f.topic.Load().Partitions)
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.held {
		n = max(n, int(p)+1)
	}
	return n
}

// Close leaves the group and ends the connections, after Revoked was called for what is held. It waits for a Poll and a callback that run, and must not be
// called by one.
func (f *Feed) Close() {
	f.close.Do(func() {
		close(f.closing)
		f.wake()
		f.turn <- struct{}{}
		f.start.Do(func() { close(f.started) })
		f.kgo.AllowRebalance()
		if f.opts.Group != "" {
			f.leave()
		} else {
			f.revoke(f.ctx, f.all())
		}
		f.kgo.Close()
		f.kgo.AllowRebalance() // closing polls what is left, for which a goroutine that still leaves the group would wait for ever
		f.end()
		f.work.Wait()
		f.lose()
	})
}

// leave leaves the group, and gives up when the cluster does not answer.
func (f *Feed) leave() {
	left := make(chan struct{})
	go func() {
		defer close(left)
		if err := f.kgo.LeaveGroupContext(f.ctx); err != nil {
			f.client.log().Warn("the group was not told that a member leaves", "group", f.opts.Group, "err", err)
		}
	}()
	patience := time.NewTicker(f.client.opts.Timeout)
	defer patience.Stop()
	for {
		select {
		case <-left:
			return
		case <-patience.C:
			if f.calling.Load() {
				continue
			}
			f.end()
			<-left
			if member, _ := f.kgo.GroupMetadata(); f.client.set.text(propInstance) == "" {
				f.client.forgetMember(f.opts.Group, member)
			}
			return
		}
	}
}

// forgetMember tells the group, if the cluster answers at once, that a member is gone, so that its partitions do not wait for its session to end.
func (c *Client) forgetMember(group, member string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Group, req.MemberID = group, member
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	resp, err := req.RequestWith(ctx, c.base)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	return err
}

// onAssigned, onRevoked and onLost are called by the client library, one at a time, also with nothing in them: onAssigned at the end of every rebalance.
func (f *Feed) onAssigned(ctx context.Context, k *kgo.Client, of map[string][]int32) {
	<-f.started
	f.expelled(k)
	added, kept := of[f.opts.Topic], f.kept
	f.kept = nil
	f.assign(ctx, k, added)
	kept = slices.DeleteFunc(kept, func(p int32) bool { return slices.Contains(added, p) })
	f.assign(ctx, k, kept)
	f.placeAgain(ctx, k, kept)
}

func (f *Feed) onRevoked(ctx context.Context, k *kgo.Client, of map[string][]int32) {
	<-f.started
	f.expelled(k)
	f.kept = slices.DeleteFunc(f.kept, func(p int32) bool { return slices.Contains(of[f.opts.Topic], p) })
	f.revoke(ctx, f.heldOf(of[f.opts.Topic]))
}

func (f *Feed) onLost(context.Context, *kgo.Client, map[string][]int32) {
	<-f.started
	f.kept = nil
	f.lose()
}

// expelled finds out whether the group gave the member up while it was joining: then it came back under another name, and the client library believes that it
// kept its partitions. They were others' in between, so they are lost, and what is still its own is assigned again.
func (f *Feed) expelled(k *kgo.Client) {
	member, _ := k.GroupMetadata()
	f.mu.Lock()
	same := member == f.member
	f.mu.Unlock()
	if !same {
		f.kept = append(f.kept, f.all()...)
		f.lose()
	}
}

func (f *Feed) assign(ctx context.Context, k *kgo.Client, partitions []int32) {
	if len(partitions) == 0 {
		return
	}
	slices.Sort(partitions)
	member, _ := k.GroupMetadata()
	f.mu.Lock()
	f.member = member
	for _, p := range partitions {
		f.held[p] = true
	}
	f.mu.Unlock()
	k.ResumeFetchPartitions(map[string][]int32{f.opts.Topic: partitions})
	if f.opts.Assigned != nil {
		f.calling.Store(true)
		f.opts.Assigned(ctx, partitions)
		f.calling.Store(false)
	}
}

func (f *Feed) revoke(ctx context.Context, partitions []int32) {
	if len(partitions) == 0 {
		return
	}
	if f.opts.Revoked != nil {
		// The group has been waiting for up to two heartbeats when it is called.
		limit := f.client.set.duration(propRebalance)
		ctx, cancel := context.WithTimeout(ctx, max(limit/2, limit-2*f.client.set.duration(propHeartbeat)))
		f.calling.Store(true)
		f.opts.Revoked(ctx, partitions)
		f.calling.Store(false)
		cancel()
	}
	f.drop(partitions)
}

func (f *Feed) lose() {
	partitions := f.all()
	if len(partitions) == 0 {
		return
	}
	f.drop(partitions)
	if f.opts.Lost != nil {
		f.calling.Store(true)
		f.opts.Lost(partitions)
		f.calling.Store(false)
	}
}

// all returns the partitions that are held.
func (f *Feed) all() []int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.held))
}

// heldOf returns those of some partitions that are held.
func (f *Feed) heldOf(partitions []int32) []int32 {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(partitions)
	return slices.DeleteFunc(partitions, func(p int32) bool { return !f.held[p] })
}

func (f *Feed) drop(partitions []int32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range partitions {
		delete(f.held, p)
	}
}
