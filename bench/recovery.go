package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	recoveryTopic      = "recovery"
	recoveryPartitions = 1000
	recoveryLimit      = 3 * time.Minute
)

// restarter prepares a server in dir and returns how to execute it, as often as is asked, on the same data.
type restarter func(ctx context.Context, dir string) (exec func() (*process, error), err error)

// recoveryContest compares the way back after SIGKILL under load: from exec to an acknowledged write and a read of the last
// acknowledged record of every partition.
func (b *bench) recoveryContest() contest {
	small, large := b.bytes/4, b.bytes
	c := contest{
		name: "recovery",
		about: fmt.Sprintf("SIGKILL under load with %.2f and %.2f GB in %d partitions → exec → a write acknowledged, every partition's last record read",
			float64(small)/1e9, float64(large)/1e9, recoveryPartitions),
		contestants: []contestant{
			{"quarter", b.recoveryTurn(b.restartBobbin, small)},
			{"full", b.recoveryTurn(b.restartBobbin, large)},
		},
		probe: b.throughputProbe,
		goals: []goal{
			{"Kafka (no sync) ÷ bobbin (sync), the same bytes", ratio("back_ms", "kafka", "quarter"), 50, true},
			{"bobbin, four times the bytes ÷ once", ratio("back_ms", "full", "quarter"), 1.2, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"kafka", b.recoveryTurn(b.restartKafka, small)})
	}
	return c
}

func (b *bench) restartBobbin(_ context.Context, dir string) (func() (*process, error), error) {
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return func() (*process, error) {
		return start("bobbin", addr, dir, os.Environ(), b.bobbinArgs(dir, addr)...)
	}, nil
}

func (b *bench) restartKafka(ctx context.Context, dir string) (func() (*process, error), error) {
	n, err := b.newKafka(ctx, dir)
	if err != nil {
		return nil, err
	}
	return n.exec, nil
}

// recoveryTurn gives a turn: fill, kill under load, start again, time it, and compare every partition's last record.
func (b *bench) recoveryTurn(prepare restarter, bytes int64) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		exec, err := prepare(ctx, dir)
		if err != nil {
			return nil, err
		}
		acked, err := b.fillAndKill(ctx, exec, bytes)
		if err != nil {
			return nil, err
		}
		if err := touch(b.touch); err != nil {
			return nil, err
		}
		p, err := exec()
		if err != nil {
			return nil, err
		}
		defer p.kill()
		f, err := comeBack(ctx, p, acked)
		if err != nil {
			return nil, fmt.Errorf("%w; the output of %s ends in:\n%s", err, p.name, p.out.String())
		}
		return f, nil
	}
}

// comeBack times a server's way back, from its exec.
func comeBack(ctx context.Context, p *process, acked *ledger) (figures, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, recoveryLimit, fmt.Errorf("not back %v after exec", recoveryLimit))
	defer cancel()
	if err := p.awaitListening(ctx); err != nil {
		return nil, err
	}
	listening := time.Since(p.started)
	if err := writeOne(ctx, p.addr, recoveryTopic); err != nil {
		return nil, err
	}
	written := time.Since(p.started)
	if err := readLast(ctx, p.addr, recoveryTopic, acked); err != nil {
		return nil, err
	}
	back := time.Since(p.started)
	resident, err := memory(p.pid(), "VmRSS")
	if err != nil {
		return nil, err
	}
	return figures{
		"listening_ms": ms(listening), "written_ms": ms(written), "back_ms": ms(back),
		"rss_mb": resident / 1e6, "records": float64(acked.records()),
	}, nil
}

// fillAndKill starts the server, writes until so many bytes are acknowledged, and kills it while the writing goes on.
func (b *bench) fillAndKill(ctx context.Context, exec func() (*process, error), bytes int64) (*ledger, error) {
	p, err := exec()
	if err != nil {
		return nil, err
	}
	defer p.kill()
	if err := p.awaitListening(ctx); err != nil {
		return nil, err
	}
	if err := createTopic(ctx, p.addr, recoveryTopic, recoveryPartitions); err != nil {
		return nil, err
	}
	l, err := startLoad(p.addr, recoveryTopic, recoveryPartitions)
	if err != nil {
		return nil, err
	}
	defer l.stop()
	for l.acked.bytes() < bytes || !l.acked.everywhere() {
		select {
		case <-p.done:
			return nil, fmt.Errorf("%s ended under load; its output ends in:\n%s", p.name, p.out.String())
		case <-l.done:
			return nil, fmt.Errorf("write the load: %w", l.err)
		default:
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
	p.kill()
	l.stop()
	return l.acked, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
