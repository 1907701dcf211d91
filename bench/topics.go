package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
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
			{"lean-one", b.leanTurn(b.startBobbin, manyTopics, 1)},
			{"lean-thousand", b.leanTurn(b.startBobbin, manyTopics, manyTopics)},
			{"idle", b.idleTurn},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"p99, 1,000 topics ÷ 1 topic", ratio("p99_ms", "thousand", "one"), 2, false},
			{"the same with lean clients", ratio("p99_ms", "lean-thousand", "lean-one"), 2, false},
			{"bytes of live memory per idle partition", only("bytes_live", "idle"), 2048, false},
		},
	}
}

// tenThousandContest compares ten thousand topics, each written once a second, with one topic at the same total rate. Its clients are lean: those of the
// measuring program take both cores and read a third of the records in time, whatever the broker is.
func (b *bench) tenThousandContest() contest {
	return contest{
		name:  "topics-10k",
		about: fmt.Sprintf("%d records a second for %v, to one topic and to %d", tenThousand, b.e2eFor, tenThousand),
		contestants: []contestant{
			{"one", b.leanTurn(b.startBobbin, tenThousand, 1)},
			{"ten-thousand", b.leanTurn(b.startBobbin, tenThousand, tenThousand)},
			{"kfake", b.leanTurn(b.startKfake, tenThousand, tenThousand)},
		},
		probe:     b.latencyProbe,
		keepFiles: true,
		goals: []goal{
			{"p99, 10,000 topics ÷ 1 topic", ratio("p99_ms", "ten-thousand", "one"), 2, false},
			{"p99 with 10,000 topics, bobbin (sync) ÷ kfake (in memory)", ratio("p99_ms", "ten-thousand", "kfake"), 1, false},
		},
	}
}

// tight makes the collector give back what does not live, so that the memory that is weighed is what partitions hold. With the
// broker's own settings, garbage of a few megabytes comes and goes between two weighings.
var tight = []string{"GOGC=10", "GOMEMLIMIT=1MiB"}

// idleTurn weighs partitions twice: what lives, and what is resident with the collector as it is in use.
func (b *bench) idleTurn(ctx context.Context, dir string) (figures, error) {
	live, err := b.weigh(ctx, filepath.Join(dir, "live"), tight)
	if err != nil {
		return nil, err
	}
	resident, err := b.weigh(ctx, filepath.Join(dir, "resident"), nil)
	if err != nil {
		return nil, err
	}
	return figures{"bytes_live": live, "bytes_resident": resident}, nil
}

// weigh creates topics of one partition and returns by how many bytes each lets the broker grow. The first thousand, which do
// not count, bring its tables and buffers to size.
func (b *bench) weigh(ctx context.Context, dir string, env []string) (float64, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return 0, fmt.Errorf("make a fresh directory: %w", err)
	}
	p, err := b.startBobbinWith(ctx, dir, env)
	if err != nil {
		return 0, err
	}
	defer p.kill()
	if err := createTopics(ctx, p.addr, "first", manyTopics); err != nil {
		return 0, err
	}
	before, err := restingMemory(ctx, p)
	if err != nil {
		return 0, err
	}
	if err := createTopics(ctx, p.addr, "idle", b.idle); err != nil {
		return 0, err
	}
	after, err := restingMemory(ctx, p)
	return (after - before) / float64(b.idle), err
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
