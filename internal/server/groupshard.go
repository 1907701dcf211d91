package server

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/group"
)

const (
	// loadBytes is how much of a log is read at once when a shard is loaded.
	loadBytes = 1 << 20
	// loadPatience is how long a request waits for its shard to be loaded before the client is told to come again.
	loadPatience = 5 * time.Second
	// tellAgain is how soon a shard that could not be told of the time is told again.
	tellAgain = 500 // milliseconds
)

// shard is the groups of one partition of __consumer_offsets: their machine, and the log that makes durable what it decides.
type shard struct {
	c      *coordinator
	log    *commitlog.Log
	loaded chan struct{} // closed when the machine knows what the log holds
	tokens atomic.Uint64
	next   atomic.Int64 // when the machine wants to be told of the time; math.MaxInt64: never
	out    outbox

	mu      sync.Mutex
	machine *group.Machine
}

func newShard(c *coordinator, l *commitlog.Log) *shard {
	s := &shard{c: c, log: l, loaded: make(chan struct{}), machine: group.New(c.conf)}
	s.next.Store(math.MaxInt64)
	s.out.calls = make(map[group.Token]chan any)
	return s
}

// load has the machine read the log. A shard that cannot be loaded answers with the reason.
func (s *shard) load(ctx context.Context) {
	defer close(s.loaded)
	if err := s.replay(ctx); err != nil {
		if ctx.Err() == nil {
			id := s.log.ID()
			s.c.srv.log.Error("the groups of a partition cannot be loaded; they are not served, all others are", "topic", id.Topic, "partition", id.Partition, "err", err)
		}
		s.out.fail(err)
		return
	}
	s.mu.Lock()
	s.finishLocked(s.machine.Loaded(s.c.clock()), 0)
	s.mu.Unlock()
}

// dropStale lets the offsets go of topics that are not there: a crash came between a topic's deletion and that of its offsets. It goes by the ids that the offsets
// were committed with, and by names for offsets without one: a topic may be made again, and committed for, meanwhile.
func (s *shard) dropStale(ctx context.Context) {
	s.mu.Lock()
	topics := s.machine.Topics()
	s.mu.Unlock()
	for _, ref := range topics {
		st := s.c.srv.store
		if ref.ID != [16]byte{} && st.TopicByID(ref.ID) != nil || ref.ID == [16]byte{} && st.Topic(ref.Topic) != nil {
			continue
		}
		if err := s.do(ctx, group.TopicGone{Topic: ref.Topic, ID: ref.ID, Exact: true}); err != nil {
			if ctx.Err() == nil {
				s.c.srv.log.Warn("the committed offsets of a deleted topic stay until they expire", "topic", ref.Topic, "err", err)
			}
			return
		}
	}
}

