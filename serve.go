package bobbin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// run serves a stream from its first packet on, in a goroutine of its own: each opening of it is one life, with a reader and at least one call of the handler.
func (s *served) run() {
	for {
		r := newStreamReader(s)
		over := s.serveLife(r)
		s.p.mu.Lock()
		switch {
		case s.p.ctx.Err() != nil:
			delete(s.p.streams, s.id)
		case over && len(s.items) > 0: // it was opened again
			s.p.mu.Unlock()
			continue
		case over:
			delete(s.p.streams, s.id)
		default: // the handler is done with what will still come
			s.passOver()
		}
		s.p.stopped()
		s.p.mu.Unlock()
		return
	}
}

// passOver makes the rest of a life count as done, up to its end; a life behind that gets a goroutine of its own. The partition's lock is held.
func (s *served) passOver() {
	p := s.p
	s.ignored = true
	for len(s.items) > 0 {
		it := s.items[0]
		s.items = s.items[1:]
		p.ledger.finish(it.number)
		p.waiting -= it.size
		p.consumer.counts.waiting.Add(-it.size)
		if it.record == nil {
			continue
		}
		if h, ok := headerOf(it.record); ok && h.Kind == codec.KindEnd {
			s.ignored = false
			break
		}
	}
	s.handed = 0
	switch {
	case s.ignored:
		s.items = nil
	case len(s.items) > 0:
		p.running++
		p.handlers.Go(s.run)
	default:
		delete(p.streams, s.id)
	}
}

// serveLife calls the handler until the stream has ended, the handler is done with it, or the partition is given up. over says that the stream has ended.
//
// It and what it calls until a handler waits are kept small: an idle stream costs its goroutine's stack, which is halved when less than a quarter of it is used.
func (s *served) serveLife(r *StreamReader) (over bool) {
	var f failing
	for {
		err := s.callHandler(r)
		if s.p.ctx.Err() != nil {
			return false
		}
		if err == nil {
			s.release(s.handedNumber())
			return r.end != NotEnded || r.ending != NotEnded
		}
		if !s.failed(r, &f, err) {
			return false
		}
		if r.end != NotEnded {
			return true
		}
		r.again()
	}
}

// callHandler calls the handler once.
func (s *served) callHandler(r *StreamReader) error {
	defer r.reset()
	if err := r.prepare(); err != nil {
		return err
	}
	return call(s.p.consumer.handler, r)
}

// failing counts how often a handler has failed at the same place.
type failing struct {
	attempts int
	at       int64 // offset of the first packet with which it was not done
}

// failed does what the policy says about a handler's failure. It says whether the handler is to be called again.
//
//go:noinline
func (s *served) failed(r *StreamReader, f *failing, err error) bool {
	c, p, policy := s.p.consumer, s.p, s.p.consumer.opts.Failure
	c.counts.failures.Add(1)
	if first := s.first(); f.attempts == 0 || first != f.at {
		*f = failing{at: first}
	}
	f.attempts++
	c.client.log.Warn("handler failed", "topic", c.topic, "stream", s.id, "partition", p.id, "offset", f.at, "attempt", f.attempts, "error", err)
	switch {
	case f.attempts < policy.Attempts:
		s.rewind()
		return sleep(p.ctx, policy.Backoff<<min(f.attempts-1, 10))
	case policy.Then == Stop:
		c.halt(&Error{Op: "serve stream", Topic: c.topic, Stream: s.id, Err: fmt.Errorf("at offset %d of partition %d, after %d attempts: %w", f.at, p.id, f.attempts, err),
			Hint: "FailurePolicy{Then: Skip} goes on with the others"})
		<-p.ctx.Done()
		return false
	}
	*f = failing{}
	return s.skip(r, err)
}

// halt ends Run with an error.
func (c *Consumer) halt(err error) {
	c.mu.Lock()
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop(err)
	}
}

// call calls a handler; its panic is an error.
func call(h Handler, r *StreamReader) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return h.ServeStream(r.ctx, r)
}

