package streams

import (
	"context"
	"errors"
	"math"
	"reflect"
	"sync"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/internal/codec"
)

// closers is how many streams are closed at once: a close waits for the cluster.
const closers = 64

// outlets are the streams of the topic that is written.
type outlets struct {
	client    *bobbin.Client
	topic     string
	buffer    bobbin.Buffer       // of each stream
	producers [2]*bobbin.Producer // by format
	streams   map[string]*outlet
	ids       map[string]bool // of all that were written, up to MaxStreams
	opened    int

	working sync.WaitGroup  // closes under way
	ctx     context.Context // of these
	giveUp  context.CancelFunc
	turns   chan struct{} // one token for each of them

	mu      sync.Mutex
	closing map[string]chan struct{} // closed when the stream is
	err     error                    // of a close
}

// outlet is one of them.
type outlet struct {
	s          *bobbin.Stream
	properties codec.Properties
	times      []bobbin.Time
}

func newOutlets(ctx context.Context, c *bobbin.Client, topic string, buffer bobbin.Buffer) *outlets {
	closing, cancel := context.WithCancel(ctx)
	return &outlets{ctx: closing, giveUp: cancel, client: c, topic: topic, buffer: buffer, streams: make(map[string]*outlet), ids: make(map[string]bool), turns: make(chan struct{}, closers), closing: make(map[string]chan struct{})}
}

// open finds out whether the topic can be written.
func (o *outlets) open() error {
	_, err := o.producer(codec.JSON)
	return err
}

func (o *outlets) producer(f codec.Format) (*bobbin.Producer, error) {
	if o.producers[f] == nil {
		p, err := o.client.Producer(o.topic, &bobbin.ProducerOptions{Format: bobbin.Format(f)})
		if err != nil {
			return nil, err
		}
		o.producers[f] = p
	}
	return o.producers[f], nil
}

// outlet returns a stream that is open; nil when it is not.
func (o *outlets) outlet(ctx context.Context, id string) (*outlet, error) {
	if err := o.settled(ctx, id); err != nil {
		return nil, err
	}
	return o.streams[id], nil
}

// settled waits until a close of the stream is over, and returns what closes of all streams have met.
func (o *outlets) settled(ctx context.Context, id string) error {
	o.mu.Lock()
	closing, err := o.closing[id], o.err
	o.mu.Unlock()
	if closing == nil || err != nil {
		return err
	}
	select {
	case <-closing:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// context makes a stream what a context says, and opens it when it is not open.
func (o *outlets) context(ctx context.Context, id string, f codec.Format, c *codec.Context) error {
	s, err := o.outlet(ctx, id)
	if err != nil {
		return err
	}
	if s == nil {
		p, err := o.producer(f)
		if err != nil {
			return err
		}
		stream, err := p.Stream(ctx, id, &bobbin.StreamOptions{Properties: properties(&c.Properties), Buffer: o.buffer})
		if err != nil {
			return err
		}
		s = &outlet{s: stream, properties: c.Properties}
		o.streams[id] = s
		if len(o.ids) < MaxStreams && !o.ids[id] {
			o.ids[id] = true
			o.opened++
		}
	}
	if !reflect.DeepEqual(s.properties, c.Properties) {
		if err := s.s.SetProperties(ctx, properties(&c.Properties)); err != nil {
			return err
		}
		s.properties = c.Properties
	}
	for _, d := range c.Parameters {
		def := bobbin.Definition{Name: d.Name, Description: d.Description, Unit: d.Unit, Format: d.Format, Location: d.Location, Min: finite(d.Min), Max: finite(d.Max)}
		switch d.Kind {
		case codec.Number:
			s.s.Number(d.ID, &def)
		case codec.Text:
			s.s.Text(d.ID, &def)
		case codec.Bytes:
			s.s.Bytes(d.ID, &def)
		}
	}
	for _, d := range c.Events {
		if err := s.s.DefineEvent(bobbin.EventDefinition(d)); err != nil {
			return err
		}
	}
	return nil
}

func properties(p *codec.Properties) bobbin.Properties {
	return bobbin.Properties{Name: p.Name, Location: p.Location, Metadata: p.Metadata, Parents: p.Parents, Recorded: bobbin.Time(p.Recorded)}
}

// finite is an end of a range: a packet may have an infinite one, a definition that is given to a stream may not.
func finite(v float64) float64 { return min(max(v, -math.MaxFloat64), math.MaxFloat64) }

// rows writes some rows of a block.
func (s *outlet) rows(ctx context.Context, b *codec.Block, from, to int) error {
	s.times = s.times[:0]
	for _, t := range b.Times[from:to] {
		s.times = append(s.times, bobbin.Time(t))
	}
	c := s.s.Columns(s.times)
	for i := range b.Columns {
		col := &b.Columns[i]
		switch col.Kind {
		case codec.Number:
			c.Num(s.s.Number(col.Name, nil), col.Numbers[from:to])
		case codec.Text:
			c.Text(s.s.Text(col.Name, nil), col.Texts[from:to])
		case codec.Bytes:
			c.Bytes(s.s.Bytes(col.Name, nil), col.Bytes[from:to])
		case codec.Tag:
			c.Tag(s.s.Tag(col.Name), col.Texts[from:to])
		}
		if len(col.Present) > 0 {
			present := make([]bool, to-from) // until Write
			for row := range present {
				present[row] = col.Has(from + row)
			}
			c.Present(present)
		}
	}
	return c.Write(ctx)
}

// end closes a stream that is open, while others go on.
func (o *outlets) end(ctx context.Context, id string, how bobbin.End) error {
	s, err := o.outlet(ctx, id)
	if err != nil || s == nil { // its last life was not written: there is nothing to end
		return err
	}
	delete(o.streams, id)
	select {
	case o.turns <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	closed := make(chan struct{})
	o.mu.Lock()
	o.closing[id] = closed
	o.mu.Unlock()
	o.working.Go(func() {
		err := s.s.Close(o.ctx, how)
		o.mu.Lock()
		delete(o.closing, id)
		o.err = errors.Join(o.err, err)
		o.mu.Unlock()
		close(closed)
		<-o.turns
	})
	return nil
}

// close waits for all that was written, until ctx ends. Streams stay open.
func (o *outlets) close(ctx context.Context) error {
	defer o.giveUp()
	defer context.AfterFunc(ctx, o.giveUp)()
	o.working.Wait()
	err := o.err
	for _, p := range o.producers {
		if p != nil {
			err = errors.Join(err, p.Close(ctx))
		}
	}
	return err
}

func (o *outlets) stats() (written, acked, failed int64) {
	for _, p := range o.producers {
		if p != nil {
			st := p.Stats()
			written, acked, failed = written+st.Packets, acked+st.Acked, failed+st.Failed
		}
	}
	return written, acked, failed
}
