package streams

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Packet is a record of a stream. Of Context, Rows, Event and End the one of its Header.Kind counts, and none when Err is set.
type Packet struct {
	Stream    string
	Partition int32
	Offset    int64
	Written   time.Time
	Size      int // bytes of the value
	Header    codec.Header
	Context   *codec.Context
	Rows      *codec.Block
	Event     *codec.Event
	End       codec.End
	Err       error // why it cannot be read
}

// Decoder reads packets. It belongs to one goroutine and keeps its memory.
type Decoder struct{ block codec.Block }

// Decode reads a record as a packet; false says that it is none, but a record of another program. Rows are valid until the next call.
func (d *Decoder) Decode(r *kafka.Record) (Packet, bool) { return decode(r, &d.block) }

// decode reads rows into a block.
func decode(r *kafka.Record, into *codec.Block) (Packet, bool) {
	var header []byte
	found := false
	for _, h := range r.Headers {
		if h.Key == codec.HeaderKey {
			header, found = h.Value, true
			break
		}
	}
	if !found {
		return Packet{}, false
	}
	p := Packet{Stream: string(r.Key), Partition: r.Partition, Offset: r.Offset, Written: r.Time, Size: len(r.Value)}
	if p.Header, p.Err = codec.ParseHeader(header); p.Err != nil {
		return p, true
	}
	switch p.Header.Kind {
	case codec.KindContext:
		c, err := codec.DecodeContext(r.Value)
		p.Context, p.Err = &c, err
	case codec.KindRows:
		p.Rows, p.Err = into, codec.DecodeRows(p.Header.Format, r.Value, into)
	case codec.KindEvent:
		e, err := codec.DecodeEvent(p.Header.Format, r.Value)
		p.Event, p.Err = &e, err
	case codec.KindEnd:
		p.End, p.Err = codec.DecodeEnd(r.Value)
	}
	return p, true
}

// contextAt reads the context packet of a stream at an offset. One that is gone is an empty context.
func contextAt(ctx context.Context, c *kafka.Client, topic, stream string, partition int32, offset int64) (codec.Context, error) {
	if offset < 0 {
		return codec.Context{}, nil
	}
	r, err := c.NewReader(ctx, kafka.ReaderOptions{Topic: topic, Partitions: []int32{partition}, Starts: map[int32]int64{partition: offset}, UntilEnd: true})
	if err != nil {
		return codec.Context{}, err
	}
	defer r.Close()
	records, err := r.Poll(ctx, 1)
	if errors.Is(err, io.EOF) {
		return codec.Context{}, nil
	}
	if err != nil {
		return codec.Context{}, err
	}
	p, ok := decode(&records[0], new(codec.Block))
	if !ok || p.Err != nil || p.Context == nil || p.Offset != offset || p.Stream != stream {
		return codec.Context{}, nil
	}
	return *p.Context, nil
}
