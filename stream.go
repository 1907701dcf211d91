package bobbin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Stream is an open stream of a Producer: all that comes from one source, in order, on one partition. Its rows, events and definitions belong to one goroutine
// at a time; Flush, Close and the closing of its producer may be called from others.
//
// Writing does not wait for the cluster but when too much is under way. A packet that could not be written makes the next call on the stream fail with the
// reason, once; Flush and Close return it too.
type Stream struct {
	producer  *Producer
	id        string
	key       []byte
	buffer    Buffer
	epoch     Time
	opened    chan struct{} // closed when opening is over
	openErr   error
	partition int32
	turn      chan struct{} // holds one token: who has it sends

	stage stage   // the row that is being given
	tags  []tag   // of each row
	spare builder // of the turn's holder

	mu      sync.Mutex
	names   columns
	rows    builder // what waits to be written
	timer   *time.Timer
	context codec.Context
	changed bool          // the context is to be written again
	written time.Time     // when it was written last
	newest  int64         // offset of the newest context that was acknowledged
	known   chan struct{} // closed when a changed context was answered; nil when none is under way
	waiting int           // packets that are not answered
	idle    chan struct{}
	lost    int // packets that were given up since it was said
	err     error
	closed  bool
}

// tag is a text of each row.
type tag struct {
	of    Tag
	value string
}

func newStream(p *Producer, id string, o StreamOptions) *Stream {
	s := &Stream{producer: p, id: id, key: []byte(id), buffer: o.Buffer, epoch: o.Epoch, opened: make(chan struct{}), turn: make(chan struct{}, 1), newest: codec.NoContext}
	s.context.Properties = toCodecProperties(o.Properties)
	for _, name := range slices.Sorted(maps.Keys(o.Tags)) {
		s.tags = append(s.tags, tag{Tag{s.names.resolve(codec.Tag, name)}, o.Tags[name]})
	}
	s.stage.init(s)
	return s
}

// open finds the stream's partition and writes its context.
func (s *Stream) open(ctx context.Context) {
	defer close(s.opened)
	s.openErr = func() error {
		n, err := s.producer.countPartitions(ctx)
		if err != nil {
			return err
		}
		s.partition = partitionOf(s.id, n)
		if d := s.producer.directory; d != nil {
			if s.partition, err = d.Place(ctx, s.id, s.partition); err != nil {
				return err
			}
		}
		s.changed = true
		return s.write(ctx)
	}()
	if s.openErr != nil {
		s.forget()
	}
}

// forget takes the stream out of its producer.
func (s *Stream) forget() {
	p := s.producer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams[s.id] == s {
		delete(p.streams, s.id)
	}
}

// ID returns the stream's id.
func (s *Stream) ID() string { return s.id }

// Partition returns the partition on which the stream is.
func (s *Stream) Partition() int { return int(s.partition) }

// Number returns the handle of a parameter with numbers. With a definition it says what they mean; the readers know before the next row. The same name gives the same handle.
func (s *Stream) Number(name string, def *Definition) Number {
	return Number{s.define(codec.Number, name, def)}
}

// Text returns the handle of a parameter with texts, as Number does.
func (s *Stream) Text(name string, def *Definition) Text {
	return Text{s.define(codec.Text, name, def)}
}

// Bytes returns the handle of a parameter with bytes, as Number does.
func (s *Stream) Bytes(name string, def *Definition) Bytes {
	return Bytes{s.define(codec.Bytes, name, def)}
}

// Tag returns the handle of a tag.
func (s *Stream) Tag(name string) Tag { return Tag{s.define(codec.Tag, name, nil)} }

