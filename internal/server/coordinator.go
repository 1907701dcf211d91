package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/group"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// offsetsTopic holds what is durable of groups.
const offsetsTopic = "__consumer_offsets"

// coordinator runs the consumer groups: a shard for each partition of __consumer_offsets, which is made when the first group is asked for. Its goroutine
// loads the shards after a start and tells them of the time.
type coordinator struct {
	srv    *Server
	conf   group.Config
	room   time.Duration // offsets.commit.timeout.ms: how long a record waits for room
	expiry time.Duration // offsets.retention.check.interval.ms
	origin time.Time     // of its clock
	skew   atomic.Int64  // how far the time of day is ahead of the clock, in milliseconds

	turn   chan struct{} // held by whoever makes another set
	shards atomic.Pointer[shardSet]
	wake   chan struct{} // a shard wants to be told of the time earlier than before
}

// shardSet is the shards of one __consumer_offsets. It is immutable; when the topic was deleted another takes its place.
type shardSet struct {
	topic catalog.ID
	all   []*shard
}

func newCoordinator(s *Server) *coordinator {
	b := s.store.Settings()
	ms := func(name string) time.Duration { return time.Duration(b.Int(name)) * time.Millisecond }
	return &coordinator{
		srv: s,
		conf: group.Config{
			MinSessionTimeout: b.Int("group.min.session.timeout.ms"),
			MaxSessionTimeout: b.Int("group.max.session.timeout.ms"),
			InitialDelay:      b.Int("group.initial.rebalance.delay.ms"),
			MaxSize:           int(b.Int("group.max.size")),
			MaxMetadata:       int(b.Int("offset.metadata.max.bytes")),
			OffsetRetention:   b.Int("offsets.retention.minutes") * time.Minute.Milliseconds(),
		},
		room: ms("offsets.commit.timeout.ms"), expiry: ms("offsets.retention.check.interval.ms"),
		origin: s.now(), turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
	}
}

// clock is milliseconds since 1970 by a clock that does not jump: sessions do not end because somebody has set the computer's.
func (c *coordinator) clock() int64 {
	return c.origin.UnixMilli() + c.srv.now().Sub(c.origin).Milliseconds()
}

// run tells the shards of the time until ctx ends.
func (c *coordinator) run(ctx context.Context) {
	if c.srv.store.Topic(offsetsTopic) != nil {
		if _, err := c.ensure(ctx); err != nil {
			c.srv.log.Error("the groups cannot be loaded", "err", err)
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	expiry := time.NewTicker(c.expiry)
	defer expiry.Stop()
	for {
		due := group.Event(group.Tick{})
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		case <-expiry.C:
			if c.lookAtClock() {
				due = group.Expire{}
			}
		}
		next := int64(math.MaxInt64)
		if set := c.shards.Load(); set != nil {
			for _, s := range set.all {
				next = min(next, s.tell(ctx, due))
			}
		}
		timer.Stop()
		if next != math.MaxInt64 {
			timer.Reset(time.Duration(max(next-c.clock(), 1)) * time.Millisecond)
		}
	}
}

// clockTolerance is how far the time of day may move against the clock, between two looks, before that is a jump.
const clockTolerance = time.Minute

// lookAtClock finds out whether the computer's clock has jumped. Then nothing expires before the next look: what looks old may be new.
func (c *coordinator) lookAtClock() (calm bool) {
	now := c.srv.now()
	skew := now.UnixMilli() - c.clock()
	jump := time.Duration(skew-c.skew.Swap(skew)) * time.Millisecond
	if jump.Abs() <= clockTolerance {
		return true
	}
	c.srv.log.Warn("the computer's clock has jumped: no committed offset expires before the next check", "by", jump)
	return false
}

// kick makes run look at the shards again.
func (c *coordinator) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// ensure returns the shards, and makes __consumer_offsets when there is none.
func (c *coordinator) ensure(ctx context.Context) (*shardSet, error) {
	if set := c.current(); set != nil {
		return set, nil
	}
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-c.turn }()
	if set := c.current(); set != nil {
		return set, nil
	}
	t := c.srv.store.Topic(offsetsTopic)
	if t == nil {
		var err error
		if t, err = c.createTopic(ctx); err != nil {
			return nil, err
		}
	}
	set := &shardSet{topic: t.ID, all: make([]*shard, len(t.Partitions))}
	for i, l := range t.Partitions {
		set.all[i] = newShard(c, l)
	}
	if old := c.shards.Swap(set); old != nil {
		for _, s := range old.all {
			s.out.fail(commitlog.ErrDeleted)
		}
	}
	c.srv.background.Go(func() {
		for _, s := range set.all {
			s.load(c.srv.ctx)
		}
		for _, s := range set.all {
			s.dropStale(c.srv.ctx)
		}
	})
	return set, nil
}

