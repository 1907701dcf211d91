package bobbin

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Packet is what a stream gives its reader: *Rows, *Event, *PropertiesChanged, *DefinitionsChanged or *Raw. It, and all that it gives out, is valid until the next one is asked for.
type Packet interface{ packet() }

func (*Rows) packet()               {}
func (*Event) packet()              {}
func (*PropertiesChanged) packet()  {}
func (*DefinitionsChanged) packet() {}
func (*Raw) packet()                {}

// PropertiesChanged says that StreamReader.Properties have changed; those that a stream has when its handler is called are no change.
type PropertiesChanged struct{ Properties Properties }

// DefinitionsChanged says that the definitions of a stream have changed; those that it has when its handler is called are no change.
type DefinitionsChanged struct {
	Parameters []Definition
	Events     []EventDefinition
}

// Raw is a record that is no packet of this library, or one that cannot be read. Its bytes are the reader's to keep.
type Raw struct {
	Key     []byte // nil when the record has none
	Value   []byte // nil for a tombstone
	Headers []Header
	Written time.Time // the record's timestamp
	Err     error     // what is wrong with a record that says it is a packet; ErrBroken
}

// Header is a header of a record. Keys may repeat.
type Header struct {
	Key   string
	Value []byte
}

// Position is where a packet stands in the topic.
type Position struct {
	Partition int
	Offset    int64
	Written   time.Time // when, by the clock of the writer or the broker
}

// StreamReader is an open stream as its handler sees it. It belongs to the handler's goroutine, and is of no use when the handler has returned.
type StreamReader struct {
	s      *served
	ctx    context.Context
	cancel context.CancelFunc
	names  columns

	known   bool // the context
	context codec.Context
	end     End

	block   *codec.Block // of the rows packet that was read last; nil while nothing comes
	direct  Rows         // of block, when there are no views
	views   []*View
	feeding *item // whose rows are given to the views
	flush   bool  // all views are to be given before anything else
	ending  End   // how the stream ends behind the views
	out     []delivery
	emitted *View // whose rows the handler has
	current item  // of the packet that the handler has
	timer   *time.Timer
	marked  int64 // with manual commits: the number of the first packet that was given and not committed; -1
	late    bool  // the handler has returned
}

// delivery is a packet that waits for the handler.
type delivery struct {
	packet Packet
	item   item
}

func newStreamReader(s *served) *StreamReader {
	r := &StreamReader{s: s, marked: -1}
	r.ctx, r.cancel = context.WithCancel(s.p.ctx)
	return r
}

// reset ends what belongs to one call of the handler.
func (r *StreamReader) reset() {
	r.cancel()
	r.late = true
	if r.timer != nil {
		r.timer.Stop()
	}
	for _, v := range r.views {
		v.forget()
	}
	r.past()
	r.rest()
}

// again prepares for another call of the handler.
func (r *StreamReader) again() {
	s, known, c := r.s, r.known, r.context
	*r = *newStreamReader(s)
	r.known, r.context = known, c
}

// prepare finds out what the stream is, before its handler is called.
func (r *StreamReader) prepare() error {
	if r.known {
		return nil
	}
	it, ok := r.s.peek()
	if !ok {
		return nil
	}
	rec, err := r.s.record(r.ctx, &it)
	if err != nil {
		return err
	}
	h, ok := headerOf(rec)
	if !ok {
		return nil
	}
	if h.Kind != codec.KindContext {
		if h.Context >= 0 {
			if r.context, err = r.s.context(r.ctx, h.Context); err != nil {
				return err
			}
			r.known = true
		}
		return nil
	}
	if c, err := codec.DecodeContext(rec.Value); err == nil {
		r.context, r.known = c, true
		r.s.next()
		r.s.past(it.number)
	}
	return nil
}

// peek returns the packet that the handler gets next.
func (s *served) peek() (item, bool) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if s.handed == len(s.items) {
		return item{}, false
	}
	return s.items[s.handed], true
}

// ID returns the stream's id; for records of other programs it is their key, and empty when they have none.
func (r *StreamReader) ID() string { return r.s.id }

// Topic returns the topic of the stream.
func (r *StreamReader) Topic() string { return r.s.p.consumer.topic }

// Position returns where the packet stands that was given last.
func (r *StreamReader) Position() Position {
	return Position{Partition: int(r.s.p.id), Offset: r.current.offset, Written: writtenAt(&r.current)}
}

func writtenAt(it *item) time.Time {
	if it.record == nil {
		return time.Time{}
	}
	return it.record.Time
}

