package kafka

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// AlterTopic sets some settings of a topic and removes others, so that they are at their defaults again; the rest stay.
func (c *Client) AlterTopic(ctx context.Context, name string, set map[string]string, remove []string) error {
	const op = "alter topic"
	var changes []kadm.AlterConfig
	for _, k := range slices.Sorted(maps.Keys(set)) {
		v := set[k]
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: &v})
	}
	for _, k := range remove {
		changes = append(changes, kadm.AlterConfig{Op: kadm.DeleteConfig, Name: k})
	}
	ctx, cancel := c.bound(ctx)
	defer cancel()
	rs, err := c.admin.AlterTopicConfigs(ctx, changes, name)
	if err != nil {
		return c.wrap(op, name, err)
	}
	r, err := rs.On(name, nil)
	if err == nil {
		err = r.Err
	}
	return c.answer(op, name, err, r.ErrMessage)
}

// SetPartitions raises the number of a topic's partitions to total. Like CreateTopic it returns when every broker that answers shows them, or five seconds later.
func (c *Client) SetPartitions(ctx context.Context, name string, total int) error {
	const op = "add partitions to topic"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	rs, err := c.admin.UpdatePartitions(ctx, total, name)
	if err != nil {
		return c.wrap(op, name, err)
	}
	r, err := rs.On(name, nil)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		return c.answer(op, name, err, r.ErrMessage)
	}
	c.awaitShown(ctx, name, total)
	return nil
}

// DeleteRecords deletes what stands before an offset of a partition, all of it when the offset is -1, and returns the offset at which the partition starts then.
func (c *Client) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) (int64, error) {
	const op = "delete records of topic"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	var os kadm.Offsets
	os.AddOffset(topic, partition, before, -1)
	rs, err := c.admin.DeleteRecords(ctx, os)
	if err != nil {
		return -1, c.wrap(op, topic, err)
	}
	r, err := rs.On(topic, partition, nil)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		return -1, c.wrap(op, topic, err)
	}
	return r.LowWatermark, nil
}
