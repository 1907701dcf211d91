package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Offsets are the bounds of one partition: what can be read is from Start up to End, without End.
type Offsets struct {
	Partition int32
	Start     int64
	End       int64
}

// Offsets returns the bounds of a topic's partitions by number.
func (c *Client) Offsets(ctx context.Context, topic string) ([]Offsets, error) {
	starts, err := c.list(ctx, topic, func(ctx context.Context) (kadm.ListedOffsets, error) { return c.admin.ListStartOffsets(ctx, topic) })
	if err != nil {
		return nil, err
	}
	ends, err := c.list(ctx, topic, func(ctx context.Context) (kadm.ListedOffsets, error) { return c.admin.ListEndOffsets(ctx, topic) })
	if err != nil {
		return nil, err
	}
	out := make([]Offsets, 0, len(ends))
	for p := range int32(len(ends)) {
		// A partition that was added between the two questions is empty as far as this answer goes.
		s, ok := starts[p]
		if !ok {
			s = ends[p]
		}
		out = append(out, Offsets{Partition: p, Start: s, End: max(ends[p], s)})
	}
	return out, nil
}

// offsetsAt returns for each partition the offset of the first record that is not older than t, or its end.
func (c *Client) offsetsAt(ctx context.Context, topic string, t time.Time) (map[int32]int64, error) {
	return c.list(ctx, topic, func(ctx context.Context) (kadm.ListedOffsets, error) {
		return c.admin.ListOffsetsAfterMilli(ctx, t.UnixMilli(), topic)
	})
}

// list asks for one offset of each partition. The numbers of the partitions have no gaps.
func (c *Client) list(ctx context.Context, topic string, ask func(context.Context) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
	const op = "list offsets of topic"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	listed, err := ask(ctx)
	if err != nil {
		return nil, c.wrap(op, topic, err)
	}
	of := listed[topic]
	if len(of) == 0 {
		return nil, c.wrap(op, topic, kerr.UnknownTopicOrPartition)
	}
	out := make(map[int32]int64, len(of))
	for p, l := range of {
		if l.Err != nil {
			return nil, c.wrap(op, topic, l.Err)
		}
		out[p] = l.Offset
	}
	for p := range int32(len(out)) {
		if _, ok := out[p]; !ok {
			return nil, c.wrap(op, topic, fmt.Errorf("the cluster did not answer for partition %d; try again", p))
		}
	}
	return out, nil
}