// sleep waits, and says whether it waited to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// skip passes over the packets that the handler was given and is not done with, at least one, after their records were written to the dead-letter topic. It
// says whether the partition is still ours.
func (s *served) skip(r *StreamReader, why error) bool {
	c, p := s.p.consumer, s.p
	p.mu.Lock()
	if s.handed == 0 && len(s.items) > 0 {
		s.handed = 1
	}
	items := append([]item(nil), s.items[:s.handed]...)
	p.mu.Unlock()
	for i := range items {
		rec, err := s.record(p.ctx, &items[i])
		switch {
		case err != nil && p.ctx.Err() != nil:
			return false
		case err != nil:
			c.client.log.Error("a packet that is passed over cannot be read again for the dead-letter topic", "topic", c.topic, "stream", s.id, "partition", p.id, "offset", items[i].offset, "error", err)
			continue
		}
		if h, ok := headerOf(rec); ok && h.Kind == codec.KindEnd {
			r.end = endOf(rec)
		}
		if c.letters != nil && !s.bury(p.ctx, rec, why) {
			return false
		}
		c.client.log.Error("packet passed over", "topic", c.topic, "stream", s.id, "partition", p.id, "offset", items[i].offset, "error", why)
		c.counts.skipped.Add(1)
	}
	s.release(s.handedNumber())
	return true
}

// bury writes a record to the dead-letter topic, again and again until the cluster has it. It says whether the partition is still ours.
func (s *served) bury(ctx context.Context, rec *kafka.Record, why error) bool {
	c, p := s.p.consumer, s.p
	dead := kafka.Record{Topic: c.opts.Failure.DeadLetter, Key: rec.Key, Value: rec.Value}
	for _, h := range rec.Headers {
		if h.Key == codec.HeaderKey {
			h.Key = "bobbin-was" // its context is none of the other topic
		}
		dead.Headers = append(dead.Headers, h)
	}
	dead.Headers = append(dead.Headers,
		kafka.Header{Key: "bobbin-from", Value: []byte(c.topic + "/" + strconv.Itoa(int(p.id)) + "/" + strconv.FormatInt(rec.Offset, 10))},
		kafka.Header{Key: "bobbin-error", Value: []byte(fmt.Sprintf("%.1000s", why.Error()))})
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		answered := make(chan error, 1)
		c.letters.Send(ctx, dead, func(_ kafka.Record, err error) { answered <- err })
		err := <-answered
		if err == nil {
			return true
		}
		c.client.log.Error("a record was not written to the dead-letter topic; it is tried again", "topic", dead.Topic, "stream", s.id, "error", err)
		if !sleep(ctx, wait) {
			return false
		}
	}
}

// record returns a packet's record, which is read again when it was forgotten.
func (s *served) record(ctx context.Context, it *item) (*kafka.Record, error) {
	if it.record != nil {
		return it.record, nil
	}
	c := s.p.consumer
	c.mu.Lock()
	feed := c.feed
	c.mu.Unlock()
	if feed == nil {
		return nil, ErrClosed
	}
	rec, err := feed.Read(ctx, s.p.id, it.offset)
	if err != nil {
		return nil, err
	}
	return &rec, nil
}

// context reads the context packet at an offset. One that is gone is no context.
func (s *served) context(ctx context.Context, offset int64) (codec.Context, error) {
	it := item{offset: offset}
	rec, err := s.record(ctx, &it)
	switch {
	case err != nil && kafka.KindOf(err) == kafka.NotFound:
		return codec.Context{}, nil
	case err != nil:
		return codec.Context{}, err
	}
	h, ok := headerOf(rec)
	if !ok || h.Kind != codec.KindContext || string(rec.Key) != s.id {
		s.p.consumer.broken(s, offset, errors.New("it is no context of the stream, although a packet names it"))
		return codec.Context{}, nil
	}
	x, err := codec.DecodeContext(rec.Value)
	if err != nil {
		s.p.consumer.broken(s, offset, err)
	}
	return x, nil
}

// broken counts and logs a packet that is not what it, or another one, says.
func (c *Consumer) broken(s *served, offset int64, err error) {
	c.counts.broken.Add(1)
	c.client.log.Warn("a packet cannot be read as what it says it is", "topic", c.topic, "stream", s.id, "partition", s.p.id, "offset", offset, "error", err)
}

func endOf(rec *kafka.Record) End {
	e, err := codec.DecodeEnd(rec.Value)
	if err != nil {
		return Terminated
	}
	return fromCodecEnd(e)
}

func fromCodecEnd(e codec.End) End { return End(e) + Closed }

var errNoMore = errors.New("the stream has ended")
