package main

import (
	"context"
	"fmt"
	"time"
)

const tenThousand = 10_000

// createContest times the creation of many topics.
func (b *bench) createContest() contest {
	c := contest{
		name:  "create-10k",
		about: fmt.Sprintf("%d topics of one partition are created, %d a request", tenThousand, 500),
		contestants: []contestant{
			{"bobbin", b.createTurn(b.startBobbin)},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"seconds, bobbin ÷ Kafka", ratio("seconds", "bobbin", "kafka"), 0.2, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"kafka", b.createTurn(b.startKafka)})
	}
	return c
}

func (b *bench) createTurn(server server) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := server(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		start := time.Now()
		if err := createTopics(ctx, p.addr, "topic", tenThousand); err != nil {
			return nil, err
		}
		took := time.Since(start)
		resident, err := memory(p.pid(), "VmRSS")
		if err != nil {
			return nil, err
		}
		return figures{"seconds": took.Seconds(), "rss_mb": resident / 1e6}, nil
	}
}
