package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// adminLimit bounds creating topics and asking for offsets.
const adminLimit = 2 * time.Minute

// newClient makes a client that tries again at once: a server that has just started is asked until it answers.
func newClient(addr string, more ...kgo.Opt) (*kgo.Client, error) {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(addr),
		kgo.RetryBackoffFn(func(int) time.Duration { return 2 * time.Millisecond }),
		kgo.RequestRetries(1 << 20),
		kgo.MetadataMinAge(10 * time.Millisecond),
		kgo.UnknownTopicRetries(-1),
	}, more...)...)
	if err != nil {
		return nil, fmt.Errorf("make a client of %s: %w", addr, err)
	}
	return client, nil
}

// createTopic creates one topic with so many partitions.
func createTopic(ctx context.Context, addr, topic string, partitions int) error {
	return create(ctx, addr, partitions, topic)
}

// createTopics creates topics of one partition, named by a prefix and a number.
func createTopics(ctx context.Context, addr, prefix string, count int) error {
	const atOnce = 500
	for from := 0; from < count; from += atOnce {
		names := make([]string, 0, atOnce)
		for i := from; i < min(from+atOnce, count); i++ {
			names = append(names, fmt.Sprintf("%s-%d", prefix, i))
		}
		if err := create(ctx, addr, 1, names...); err != nil {
			return err
		}
	}
	return nil
}

func create(ctx context.Context, addr string, partitions int, names ...string) error {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	client, err := newClient(addr)
	if err != nil {
		return err
	}
	defer client.Close()
	answers, err := kadm.NewClient(client).CreateTopics(ctx, int32(partitions), -1, nil, names...)
	for _, a := range answers {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		return fmt.Errorf("create %d topics from %s on: %w", len(names), names[0], err)
	}
	return nil
}

// checkCount compares the number of records in a topic with what was acknowledged.
func checkCount(ctx context.Context, addr, topic string, want int64) error {
	ctx, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	client, err := newClient(addr)
	if err != nil {
		return err
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("ask how many records %s has: %w", topic, err)
	}
	var have int64
	ends.Each(func(o kadm.ListedOffset) { have += o.Offset })
	if have != want {
		return fmt.Errorf("topic %s has %d records, %d were acknowledged: a wrong run has no speed", topic, have, want)
	}
	return nil
}
