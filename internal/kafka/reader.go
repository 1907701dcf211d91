package kafka

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ReaderOptions of a reader. Only Topic must be set.
type ReaderOptions struct {
	Topic      string
	Partitions []int32 // all that there are at the time of NewReader when empty
	From       Place
	Starts     map[int32]int64 // offsets of single partitions to start at instead of From; as At
	UntilEnd   bool            // end at what was the end of each partition at the time of NewReader
}

// Reader reads partitions of one topic, without a group. It belongs to one goroutine.
type Reader struct {
	client *Client
	kgo    *kgo.Client
	topic  string
	ends   map[int32]int64 // of partitions that are not read to their end yet; nil without UntilEnd
	buf    []Record
	err    error // met beside records; for the next Poll
}

// NewReader finds where to start in each partition. The reader has its own connections.
func (c *Client) NewReader(ctx context.Context, opts ReaderOptions) (*Reader, error) {
	if _, err := c.Topic(ctx, opts.Topic); err != nil {
		return nil, err
	}
	bounds, err := c.bounds(ctx, opts)
	if err != nil {
		return nil, err
	}
	r := &Reader{client: c, topic: opts.Topic}
	from := make(map[int32]kgo.Offset, len(bounds))
	if opts.UntilEnd {
		r.ends = make(map[int32]int64, len(bounds))
	}
	for _, b := range bounds {
		if opts.UntilEnd {
			if b.Start >= b.End {
				continue
			}
			r.ends[b.Partition] = b.End
		}
		from[b.Partition] = kgo.NewOffset().At(b.Start)
	}
	if len(from) == 0 {
		return r, nil
	}
	r.kgo, err = c.connect(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{opts.Topic: from}),
		kgo.FetchMaxWait(500*time.Millisecond),
		// The end of a partition can be a marker of a transaction: without it UntilEnd would wait for ever.
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// bounds returns where to start and where the end is now, for each partition to be read.
func (c *Client) bounds(ctx context.Context, opts ReaderOptions) ([]Offsets, error) {
	all, err := c.Offsets(ctx, opts.Topic)
	if err != nil {
		return nil, err
	}
	for _, p := range opts.Partitions {
		if p < 0 || int(p) >= len(all) {
			return nil, Topic{Name: opts.Topic, Partitions: make([]Partition, len(all))}.NoPartition("read topic", p)
		}
	}
	starts, err := c.places(ctx, opts.Topic, opts.From, all)
	if err != nil {
		return nil, err
	}
	var out []Offsets
	for _, b := range all {
		if len(opts.Partitions) > 0 && !slices.Contains(opts.Partitions, b.Partition) {
			continue
		}
		if at, ok := opts.Starts[b.Partition]; ok {
			b.Start = min(max(at, b.Start), b.End)
		} else {
			b.Start = starts[b.Partition]
		}
		out = append(out, b)
	}
	return out, nil
}

// places returns the offset that a place is in each partition, within its bounds; nothing when the place is NoStart.
func (c *Client) places(ctx context.Context, topic string, from Place, all []Offsets) (map[int32]int64, error) {
	var since map[int32]int64
	switch from.kind {
	case nowhere:
		return nil, nil
	case atTime:
		var err error
		if since, err = c.offsetsAt(ctx, topic, from.time); err != nil {
			return nil, err
		}
	}
	out := make(map[int32]int64, len(all))
	for _, b := range all {
		at := b.Start
		switch from.kind {
		case atEnd:
			at = b.End
		case atOffset:
			at = min(max(from.offset, b.Start), b.End)
		case atTime:
			at = b.End
			if first, ok := since[b.Partition]; ok && first >= 0 {
				at = max(first, b.Start)
			}
		}
		out[b.Partition] = at
	}
	return out, nil
}

// Poll waits for records and returns at most limit of them, or as many as there are when it is 0. They are valid until the
// next Poll; their bytes for as long as they are held. At the end it returns io.EOF.
func (r *Reader) Poll(ctx context.Context, limit int) ([]Record, error) {
	for {
		if err := r.err; err != nil {
			r.err = nil
			return nil, err
		}
		if r.kgo == nil || (r.ends != nil && len(r.ends) == 0) {
			return nil, io.EOF
		}
		r.buf = r.buf[:0]
		r.kgo.PollRecords(ctx, limit).EachPartition(func(p kgo.FetchTopicPartition) {
			if p.Err != nil {
				r.err = cmp.Or(r.err, r.client.wrap("read topic", r.topic, p.Err))
				return
			}
			r.take(p.Partition, p.Records)
		})
		if len(r.buf) > 0 {
			return r.buf, nil
		}
	}
}

// take keeps what is to be returned of one partition's records.
func (r *Reader) take(partition int32, records []*kgo.Record) {
	end, bounded := r.ends[partition]
	if r.ends != nil && !bounded {
		return
	}
	for _, k := range records {
		if bounded && k.Offset >= end {
			break
		}
		if !k.Attrs.IsControl() {
			r.buf = append(r.buf, fromKgo(k))
		}
	}
	if n := len(records); bounded && n > 0 && records[n-1].Offset >= end-1 {
		delete(r.ends, partition)
		r.kgo.PauseFetchPartitions(map[string][]int32{r.topic: {partition}})
	}
}

// Close ends the reader's connections.
func (r *Reader) Close() {
	if r.kgo != nil {
		r.kgo.Close()
	}
}
