package server

import (
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// session is a set of partitions that are fetched together: those of one request, or of a fetch session (KIP-227), which remembers them between
// requests. A session watches its partitions' logs, so that a fetch looks only at those where something has changed.
//
// One fetch uses it at a time. Its list of partitions that are ready is filled by the logs.
type session struct {
	id    int32 // 0: of one request
	byID  bool  // topics are named by id
	parts map[partKey]*fetchPart
	order []*fetchPart // as the request has them; only of a full fetch
	watch bool         // logs are watched

	// Guarded by sessions.mu.
	epoch         int32 // that the next request must have
	created, used time.Time
	size          int
	busy, dead    bool

	mu   sync.Mutex
	head *fetchPart // ready, the one that waits longest first
	tail *fetchPart
	wake chan struct{}
}

func newSession(byID bool) *session {
	return &session{byID: byID, parts: make(map[partKey]*fetchPart), wake: make(chan struct{}, 1)}
}

// enqueue makes a partition ready.
func (s *session) enqueue(p *fetchPart) {
	s.mu.Lock()
	if !p.queued {
		p.queued, p.next = true, nil
		if s.tail == nil {
			s.head = p
		} else {
			s.tail.next = p
		}
		s.tail = p
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// takeReady empties the list. The partitions in it are linked by next.
func (s *session) takeReady() *fetchPart {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := s.head
	s.head, s.tail = nil, nil
	return head
}

// unqueue lets a partition that was taken be made ready again, and returns the one behind it.
func (s *session) unqueue(p *fetchPart) (next *fetchPart) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = p.next
	p.queued, p.next = false, nil
	return next
}

// putBack makes partitions that were taken the first ones again.
func (s *session) putBack(head *fetchPart) {
	if head == nil {
		return
	}
	last := head
	for last.next != nil {
		last = last.next
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	last.next = s.head
	if s.tail == nil {
		s.tail = last
	}
	s.head = head
}

// update takes over what a request asks for and forgets. All partitions that it names anew or otherwise than before are ready.
func (s *session) update(req *kmsg.FetchRequest) {
	for i := range req.Topics {
		t := &req.Topics[i]
		for j := range t.Partitions {
			q := &t.Partitions[j]
			key := partKey{topic: t.Topic, id: t.TopicID, partition: q.Partition}
			p := s.parts[key]
			if p == nil {
				p = &fetchPart{set: s, key: key, toldEnd: -1, toldStart: -1}
				s.parts[key] = p
				s.order = append(s.order, p)
				p.ask(q)
			} else if !p.ask(q) {
				continue
			}
			s.enqueue(p)
		}
	}
	for i := range req.ForgottenTopics {
		t := &req.ForgottenTopics[i]
		for _, number := range t.Partitions {
			key := partKey{topic: t.Topic, id: t.TopicID, partition: number}
			if p := s.parts[key]; p != nil {
				delete(s.parts, key)
				p.forgotten = true
				p.unwatch()
			}
		}
	}
}

// startWatching watches all logs. What changed before counts as well.
func (s *session) startWatching() {
	if s.watch {
		return
	}
	s.watch = true
	for _, p := range s.parts {
		if p.watch(); p.log != nil && p.err == nil && p.log.HighWatermark() != p.span.Bounds.HighWatermark {
			s.enqueue(p)
		}
	}
}

// end lets the logs go.
func (s *session) end() {
	for _, p := range s.parts {
		p.unwatch()
	}
}

// evictAfter is how long a session is safe from being replaced by a larger one, and how long an unused one is from any: Kafka's two minutes.
const evictAfter = 2 * time.Minute

// sessions are the fetch sessions that are kept.
type sessions struct {
	slots int
	now   func() time.Time

	mu     sync.Mutex
	byID   map[int32]*session
	closed bool
}

func (c *sessions) init(slots int, now func() time.Time) {
	c.slots, c.now, c.byID = slots, now, make(map[int32]*session)
}

func (c *sessions) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byID)
}

// take returns a session for the request with that epoch. The caller gives it back by put.
func (c *sessions) take(id, epoch int32, byID bool) (*session, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.byID[id]
	switch {
	case s == nil:
		return nil, refuse(kerr.FetchSessionIDNotFound, "no fetch session has this id")
	case s.epoch != epoch || s.busy:
		return nil, refuse(kerr.InvalidFetchSessionEpoch, "the fetch session is at another epoch")
	case s.byID != byID:
		return nil, refuse(kerr.FetchSessionTopicIDError, "the fetch session names topics in another way")
	}
	s.busy, s.epoch = true, nextEpoch(epoch)
	return s, nil
}

func nextEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return 1
	}
	return epoch + 1
}

// put gives a session back.
func (c *sessions) put(s *session) {
	c.mu.Lock()
	s.busy, s.used, s.size = false, c.now(), len(s.parts)
	if len(s.parts) == 0 {
		c.dropLocked(s)
	}
	dead := s.dead
	c.mu.Unlock()
	if dead {
		s.end()
	}
}

// keep makes a session out of a request's partitions, if there is a slot or another one has to make room. The caller uses it until put.
func (c *sessions) keep(s *session) bool {
	c.mu.Lock()
	now := c.now()
	var evicted *session
	if len(c.byID) >= c.slots {
		if evicted = c.victimLocked(now, len(s.parts)); evicted == nil {
			c.mu.Unlock()
			return false
		}
		c.dropLocked(evicted)
	}
	ok := !c.closed && c.slots > 0
	if ok {
		for s.id == 0 || c.byID[s.id] != nil {
			s.id = rand.Int32N(math.MaxInt32-1) + 1
		}
		s.epoch, s.created, s.used, s.size, s.busy = 1, now, now, len(s.parts), true
		c.byID[s.id] = s
	}
	c.mu.Unlock()
	if evicted != nil {
		evicted.end()
	}
	return ok
}

// victimLocked chooses as Kafka does: a session that was not used for two minutes, the one that was used least recently; else the smallest of those
// older than two minutes, if the new one is larger.
func (c *sessions) victimLocked(now time.Time, size int) *session {
	var stale, smallest *session
	for _, s := range c.byID {
		if s.busy {
			continue
		}
		if now.Sub(s.used) > evictAfter && (stale == nil || s.used.Before(stale.used)) {
			stale = s
		}
		if now.Sub(s.created) > evictAfter && s.size < size && (smallest == nil || s.size < smallest.size) {
			smallest = s
		}
	}
	if stale != nil {
		return stale
	}
	return smallest
}

func (c *sessions) dropLocked(s *session) {
	if c.byID[s.id] == s {
		delete(c.byID, s.id)
	}
	s.dead = true
}

// remove ends a session.
func (c *sessions) remove(id int32) {
	c.mu.Lock()
	s := c.byID[id]
	idle := s != nil && !s.busy
	if s != nil {
		c.dropLocked(s)
	}
	c.mu.Unlock()
	if idle {
		s.end()
	}
}

// close ends all. No fetch is under way any more.
func (c *sessions) close() {
	c.mu.Lock()
	all := c.byID
	c.byID, c.closed = make(map[int32]*session), true
	c.mu.Unlock()
	for _, s := range all {
		s.end()
	}
}