// current returns the shards when they are those of the topic that there is.
func (c *coordinator) current() *shardSet {
	set, t := c.shards.Load(), c.srv.store.Topic(offsetsTopic)
	if set == nil || t == nil || t.ID != set.topic {
		return nil
	}
	return set
}

// createTopic makes __consumer_offsets with the settings that Kafka gives it.
func (c *coordinator) createTopic(ctx context.Context) (*store.Topic, error) {
	b := c.srv.store.Settings()
	n := catalog.NewTopic{Name: offsetsTopic, Partitions: int32(b.Int("offsets.topic.num.partitions")), ReplicationFactor: -1}
	for _, kv := range [][2]string{
		{"cleanup.policy", "compact"},
		{"compression.type", "producer"},
		{"segment.bytes", strconv.FormatInt(b.Int("offsets.topic.segment.bytes"), 10)},
	} {
		n.Configs = append(n.Configs, catalog.ConfigValue{Name: kv[0], Value: &kv[1]})
	}
	t, err := c.srv.store.CreateTopic(ctx, n)
	var refused *catalog.Error
	if errors.As(err, &refused) && refused.Kind == catalog.TopicExists {
		if t = c.srv.store.Topic(offsetsTopic); t != nil { // a client was faster
			return t, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", offsetsTopic, err)
	}
	return t, nil
}

// shardOf returns the shard that a group belongs to.
func (set *shardSet) shardOf(groupID string) *shard {
	return set.all[group.Partition(groupID, int32(len(set.all)))]
}

// askGroup has an event about a group dealt with and waits for the answer.
func askGroup[A any](ctx context.Context, r *request, groupID string, event func(group.Token) group.Event) (a A, err error) {
	set, err := r.srv.groups.ensure(ctx)
	if err != nil {
		return a, err
	}
	answer, err := set.shardOf(groupID).ask(ctx, event)
	if err != nil {
		return a, err
	}
	return answer.(A), nil
}

// topicGone lets the offsets of a deleted topic go.
func (c *coordinator) topicGone(ctx context.Context, topic string, id catalog.ID) {
	set := c.current()
	if set == nil || topic == offsetsTopic {
		return
	}
	for _, s := range set.all {
		if err := s.do(ctx, group.TopicGone{Topic: topic, ID: id}); err != nil {
			c.srv.log.Warn("the committed offsets of a deleted topic stay until they expire", "topic", topic, "err", err)
			return
		}
	}
}

// counts adds up what the shards know.
func (c *coordinator) counts() (sum group.Counts) {
	set := c.shards.Load()
	if set == nil {
		return sum
	}
	for _, s := range set.all {
		select {
		case <-s.loaded:
		default:
			continue
		}
		s.mu.Lock()
		n := s.machine.Counts()
		s.mu.Unlock()
		sum.Empty += n.Empty
		sum.PreparingRebalance += n.PreparingRebalance
		sum.CompletingRebalance += n.CompletingRebalance
		sum.Stable += n.Stable
		sum.Members += n.Members
		sum.Pending += n.Pending
		sum.Offsets += n.Offsets
	}
	return sum
}

// errLoading says that a shard does not know its groups yet.
var errLoading = refuse(kerr.CoordinatorLoadInProgress, "the groups are being loaded")

// errLeaving says that the broker stops.
var errLeaving = refuse(kerr.NotCoordinator, "the broker stops")

// groupFault maps an error of the coordinator to the code that makes clients look for it and try again, as Kafka does, and counts it.
func (s *Server) groupFault(err error) int16 {
	var known *refusal
	switch {
	case err == nil:
		return 0
	case errors.As(err, &known):
	case errors.Is(err, wal.ErrTooLarge):
		err = refuse(kerr.InvalidCommitOffsetSize, err.Error())
	case errors.Is(err, context.Canceled): // the client has gone
		return kerr.CoordinatorNotAvailable.Code
	default:
		s.log.Warn("a request of a group is refused for the moment", "err", err)
		err = refuse(kerr.CoordinatorNotAvailable, err.Error())
	}
	code, _ := s.fault(err)
	return code
}
