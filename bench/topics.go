package main

import (
	"context"
	"fmt"
	"math"
	"time"
)

const manyTopics = 1000

// topicsContest compares a thousand topics, each written once a second, with one topic at the same total rate, and weighs
// partitions that are not used.
func (b *bench) topicsContest() contest {
	return contest{
		name:  "topics-1000",
		about: fmt.Sprintf("%d records a second for %v, to one topic and to %d; memory of %d idle partitions", manyTopics, b.e2eFor, manyTopics, b.idle),
		contestants: []contestant{
			{"one", b.e2eTurn(b.startBobbin, manyTopics, 1)},
			{"thousand", b.e2eTurn(b.startBobbin, manyTopics, manyTopics)},
			{"idle", b.idleTurn},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"p99, 1,000 topics ÷ 1 topic", ratio("p99_ms", "thousand", "one"), 2, false},
			{"bytes of memory per idle partition", func(r round) float64 { return r.get("idle", "bytes_partition") }, 2048, false},
		},
	}
}

// idleTurn creates topics of one partition and weighs the broker before and after. The first thousand, which are not weighed,
// bring its tables and buffers to size.
func (b *bench) idleTurn(ctx context.Context, dir string) (figures, error) {
	p, err := b.startBobbin(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := createTopics(ctx, p.addr, "first", manyTopics); err != nil {
		return nil, err
	}
	before, err := restingMemory(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := createTopics(ctx, p.addr, "idle", b.idle); err != nil {
		return nil, err
	}
	after, err := restingMemory(ctx, p)
	if err != nil {
		return nil, err
	}
	return figures{"before_mb": before / 1e6, "after_mb": after / 1e6, "bytes_partition": (after - before) / float64(b.idle)}, nil
}

// restingMemory waits, up to 30 s, until the resident memory has stopped moving for two seconds, and returns it.
func restingMemory(ctx context.Context, p *process) (float64, error) {
	last := 0.0
	for range 15 {
		now, err := memory(p.pid(), "VmRSS")
		if err != nil {
			return 0, err
		}
		if math.Abs(now-last) < 0.005*now {
			return now, nil
		}
		last = now
		if err := pause(ctx, 2*time.Second); err != nil {
			return 0, err
		}
	}
	return last, nil
}