// End returns how the stream ended; NotEnded until Packets has come to its end.
func (r *StreamReader) End() End { return r.end }

// Properties returns what the stream is, as of the packet that was given last.
func (r *StreamReader) Properties() Properties { return fromCodecProperties(r.context.Properties) }

// Definitions returns what the stream's parameters mean, as of the packet that was given last.
func (r *StreamReader) Definitions() []Definition {
	out := make([]Definition, len(r.context.Parameters))
	for i, d := range r.context.Parameters {
		out[i] = fromCodecDefinition(d)
	}
	return out
}

// EventDefinitions returns what the stream's events mean, as of the packet that was given last.
func (r *StreamReader) EventDefinitions() []EventDefinition {
	out := make([]EventDefinition, len(r.context.Events))
	for i, d := range r.context.Events {
		out[i] = EventDefinition(d)
	}
	return out
}

// Number returns the handle of a parameter with numbers, whether the stream has it or not.
func (r *StreamReader) Number(name string) Number {
	return Number{r.names.resolve(codec.Number, name)}
}

// Text returns the handle of a parameter with texts.
func (r *StreamReader) Text(name string) Text { return Text{r.names.resolve(codec.Text, name)} }

// Bytes returns the handle of a parameter with bytes.
func (r *StreamReader) Bytes(name string) Bytes { return Bytes{r.names.resolve(codec.Bytes, name)} }

// Tag returns the handle of a tag.
func (r *StreamReader) Tag(name string) Tag { return Tag{r.names.resolve(codec.Tag, name)} }

