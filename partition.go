package bobbin

import (
	"context"
	"sync"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// partition is what a consumer has of one partition: the streams on it, and which of their packets are done.
type partition struct {
	consumer *Consumer
	id       int32
	ctx      context.Context // ends when the partition is given up
	cancel   context.CancelCauseFunc
	handlers sync.WaitGroup

	mu        sync.Mutex
	ledger    *ledger
	committed int64 // the last position that was committed; -1 before
	streams   map[string]*served
	running   int // streams with a handler's goroutine
	share     int64
	waiting   int64 // bytes of packets and buffers
	paused    bool
	gone      bool          // given up: nothing of it counts any more
	quiet     chan struct{} // closed when running becomes 0; nil when nobody waits
}

// served is a stream that is open on a partition. Its fields are guarded by the partition's lock.
type served struct {
	p       *partition
	id      string
	wake    chan struct{} // capacity 1: there is a packet, or memory is short
	items   []item        // packets that are not done, in order
	handed  int           // how many of them were given to the handler
	ignored bool          // its handler is done with it: packets are passed over until it ends
}

// item is a packet that is not done.
type item struct {
	number int64 // in the ledger
	offset int64
	size   int64         // that counts as waiting; 0 once the handler has gone past it
	record *kafka.Record // nil once the handler has gone past it
}

func newPartition(c *Consumer, working context.Context, id int32) *partition {
	p := &partition{consumer: c, id: id, ledger: newLedger(-1), committed: -1, streams: make(map[string]*served), share: c.opts.Memory}
	p.ctx, p.cancel = context.WithCancelCause(working)
	return p
}

// take gives the records of a batch to their streams.
func (p *partition) take(b kafka.PartitionRecords) {
	c := p.consumer
	p.mu.Lock()
	if p.gone || p.ctx.Err() != nil {
		p.mu.Unlock()
		return
	}
	var done, bytes, waiting int64
	for i := range b.Records {
		r := &b.Records[i]
		n := p.ledger.add(r.Offset)
		size := int64(len(r.Key) + len(r.Value) + itemOverhead)
		bytes += int64(len(r.Value))
		s := p.streams[string(r.Key)]
		if s != nil && s.ignored {
			p.ledger.finish(n)
			done++
			if h, ok := headerOf(r); ok && h.Kind == codec.KindEnd {
				delete(p.streams, s.id)
			}
			continue
		}
		copied := *r
		it := item{number: n, offset: r.Offset, size: size, record: &copied}
		waiting += size
		if s == nil {
			s = &served{p: p, id: string(r.Key), wake: make(chan struct{}, 1)}
			p.streams[s.id] = s
			p.running++
			s.items = append(s.items, it)
			p.handlers.Go(s.run)
			continue
		}
		s.items = append(s.items, it)
		s.signal()
	}
	p.ledger.passed(b.Next)
	p.waiting += waiting
	c.counts.packets.Add(int64(len(b.Records)))
	c.counts.bytes.Add(bytes)
	c.counts.waiting.Add(waiting)
	pause := p.waiting > p.share && !p.paused
	if pause {
		p.paused = true
		for _, s := range p.streams {
			s.signal() // buffers are given early
		}
	}
	p.mu.Unlock()
	if pause {
		c.pause(p.id, true)
	}
	c.finished(done)
}

// itemOverhead is about what a waiting packet takes beside its bytes.
const itemOverhead = 256

func (s *served) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// headerOf returns what a record says it is. ok is false for one that is foreign or not understood.
func headerOf(r *kafka.Record) (h codec.Header, ok bool) {
	for _, x := range r.Headers {
		if x.Key == codec.HeaderKey {
			h, err := codec.ParseHeader(x.Value)
			return h, err == nil
		}
	}
	return codec.Header{}, false
}

// pause stops or continues reading a partition.
func (c *Consumer) pause(id int32, yes bool) {
	c.mu.Lock()
	feed := c.feed
	c.mu.Unlock()
	switch {
	case feed == nil:
	case yes:
		feed.Pause(id)
	default:
		feed.Resume(id)
	}
}

// free says that bytes wait no longer.
func (p *partition) free(n int64) {
	p.consumer.counts.waiting.Add(-n)
	p.mu.Lock()
	p.waiting -= n
	resume := p.paused && p.waiting <= p.share/2 && !p.gone
	if resume {
		p.paused = false
	}
	p.mu.Unlock()
	if resume {
		p.consumer.pause(p.id, false)
	}
}

// hold says that a buffer has so many bytes more.
func (p *partition) hold(n int64) {
	p.consumer.counts.waiting.Add(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting += n
}

// short says whether the partition waits for its streams to go on.
func (p *partition) short() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

func (p *partition) setShare(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.share = n
}

// next returns the stream's next packet for its handler. ok is false when there is none.
func (s *served) next() (it item, ok bool) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.handed == len(s.items) {
		return item{}, false
	}
	it = s.items[s.handed]
	s.handed++
	return it, true
}

// past says that the handler has gone past a packet: its bytes are not needed but for calling the handler again, when they are read again.
func (s *served) past(number int64) {
	s.p.mu.Lock()
	var size int64
	for i := s.handed - 1; i >= 0; i-- {
		if it := &s.items[i]; it.number == number {
			size, it.size, it.record = it.size, 0, nil
			break
		}
	}
	s.p.mu.Unlock()
	if size > 0 {
		s.p.free(size)
	}
}

// release says that all packets of the stream before a number are done.
func (s *served) release(before int64) {
	p := s.p
	p.mu.Lock()
	var size, n int64
	for len(s.items) > 0 && s.handed > 0 && s.items[0].number < before {
		size += s.items[0].size
		p.ledger.finish(s.items[0].number)
		s.items[0] = item{}
		s.items = s.items[1:]
		s.handed--
		n++
	}
	if len(s.items) == 0 {
		s.items = nil
	}
	gone := p.gone
	p.mu.Unlock()
	if size > 0 {
		p.free(size)
	}
	if !gone {
		p.consumer.finished(n)
	}
}

// handedNumber returns the number of the packet that is given next; all that were given are before it.
func (s *served) handedNumber() int64 {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.handed < len(s.items) {
		return s.items[s.handed].number
	}
	return s.p.ledger.following()
}

// first returns the offset of the first packet that is not done, or -1.
func (s *served) first() int64 {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if len(s.items) == 0 {
		return -1
	}
	return s.items[0].offset
}

// rewind makes the packets that are not done be given again.
func (s *served) rewind() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.handed = 0
}

