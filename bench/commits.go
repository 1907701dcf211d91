package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	commitRate    = 2000
	commitClients = 20
)

// commitsContest compares the time that a commit takes, from its intended moment to its answer, with the floor of durable latency at the same rate.
func (b *bench) commitsContest() contest {
	return contest{
		name:  "commits-2k",
		about: fmt.Sprintf("%d commits a second by %d groups for %v", commitRate, commitClients, b.e2eFor),
		contestants: []contestant{
			{"E0", func(ctx context.Context, dir string) (figures, error) {
				return b.measure(ctx, dir, "floor", "-rate", fmt.Sprint(commitRate), "-for", b.e2eFor.String())
			}},
			{"bobbin", b.commitsTurn},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"p99 of a commit, bobbin (sync) ÷ E0", ratio("p99_ms", "bobbin", "E0"), 3, false},
		},
	}
}

// commitsTurn commits at the rate, open loop: each client in its own time, the latency from the intended moment.
func (b *bench) commitsTurn(ctx context.Context, dir string) (figures, error) {
	p, err := b.startBobbin(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := createTopic(ctx, p.addr, "commits", commitClients); err != nil {
		return nil, err
	}
	var (
		committing sync.WaitGroup
		mu         sync.Mutex
		all        []time.Duration
		failed     error
	)
	start := time.Now().Add(500 * time.Millisecond)
	for i := range commitClients {
		committing.Go(func() {
			took, err := b.commit(ctx, p.addr, i, start)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			if err != nil {
				failed = err
			}
		})
	}
	committing.Wait()
	if failed != nil {
		return nil, failed
	}
	return latencyFigures(all), nil
}

// commit is one client, which commits as a consumer does: it knows its coordinator and the topic's id. What it measures in the first second does not
// count.
func (b *bench) commit(ctx context.Context, addr string, number int, start time.Time) ([]time.Duration, error) {
	c, err := newClient(addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	topics, err := kadm.NewClient(c).ListTopics(ctx, "commits")
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the topic's id: %w", err)
	}
	request, partition := kmsg.NewPtrOffsetCommitRequest(), kmsg.NewOffsetCommitRequestTopicPartition()
	request.Group, partition.Partition = fmt.Sprintf("committer-%d", number), int32(number)
	every := time.Second * commitClients / commitRate
	due := start.Add(every * time.Duration(number) / commitClients)
	var took []time.Duration
	for offset := int64(1); due.Before(start.Add(b.e2eFor)); offset++ {
		if err := pause(ctx, time.Until(due)); err != nil {
			return nil, err
		}
		partition.Offset = offset
		request.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "commits", TopicID: topics["commits"].ID, Partitions: []kmsg.OffsetCommitRequestTopicPartition{partition}}}
		answer, err := request.RequestWith(ctx, c)
		if err == nil {
			err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
		}
		if err != nil {
			return nil, fmt.Errorf("commit as %s: %w", request.Group, err)
		}
		if due.After(start.Add(time.Second)) {
			took = append(took, time.Since(due))
		}
		due = due.Add(every)
	}
	return took, nil
}
