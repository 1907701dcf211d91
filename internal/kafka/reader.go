package kafka

import (
	"cmp"
	"context"
	"errors"
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
	next   map[int32]int64 // of the same partitions: the offset behind the last record
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
		r.ends, r.next = make(map[int32]int64, len(bounds)), make(map[int32]int64, len(bounds))
	}
	for _, b := range bounds {
		if opts.UntilEnd {
			if b.Start >= b.End {
				continue
			}
			r.ends[b.Partition], r.next[b.Partition] = b.End, b.Start
		}
		from[b.Partition] = kgo.NewOffset().At(b.Start)
	}
	if len(from) == 0 {
		return r, nil
	}
	r.kgo, err = c.connect(append(
		c.set.consuming(0),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{opts.Topic: from}),
		// The end of a partition can be a marker of a transaction: without it UntilEnd would wait for ever.
		kgo.KeepControlRecords(),
	)...)
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
		polling, cancel := ctx, context.CancelFunc(func() {})
		if r.ends != nil {
			polling, cancel = context.WithTimeout(ctx, stalled)
		}
		r.kgo.PollRecords(polling, limit).EachPartition(func(p kgo.FetchTopicPartition) {
			if p.Err != nil && (ctx.Err() != nil || polling.Err() == nil || !errors.Is(p.Err, context.DeadlineExceeded)) {
				r.err = cmp.Or(r.err, r.client.wrap("read topic", r.topic, p.Err))
				return
			}
			r.take(p.Partition, p.Records)
		})
		waited := polling.Err() != nil
		cancel()
		if len(r.buf) > 0 {
			return r.buf, nil
		}
		if waited && r.err == nil && ctx.Err() == nil {
			// The client library waits for a cluster that is away; so does this.
			if err := r.passGone(ctx); !passing(err) {
				r.err = err
			}
		}
	}
}

// stalled is how long a reader until the end waits for records before it looks whether there are any.
const stalled = 500 * time.Millisecond

// passGone ends partitions that have no record any more up to their end. Retention or a deletion may have taken all, and compaction leaves an empty batch of which the client library says nothing.
func (r *Reader) passGone(ctx context.Context) error {
	t, err := r.client.Topic(ctx, r.topic)
	if err != nil {
		return err
	}
	all, err := r.client.Offsets(ctx, r.topic)
	if err != nil {
		return err
	}
	for _, b := range all {
		end, open := r.ends[b.Partition]
		if !open || int(b.Partition) >= len(t.Partitions) {
			continue
		}
		at := max(r.next[b.Partition], b.Start)
		for at < end {
			asking, cancel := r.client.bound(ctx)
			batch, next, err := r.client.fetchAt(asking, &t, b.Partition, at)
			cancel()
			if err != nil || len(batch.Records) > 0 || next == at {
				break // the client library gets the records, and meets the error if it stays
			}
			at = next
		}
		r.reached(b.Partition, at)
	}
	return nil
}

// reached ends a partition that was read up to its end.
func (r *Reader) reached(partition int32, next int64) {
	if r.next[partition] = next; next >= r.ends[partition] {
		delete(r.ends, partition)
		r.kgo.PauseFetchPartitions(map[string][]int32{r.topic: {partition}})
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
	if n := len(records); bounded && n > 0 {
		r.reached(partition, records[n-1].Offset+1)
	}
}

// Close ends the reader's connections.
func (r *Reader) Close() {
	if r.kgo != nil {
		r.kgo.Close()
	}
}