func (s *Stream) define(kind codec.ColumnKind, name string, def *Definition) handle {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkName(name); err != nil {
		s.failed(err)
		return handle{}
	}
	h := s.names.resolve(kind, name)
	if def == nil {
		return h
	}
	if err := checkDefinition(name, def); err != nil {
		s.failed(err)
		return h
	}
	d := toCodecDefinition(*def)
	d.ID, d.Kind = name, kind
	i := slices.IndexFunc(s.context.Parameters, func(x codec.Definition) bool { return x.ID == name && x.Kind == kind })
	switch {
	case i < 0:
		s.context.Parameters = append(s.context.Parameters, d)
	case s.context.Parameters[i] == d:
		return h
	default:
		s.context.Parameters[i] = d
	}
	s.changed = true
	return h
}

// DefineEvent says what an event of the stream means. Readers know before the next packet.
func (s *Stream) DefineEvent(def EventDefinition) error {
	const op = "define an event of stream"
	if err := checkName(def.ID); err != nil {
		return s.error(op, err)
	}
	if err := checkTexts(def.Name, def.Description, def.Location); err != nil {
		return s.error(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := codec.EventDefinition(def)
	i := slices.IndexFunc(s.context.Events, func(x codec.EventDefinition) bool { return x.ID == d.ID })
	switch {
	case i < 0:
		s.context.Events = append(s.context.Events, d)
	case s.context.Events[i] == d:
		return nil
	default:
		s.context.Events[i] = d
	}
	s.changed = true
	return nil
}

// SetProperties replaces the stream's properties and writes them at once, behind the rows that wait.
func (s *Stream) SetProperties(ctx context.Context, p Properties) error {
	const op = "set the properties of stream"
	if err := checkProperties(p); err != nil {
		return s.error(op, err)
	}
	if err := s.take(op); err != nil {
		return err
	}
	if err := s.write(ctx); err != nil { // rows before it are of the old properties
		return err
	}
	s.mu.Lock()
	s.context.Properties = toCodecProperties(p)
	s.changed = true
	s.mu.Unlock()
	return s.write(ctx)
}

// Emit writes an event, behind the rows that wait. One without a time happens now.
func (s *Stream) Emit(ctx context.Context, e Event) error {
	const op = "write an event to stream"
	if err := s.take(op); err != nil {
		return err
	}
	if err := checkEvent(&e); err != nil {
		return s.error(op, err)
	}
	ev := codec.Event{Time: int64(e.Time + s.epoch), ID: e.ID, Value: e.Value, Tags: e.Tags}
	if e.Time == 0 {
		ev.Time = time.Now().UnixNano()
	}
	if len(s.tags) > 0 {
		ev.Tags = make(map[string]string, len(s.tags)+len(e.Tags))
		for _, t := range s.tags {
			ev.Tags[s.names.list[t.of.col].name] = t.value
		}
		maps.Copy(ev.Tags, e.Tags)
	}
	return s.sending(ctx, op, func() error {
		return s.sendPacket(ctx, codec.KindEvent, 0, func(dst []byte) ([]byte, error) { return codec.AppendEvent(dst, s.producer.format, &ev) })
	})
}

// Send writes the rows that wait as a packet of their own, and does not wait for its acknowledgement: it is for programs that know where their packets end.
func (s *Stream) Send(ctx context.Context) error {
	if err := s.take("write to stream"); err != nil {
		return err
	}
	return s.write(ctx)
}

// Flush writes the rows that wait and waits until all packets of the stream are acknowledged.
func (s *Stream) Flush(ctx context.Context) error {
	if err := s.write(ctx); err != nil {
		return err
	}
	return s.settle(ctx, "flush stream")
}

// Close writes what waits and the stream's end, and waits until all of it is acknowledged: nil says that everything is. The id can be opened again. Closing again does nothing.
func (s *Stream) Close(ctx context.Context, how End) error {
	const op = "close stream"
	ends := map[End]codec.End{Closed: codec.Closed, Aborted: codec.Aborted, Terminated: codec.Terminated}
	if _, ok := ends[how]; !ok {
		return s.error(op, invalidf("a stream ends Closed, Aborted or Terminated, not %v", how))
	}
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nil
	}
	err := s.sending(ctx, op, func() error {
		return s.sendPacket(ctx, codec.KindEnd, 0, func(dst []byte) ([]byte, error) { return codec.AppendEnd(dst, ends[how]), nil })
	})
	if err != nil {
		return err
	}
	s.end()
	err = s.settle(ctx, op)
	if d := s.producer.directory; d != nil && err == nil {
		err = fail(op, s.producer.topic, s.id, d.End(ctx, s.id))
	}
	s.forget()
	return err
}

// end makes further writing fail.
func (s *Stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// error makes an error about this stream.
func (s *Stream) error(op string, err error) error {
	return fail(op, s.producer.topic, s.id, err)
}

// failed keeps an error for the next call. mu is held.
func (s *Stream) failed(err error) { s.err = errors.Join(s.err, err) }

// broke keeps an error for the next call.
func (s *Stream) broke(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed(err)
}

// take returns why nothing can be written: what went wrong since it was said last, or that the stream is closed.
func (s *Stream) take(op string) error {
	if err := s.wrong(op); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.error(op, ErrClosed)
	}
	return nil
}

// wrong returns what went wrong since it was said last.
func (s *Stream) wrong(op string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err, lost := s.err, s.lost
	s.err, s.lost = nil, 0
	if lost > 0 {
		err = fmt.Errorf("%d packets before were not written: %w", lost, err)
	}
	return s.error(op, err)
}

// write sends the rows that wait, and the context when it has changed.
func (s *Stream) write(ctx context.Context) error {
	return s.sending(ctx, "write to stream", func() error { return nil })
}

// sending has the turn while it sends what waits and then what then sends.
func (s *Stream) sending(ctx context.Context, op string, then func() error) error {
	if ctx.Err() != nil {
		return s.error(op, context.Cause(ctx))
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return s.error(op, context.Cause(ctx))
	}
	defer func() { <-s.turn }()
	if err := s.sendRows(ctx); err != nil {
		return s.error(op, err)
	}
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	if changed {
		if err := s.sendContext(ctx); err != nil {
			return s.error(op, err)
		}
	}
	if err := then(); err != nil {
		return s.error(op, err)
	}
	return nil
}

// sendRows sends the rows that wait. The turn is held.
func (s *Stream) sendRows(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	n := len(s.rows.times)
	if n > 0 {
		s.rows, s.spare = s.spare, s.rows
	}
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	defer s.spare.reset()
	return s.sendRange(ctx, s.spare.finish(), 0, n)
}

// sendRange sends some rows as one packet, or as several when they are too large for one.
func (s *Stream) sendRange(ctx context.Context, b *codec.Block, from, to int) error {
	err := s.sendPacket(ctx, codec.KindRows, to-from, func(dst []byte) ([]byte, error) {
		return codec.AppendRange(dst, s.producer.format, b, from, to)
	})
	if errors.Is(err, ErrTooLarge) && to-from > 1 {
		half := (from + to) / 2
		if err := s.sendRange(ctx, b, from, half); err != nil {
			return err
		}
		return s.sendRange(ctx, b, half, to)
	}
	return err
}

// sendContext sends all that is known about the stream. What has changed is waited for: the packets behind it say where it stands, so that a reader who begins with one of them
// knows it. The turn is held.
func (s *Stream) sendContext(ctx context.Context) error {
	s.mu.Lock()
	c := s.context
	c.Parameters, c.Events = slices.Clone(c.Parameters), slices.Clone(c.Events)
	var known chan struct{}
	if s.changed {
		known = make(chan struct{})
		s.known = known
	}
	s.changed = false
	before := s.written
	s.written = time.Now()
	s.mu.Unlock()
	err := s.sendValue(ctx, codec.KindContext, 0, func(dst []byte) ([]byte, error) { return codec.AppendContext(dst, &c) })
	if err != nil {
		s.mu.Lock()
		s.changed, s.written, s.known = true, before, nil
		s.mu.Unlock()
		return err
	}
	if known != nil {
		select {
		case <-known:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sendPacket sends a packet, and before it the context when that has changed or is old. The turn is held.
func (s *Stream) sendPacket(ctx context.Context, kind codec.Kind, rows int, encode func([]byte) ([]byte, error)) error {
	s.mu.Lock()
	due := s.changed || time.Since(s.written) > s.producer.repeat
	s.mu.Unlock()
	if due && kind != codec.KindContext {
		if err := s.sendContext(ctx); err != nil {
			return err
		}
	}
	return s.sendValue(ctx, kind, rows, encode)
}

// sendValue encodes a packet and hands it over.
func (s *Stream) sendValue(ctx context.Context, kind codec.Kind, rows int, encode func([]byte) ([]byte, error)) error {
	p := s.producer
	buf := p.buffers.Get().(*[]byte)
	value, err := encode((*buf)[:0])
	*buf = value[:0]
	if err == nil && len(value)+len(s.key)+recordOverhead > p.kafka.MaxRecordBytes() {
		err = about{ErrTooLarge, fmt.Errorf("a packet of %d bytes, more than max.request.size %d", len(value), p.kafka.MaxRecordBytes())}
	}
	if err != nil {
		p.buffers.Put(buf)
		if errors.Is(err, codec.ErrInvalid) {
			err = about{ErrInvalid, err}
		}
		return err
	}
	s.mu.Lock()
	h := codec.Header{Kind: kind, Context: s.newest}
	if kind == codec.KindRows || kind == codec.KindEvent {
		h.Format = p.format
	}
	s.waiting++
	s.mu.Unlock()
	p.counts.packets.Add(1)
	p.counts.rows.Add(int64(rows))
	p.counts.bytes.Add(int64(len(value)))
	rec := kafka.Record{Topic: p.topic, Partition: s.partition, Key: s.key, Value: value, Headers: []kafka.Header{{Key: codec.HeaderKey, Value: h.Append(nil)}}}
	p.kafka.SendTo(ctx, rec, func(r kafka.Record, err error) {
		size := len(value)
		p.buffers.Put(buf)
		if err == nil {
			p.counts.rowsAcked.Add(int64(rows))
		}
		s.answered(kind, r.Offset, tooLarge(err, size))
	})
	return nil
}

// recordOverhead is what a record needs beside key and value at the most.
const recordOverhead = 128

// answered takes the cluster's answer to a packet.
func (s *Stream) answered(kind codec.Kind, offset int64, err error) {
	s.producer.count(err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	switch {
	case err != nil:
		s.lost++
		if s.lost == 1 {
			s.failed(err)
		}
		s.changed = s.changed || kind == codec.KindContext
	case kind == codec.KindContext:
		s.newest = max(s.newest, offset)
	}
	if kind == codec.KindContext && s.known != nil {
		close(s.known)
		s.known = nil
	}
	if s.waiting == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// settle waits until every packet is answered.
func (s *Stream) settle(ctx context.Context, op string) error {
	s.mu.Lock()
	var idle chan struct{}
	if s.waiting > 0 {
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle = s.idle
	}
	s.mu.Unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
			return s.error(op, fmt.Errorf("packets are not acknowledged yet: %w", context.Cause(ctx)))
		}
	}
	return s.wrong(op)
}

// added looks at the rows that wait after some were added to those before: it starts their time, or says that they are to be written. mu is held.
func (s *Stream) added(before int) (full bool) {
	if len(s.rows.times) >= s.buffer.Rows || s.rows.bytes >= packetBytes {
		return true
	}
	if s.buffer.Age > 0 && before == 0 {
		if s.timer == nil {
			s.timer = time.AfterFunc(s.buffer.Age, func() { s.producer.expire(s) })
		} else {
			s.timer.Reset(s.buffer.Age)
		}
	}
	return false
}

func checkTexts(texts ...string) error {
	for _, t := range texts {
		if !utf8.ValidString(t) {
			return invalidf("the text %.40q is not UTF-8", t)
		}
	}
	return nil
}

func sizeHint(size int) string {
	return fmt.Sprintf("a packet of %d bytes is more than the topic's max.message.bytes: write smaller rows or events, or raise it", size)
}
