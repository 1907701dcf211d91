package kafka

import (
	"cmp"
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
)

// GroupReaderOptions of a GroupReader. Group and Topic must be set.
type GroupReaderOptions struct {
	Group, Topic string
	From         Place // where the group has committed nothing; an offset is not possible
}

// GroupReader reads the partitions of a topic that its group gives it. What it has read counts for the group when it is committed. It belongs to one goroutine.
type GroupReader struct {
	client *Client
	kgo    *kgo.Client
	topic  string
	buf    []Record
	raw    []*kgo.Record // of buf
	err    error         // met beside records; for the next Poll
}

// NewGroupReader joins a group. The reader has its own connections.
func (c *Client) NewGroupReader(ctx context.Context, opts GroupReaderOptions) (*GroupReader, error) {
	if _, err := c.Topic(ctx, opts.Topic); err != nil {
		return nil, err
	}
	var from kgo.Offset
	switch opts.From.kind {
	case atStart:
		from = kgo.NewOffset().AtStart()
	case atEnd:
		from = kgo.NewOffset().AtEnd()
	case atTime:
		from = kgo.NewOffset().AfterMilli(opts.From.time.UnixMilli())
	default:
		return nil, &Error{Op: "read topic", Topic: opts.Topic, Kind: Invalid, Err: errors.New("a group starts at start, end or a time, not at one offset of all partitions"),
			Hint: "set offsets with `bobbin group reset-offsets`"}
	}
	r := &GroupReader{client: c, topic: opts.Topic}
	var err error
	r.kgo, err = c.connect(append(
		append(c.set.consuming(0), c.set.joining()...),
		kgo.ConsumerGroup(opts.Group), kgo.ConsumeTopics(opts.Topic), kgo.ConsumeResetOffset(from), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
	)...)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Poll waits for records and returns at most limit of them, or as many as there are when it is 0. They are valid until the next Poll. While they are
// worked on no partition is given to another member.
func (r *GroupReader) Poll(ctx context.Context, limit int) ([]Record, error) {
	for {
		r.kgo.AllowRebalance()
		if err := r.err; err != nil {
			r.err = nil
			return nil, err
		}
		r.buf, r.raw = r.buf[:0], r.raw[:0]
		r.kgo.PollRecords(ctx, limit).EachPartition(func(p kgo.FetchTopicPartition) {
			if p.Err != nil {
				r.err = cmp.Or(r.err, r.client.wrap("read topic", r.topic, p.Err))
				return
			}
			for _, k := range p.Records {
				r.buf, r.raw = append(r.buf, fromKgo(k)), append(r.raw, k)
			}
		})
		if len(r.buf) > 0 {
			return r.buf, nil
		}
	}
}

// Commit makes all that the last Poll returned count as read by the group.
func (r *GroupReader) Commit(ctx context.Context) error {
	ctx, cancel := r.client.bound(ctx)
	defer cancel()
	return r.client.wrap("commit offsets of topic", r.topic, r.kgo.CommitRecords(ctx, r.raw...))
}

// Close leaves the group and ends the reader's connections.
func (r *GroupReader) Close() {
	r.kgo.AllowRebalance()
	r.kgo.CloseAllowingRebalance()
}