func (s *shard) replay(ctx context.Context) error {
	b, err := s.log.Bounds()
	if err != nil {
		return err
	}
	s.mu.Lock() // nobody else has it yet
	defer s.mu.Unlock()
	var span commitlog.Span
	defer span.Release()
	for offset := b.Start; offset < b.HighWatermark; offset = span.Next {
		span.Release()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.log.Read(&span, offset, loadBytes, true); err != nil {
			return err
		}
		if span.Size == 0 {
			return nil
		}
		for _, run := range span.Bytes {
			if err := s.replayRun(run, b.Start); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *shard) replayRun(run []byte, start int64) error {
	for len(run) > 0 {
		b, rest, err := batch.Next(run)
		if err != nil {
			return err
		}
		if run = rest; b.Control() {
			continue
		}
		for rec, err := range b.Records(s.c.srv.conf.DecompressedBytes) {
			if err == nil && rec.Offset >= start {
				err = s.machine.Replay(rec.Key, rec.Value)
			}
			if err != nil {
				return fmt.Errorf("batch at offset %d: %w", b.BaseOffset(), err)
			}
		}
	}
	return nil
}

// ask has an event dealt with and waits for the answer to it.
func (s *shard) ask(ctx context.Context, event func(group.Token) group.Event) (any, error) {
	token := group.Token(s.tokens.Add(1))
	answer := s.out.expect(token)
	if err := s.do(ctx, event(token)); err != nil {
		s.out.forget(token)
		return nil, err
	}
	var err error
	select {
	case a := <-answer:
		if err, failed := a.(error); failed {
			return nil, err
		}
		return a, nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-s.c.srv.draining:
		err = errLeaving
	}
	s.out.forget(token)
	s.mu.Lock()
	s.stepLocked(group.Cancelled{Token: token}, 0)
	s.mu.Unlock()
	return nil, err
}

// do has an event dealt with. It waits for the shard to be loaded, and for room in the log when the event makes records.
func (s *shard) do(ctx context.Context, ev group.Event) error {
	if err := s.await(ctx); err != nil {
		return err
	}
	reserved := 0
	for {
		if err := s.out.err(); err != nil {
			s.giveBack(reserved)
			return err
		}
		s.mu.Lock()
		need := s.machine.Need(s.c.clock(), ev)
		if need <= reserved {
			s.stepLocked(ev, reserved)
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		s.giveBack(reserved)
		reserved = 0
		room := newPatience(ctx, s.c.room)
		err := s.log.Reserve(room, need)
		room.end()
		if err != nil {
			return err
		}
		reserved = need
	}
}

func (s *shard) await(ctx context.Context) error {
	select {
	case <-s.loaded:
		return nil
	default:
	}
	late := time.NewTimer(loadPatience)
	defer late.Stop()
	select {
	case <-s.loaded:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-late.C:
		return errLoading
	}
}

func (s *shard) giveBack(reserved int) {
	if reserved > 0 {
		s.log.GiveBack(reserved)
	}
}

// stepLocked has the machine take an event, whose records have room.
func (s *shard) stepLocked(ev group.Event, reserved int) {
	s.machine.SetSkew(s.c.skew.Load())
	s.finishLocked(s.machine.Step(s.c.clock(), ev), reserved)
}

// finishLocked does what the machine asks for: appends its records, gives its answers, and sees to the next time.
func (s *shard) finishLocked(eff group.Effects, reserved int) {
	if len(eff.Records) > 0 {
		s.appendLocked(eff, reserved)
	} else {
		s.giveBack(reserved)
	}
	s.out.post(eff.Replies)
	next, ok := s.machine.Next()
	if !ok {
		next = math.MaxInt64
	}
	if before := s.next.Swap(next); next < before {
		s.c.kick()
	}
}

// appendLocked appends the records of a step as one batch. The order of the batches is that of the steps.
func (s *shard) appendLocked(eff group.Effects, reserved int) {
	now := s.c.srv.now().UnixMilli()
	b := batch.NewBuilder(batch.NoProducer())
	for _, rec := range eff.Records {
		b.Append(now, rec.Key, rec.Value)
	}
	s.log.AppendReserved(&commitlog.Append{
		Batch: b.Bytes(), Now: now,
		Done: func(a *commitlog.Append) { s.out.appended(eff.Number, a.Err) },
	}, reserved)
}

// tell tells the machine of the time, if it wants to know or is to let old offsets go, and returns when it wants to be told next.
func (s *shard) tell(ctx context.Context, due group.Event) int64 {
	now := s.c.clock()
	select {
	case <-s.loaded:
	default:
		return math.MaxInt64 // it will ask
	}
	if s.out.err() != nil {
		return math.MaxInt64
	}
	if _, tick := due.(group.Tick); tick && s.next.Load() > now {
		return s.next.Load()
	}
	if err := s.do(ctx, due); err != nil {
		return now + tellAgain
	}
	return s.next.Load()
}

// outbox holds the answers until what they show is durable. Its lock is taken under that of the shard, and by the goroutine that acknowledges records.
type outbox struct {
	mu      sync.Mutex
	calls   map[group.Token]chan any // of those who wait
	durable uint64                   // the last step whose records are
	held    []group.Reply
	failed  error // why there will be no more answers
}

// expect makes a place for the answer to a request.
func (o *outbox) expect(t group.Token) <-chan any {
	answer := make(chan any, 1)
	o.mu.Lock()
	o.calls[t] = answer
	o.mu.Unlock()
	return answer
}

func (o *outbox) forget(t group.Token) {
	o.mu.Lock()
	delete(o.calls, t)
	o.mu.Unlock()
}

func (o *outbox) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failed
}

// post takes answers, and gives those that show nothing but what is durable.
func (o *outbox) post(replies []group.Reply) {
	if len(replies) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range replies {
		switch {
		case r.Shows <= o.durable:
			o.giveLocked(r.Token, r.Answer)
		case o.failed != nil:
			o.giveLocked(r.Token, o.failed)
		default:
			o.held = append(o.held, r)
		}
	}
}

func (o *outbox) giveLocked(t group.Token, answer any) {
	if c := o.calls[t]; c != nil {
		c <- answer // buffered, and one a token
		delete(o.calls, t)
	}
}

// appended is told that the records of a step are durable, or why they never will be.
func (o *outbox) appended(number uint64, err error) {
	if err != nil {
		o.fail(err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.durable = number
	rest := o.held[:0]
	for _, r := range o.held {
		if r.Shows <= number {
			o.giveLocked(r.Token, r.Answer)
		} else {
			rest = append(rest, r)
		}
	}
	clear(o.held[len(rest):])
	o.held = rest
}

// fail answers all who wait with an error: what the machine knows is not what the log holds.
func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failed == nil {
		o.failed = err
	}
	for t := range o.calls {
		o.giveLocked(t, o.failed)
	}
	o.held = nil
}
