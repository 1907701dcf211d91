package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// NewOffset is the offset that a group gets in one partition.
type NewOffset struct {
	TopicPartition
	Current int64 // -1 when nothing was committed
	New     int64
}

// PlanReset says which offsets a group would get in a topic's partitions for a place to start at; an offset that a partition does not reach becomes the
// nearest that it does. It changes nothing. A group with members is refused: they would overwrite what is set. One that does not exist is no error; it is made by CommitOffsets.
func (c *Client) PlanReset(ctx context.Context, group, topic string, partitions []int32, to Place) ([]NewOffset, error) {
	const op = "reset offsets of group"
	g, err := c.Group(ctx, group)
	if err != nil && KindOf(err) != NotFound {
		return nil, err
	}
	if err == nil && !g.Idle() {
		return nil, &Error{
			Op: op, Topic: group, Err: fmt.Errorf("the group is in use (members: %d, state: %s), and would overwrite the new offsets", len(g.Members), g.State),
			Hint: "stop the group's consumers first; `bobbin group describe` shows them",
		}
	}
	bounds, err := c.bounds(ctx, ReaderOptions{Topic: topic, Partitions: partitions, From: to})
	if err != nil {
		return nil, err
	}
	out := make([]NewOffset, 0, len(bounds))
	for _, b := range bounds {
		n := NewOffset{TopicPartition: TopicPartition{topic, b.Partition}, Current: -1, New: b.Start}
		for _, p := range g.Partitions {
			if p.TopicPartition == n.TopicPartition {
				n.Current = p.Committed
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// CommitOffsets commits offsets for a group that has no members. What is noted beside the offsets stays, so that a Feed still knows which partitions were added later.
func (c *Client) CommitOffsets(ctx context.Context, group string, offsets []NewOffset) error {
	const op = "commit offsets of group"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	old, err := c.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return c.wrap(op, group, err)
	}
	marks := make(map[string]string) // by topic
	old.Each(func(o kadm.OffsetResponse) {
		if partitionsOf(o.Metadata) > 0 {
			marks[o.Topic] = o.Metadata
		}
	})
	var os kadm.Offsets
	for _, o := range offsets {
		n := kadm.Offset{Topic: o.Topic, Partition: o.Partition, At: o.New, LeaderEpoch: -1, Metadata: marks[o.Topic]}
		if before, ok := old.Lookup(o.Topic, o.Partition); ok && before.Metadata != "" {
			n.Metadata = before.Metadata
		}
		os.Add(n)
	}
	rs, err := c.admin.CommitOffsets(ctx, group, os)
	if err != nil {
		return c.wrap(op, group, err)
	}
	var failed error
	rs.Each(func(r kadm.OffsetResponse) {
		if r.Err != nil {
			failed = errors.Join(failed, c.wrap(op, group, r.Err))
		}
	})
	return failed
}