// Packets gives the stream's packets in order, until it ends. Asking for the next one says that the handler is done with the one before (rows that a buffer still holds are not done).
// An error is the last thing that it gives: ErrRevoked, or that of the consumer's context. A loop that was left can be gone on with by another call.
func (r *StreamReader) Packets() iter.Seq2[Packet, error] {
	return func(yield func(Packet, error) bool) {
		for {
			p, err := r.next()
			if errors.Is(err, errNoMore) {
				return
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// next returns the next packet, errNoMore at the stream's end, or why there is none.
func (r *StreamReader) next() (Packet, error) {
	r.past()
	r.done() // whatever comes now: who asks is done with the packet before
	for {
		p, err, idle := r.ready()
		if !idle {
			return p, err
		}
		r.wait()
	}
}

// ready is next without waiting: idle says that there is nothing at the moment.
//
//go:noinline
func (r *StreamReader) ready() (_ Packet, _ error, idle bool) {
	for {
		if r.ctx.Err() != nil || r.late {
			return nil, r.gone(), false
		}
		if p := r.fromViews(); p != nil {
			return p, nil, false
		}
		if len(r.out) > 0 {
			d := r.out[0]
			if r.out = r.out[1:]; len(r.out) == 0 {
				r.out = nil
			}
			return r.give(d), nil, false
		}
		if r.ending != NotEnded {
			r.end = r.ending
			return nil, errNoMore, false
		}
		r.done()
		it, ok := r.s.next()
		if !ok {
			return nil, nil, true
		}
		rec, err := r.s.record(r.ctx, &it)
		if err != nil {
			if r.ctx.Err() != nil {
				return nil, r.gone(), false
			}
			return nil, fail("read stream", r.Topic(), r.ID(), fmt.Errorf("offset %d of partition %d, for the second time: %w", it.offset, r.s.p.id, err)), false
		}
		it.record = rec
		r.read(it)
	}
}

// gone is why there are no packets any more.
func (r *StreamReader) gone() error {
	err := context.Cause(r.s.p.ctx)
	if err == nil {
		err = ErrClosed // the handler has returned
	}
	return fail("read stream", r.Topic(), r.ID(), err)
}

// past says that the handler has gone past the packet that it had.
func (r *StreamReader) past() {
	if r.emitted != nil {
		r.emitted.forget()
		r.emitted = nil
	}
	if r.current.record != nil && (r.feeding == nil || r.feeding.number != r.current.number) {
		r.s.past(r.current.number)
	}
	r.current.record = nil
}

// give makes a packet the handler's.
func (r *StreamReader) give(d delivery) Packet {
	r.current = d.item
	if r.marked < 0 {
		r.marked = d.item.number
	}
	return d.packet
}

// low is the number of the first packet that something still holds; the one that the handler has counts as done.
func (r *StreamReader) low() int64 {
	low := r.s.handedNumber()
	if r.feeding != nil {
		low = min(low, r.feeding.number)
	}
	for _, d := range r.out {
		low = min(low, d.item.number)
	}
	for _, v := range r.views {
		if v != r.emitted && v.rows() > 0 {
			low = min(low, v.first.number)
		}
	}
	return low
}

// done tells the partition what is done.
func (r *StreamReader) done() {
	low := r.low()
	if r.s.p.consumer.opts.Commit.Manual && r.marked >= 0 {
		low = min(low, r.marked)
	}
	r.s.release(low)
}

// Commit says that the packet which was given last and all before it are done, and commits what can be: an offset does not go past packets that other streams of
// the partition hold (Consumer.Held says which). nil says that the cluster has it.
func (r *StreamReader) Commit(ctx context.Context) error {
	c := r.s.p.consumer
	if c.opts.Group == "" {
		return &Error{Op: "commit stream", Topic: r.Topic(), Stream: r.ID(), Err: ErrNoGroup}
	}
	if r.ctx.Err() != nil || r.late {
		return r.gone()
	}
	r.marked = -1
	r.s.release(r.low())
	return c.commit(ctx, []*partition{r.s.p})
}

// read takes a packet apart.
func (r *StreamReader) read(it item) {
	rec := it.record
	h, err := codec.Header{}, error(nil)
	packet := false
	for _, x := range rec.Headers {
		if x.Key == codec.HeaderKey {
			packet = true
			h, err = codec.ParseHeader(x.Value)
			break
		}
	}
	if !packet {
		r.queue(rawOf(rec, nil), it)
		return
	}
	if err == nil {
		switch h.Kind {
		case codec.KindRows:
			err = r.readRows(h, it)
		case codec.KindEvent:
			var e codec.Event
			if e, err = codec.DecodeEvent(h.Format, rec.Value); err == nil {
				r.queue(&Event{Time: Time(e.Time), ID: e.ID, Value: e.Value, Tags: e.Tags}, it)
			}
		case codec.KindContext:
			err = r.readContext(it)
		case codec.KindEnd:
			var e codec.End
			if e, err = codec.DecodeEnd(rec.Value); err == nil {
				r.ending, r.flush = fromCodecEnd(e), true
			}
		}
	}
	if err != nil {
		r.s.p.consumer.broken(r.s, it.offset, err)
		r.queue(rawOf(rec, about{ErrBroken, err}), it)
	}
}

// queue gives a packet behind the rows that views hold.
func (r *StreamReader) queue(p Packet, it item) {
	r.flush = true
	r.out = append(r.out, delivery{packet: p, item: it})
}

func (r *StreamReader) readContext(it item) error {
	c, err := codec.DecodeContext(it.record.Value)
	if err != nil {
		return err
	}
	before := r.context
	r.context, r.known = c, true
	if !reflect.DeepEqual(before.Properties, c.Properties) {
		r.queue(&PropertiesChanged{Properties: r.Properties()}, it)
	}
	if !slices.Equal(before.Parameters, c.Parameters) || !slices.Equal(before.Events, c.Events) {
		r.queue(&DefinitionsChanged{Parameters: r.Definitions(), Events: r.EventDefinitions()}, it)
	}
	if len(r.out) == 0 {
		r.s.past(it.number)
	}
	return nil
}

func rawOf(rec *kafka.Record, err error) *Raw {
	raw := &Raw{Key: rec.Key, Value: rec.Value, Written: rec.Time, Err: err}
	for _, h := range rec.Headers {
		raw.Headers = append(raw.Headers, Header{Key: h.Key, Value: h.Value})
	}
	return raw
}

// rest lets go of memory that a stream without packets does not need.
func (r *StreamReader) rest() {
	if r.block != nil {
		r.direct.block = nil
		r.s.p.consumer.blocks.Put(r.block)
		r.block = nil
	}
}

// wait waits for the next packet, or for a view whose rows are old enough.
func (r *StreamReader) wait() {
	r.rest()
	var expired <-chan time.Time
	if due, ok := r.due(); ok {
		d := time.Until(due)
		if d <= 0 || r.s.p.short() {
			r.flush = r.flush || r.s.p.short()
			return
		}
		if r.timer == nil {
			r.timer = time.NewTimer(d)
		} else {
			r.timer.Reset(d)
		}
		expired = r.timer.C
	} else if r.held() && r.s.p.short() {
		r.flush = true
		return
	}
	select {
	case <-r.s.wake:
	case <-expired:
	case <-r.ctx.Done():
	}
}
