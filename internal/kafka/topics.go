package kafka

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// NewTopic is a topic to be made.
type NewTopic struct {
	Name              string
	Partitions        int32             // the cluster's default when 0
	ReplicationFactor int16             // the cluster's default when 0
	Configs           map[string]string // by Kafka's names
}

// Topic is a topic as the cluster shows it.
type Topic struct {
	Name       string
	ID         string // empty on clusters that have none
	Internal   bool   // the cluster's own
	Partitions []Partition
}

// Partition is one partition of a Topic, as the cluster shows it.
type Partition struct {
	ID          int32
	Leader      int32 // -1 when there is none
	LeaderEpoch int32
	Replicas    []int32
	ISR         []int32
	Err         error // why it does not serve; nil when it does
}

// NoPartition is the error for a partition that the topic does not have.
func (t Topic) NoPartition(op string, partition int32) *Error {
	return &Error{
		Op: op, Topic: t.Name, Kind: NotFound, Err: fmt.Errorf("there is no partition %d", partition),
		Hint: fmt.Sprintf("its partitions are 0 to %d", len(t.Partitions)-1),
	}
}

// CreateTopic makes a topic. It returns when every broker that answers shows it with its leaders, or five seconds later: a cluster says that a topic is made before its brokers know it.
func (c *Client) CreateTopic(ctx context.Context, t NewTopic) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	if t.Partitions == 0 {
		t.Partitions = -1
	}
	if t.ReplicationFactor == 0 {
		t.ReplicationFactor = -1
	}
	configs := make(map[string]*string, len(t.Configs))
	for k, v := range t.Configs {
		configs[k] = &v
	}
	r, err := c.admin.CreateTopic(ctx, t.Partitions, t.ReplicationFactor, configs, t.Name)
	if err != nil {
		return c.answer("create topic", t.Name, err, r.ErrMessage)
	}
	c.awaitShown(ctx, t.Name, 1)
	return nil
}

// awaitShown waits a few seconds until every broker that is known shows a topic with so many partitions: a cluster answers a change before all of its brokers have heard of it, and a client that asks one of the others next would not find it.
func (c *Client) awaitShown(ctx context.Context, name string, partitions int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, b := range c.base.DiscoveredBrokers() {
		for attempt := 0; !knows(ctx, b, name, partitions) && backoff(ctx, attempt); attempt++ {
		}
	}
}

// knows says whether a broker shows a topic with at least so many partitions and their leaders. One that does not answer is not waited for.
func knows(ctx context.Context, b *kgo.Broker, name string, partitions int) bool {
	req := kmsg.NewPtrMetadataRequest()
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = &name
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, b)
	if err != nil {
		return true
	}
	return len(resp.Topics) == 1 && resp.Topics[0].ErrorCode == 0 && len(resp.Topics[0].Partitions) >= partitions &&
		!slices.ContainsFunc(resp.Topics[0].Partitions, func(p kmsg.MetadataResponseTopicPartition) bool { return p.ErrorCode != 0 || p.Leader < 0 })
}

// DeleteTopic deletes a topic and all its records.
func (c *Client) DeleteTopic(ctx context.Context, name string) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	r, err := c.admin.DeleteTopic(ctx, name)
	return c.answer("delete topic", name, err, r.ErrMessage)
}

// answer makes an error of what a broker answered about a topic.
func (c *Client) answer(op, topic string, err error, detail string) error {
	err = c.wrap(op, topic, err)
	if own, ok := err.(*Error); ok {
		return own.withDetail(detail)
	}
	return err
}

// Topics returns all topics by name, the cluster's own included.
func (c *Client) Topics(ctx context.Context) ([]Topic, error) {
	answers, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, c.wrap("list topics", "", err)
	}
	out := make([]Topic, 0, len(answers))
	for i := range answers {
		if answers[i].Topic != nil {
			out = append(out, topicOf(&answers[i]))
		}
	}
	slices.SortFunc(out, func(a, b Topic) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Topic returns one topic.
func (c *Client) Topic(ctx context.Context, name string) (Topic, error) {
	const op = "describe topic"
	if name == "" {
		return Topic{}, &Error{Op: op, Kind: Invalid, Err: errors.New("the name is empty")}
	}
	ask := kmsg.NewMetadataRequestTopic()
	ask.Topic = &name
	answers, err := c.metadata(ctx, []kmsg.MetadataRequestTopic{ask})
	if err != nil {
		return Topic{}, c.wrap(op, name, err)
	}
	if len(answers) != 1 || answers[0].Topic == nil {
		return Topic{}, c.wrap(op, name, kerr.UnknownTopicOrPartition)
	}
	if err := kerr.ErrorForCode(answers[0].ErrorCode); err != nil {
		return Topic{}, c.wrap(op, name, err)
	}
	return topicOf(&answers[0]), nil
}

// metadata asks about some topics, or all when there are none. The admin client's own question is answered from a memory, which would
// show a topic that was deleted a moment ago.
func (c *Client) metadata(ctx context.Context, topics []kmsg.MetadataRequestTopic) ([]kmsg.MetadataResponseTopic, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = topics
	resp, err := req.RequestWith(ctx, c.base)
	if err != nil {
		return nil, err
	}
	return resp.Topics, nil
}

func topicOf(a *kmsg.MetadataResponseTopic) Topic {
	t := Topic{Name: *a.Topic, Internal: a.IsInternal}
	if a.TopicID != [16]byte{} {
		t.ID = base64.RawURLEncoding.EncodeToString(a.TopicID[:]) // as Kafka prints it
	}
	for _, p := range a.Partitions {
		t.Partitions = append(t.Partitions, Partition{
			ID: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR, Err: kerr.ErrorForCode(p.ErrorCode),
		})
	}
	slices.SortFunc(t.Partitions, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return t
}