// position returns what may be committed, and whether it is new. A partition that was given up has nothing to commit.
func (p *partition) position() (at int64, moved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at = p.ledger.position()
	return at, !p.gone && at > p.committed && at >= 0
}

func (p *partition) committedUpTo(at int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = max(p.committed, at)
}

// leave makes nothing of the partition count any more.
func (p *partition) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	p.consumer.counts.waiting.Add(-p.waiting)
	p.waiting = 0
}

// held returns the packet that holds the position back.
func (p *partition) held() (Holding, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ledger.entries) == 0 {
		return Holding{}, false
	}
	h := Holding{Partition: int(p.id), Offset: p.ledger.entries[0].offset, Behind: len(p.ledger.entries) - 1}
	for _, s := range p.streams {
		if len(s.items) > 0 && s.items[0].offset == h.Offset {
			h.Stream = s.id
		}
	}
	return h, true
}

// open counts the streams that are open.
func (p *partition) open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.streams)
}

// idle says whether no handler runs.
func (p *partition) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running == 0
}

// busy returns the streams whose handlers run.
func (p *partition) busy() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running == 0 {
		return nil
	}
	var names []string
	for _, s := range p.streams {
		if !s.ignored {
			names = append(names, s.id)
		}
	}
	return names
}

// wait waits until no handler runs, or ctx ends.
func (p *partition) wait(ctx context.Context) {
	p.mu.Lock()
	if p.running == 0 {
		p.mu.Unlock()
		p.handlers.Wait()
		return
	}
	if p.quiet == nil {
		p.quiet = make(chan struct{})
	}
	quiet := p.quiet
	p.mu.Unlock()
	select {
	case <-quiet:
		p.handlers.Wait()
	case <-ctx.Done():
	}
}

// stopped takes note that a stream's goroutine ends. The lock is held.
func (p *partition) stopped() {
	p.running--
	if p.running == 0 && p.quiet != nil {
		close(p.quiet)
		p.quiet = nil
	}
}
