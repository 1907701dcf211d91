package main

import (
	"context"
	"fmt"
	"strconv"
)

const e2eRate = 10_000

// e2eContest compares the time from a record's intended moment to its reading, at a fixed rate: this broker synced, the floor
// of durable latency without a protocol, a broker in memory, and Kafka when it syncs each message.
func (b *bench) e2eContest() contest {
	c := contest{
		name:  "e2e-10k",
		about: fmt.Sprintf("end to end at %d records of 1 KiB a second for %v", e2eRate, b.e2eFor),
		contestants: []contestant{
			{"E0", b.floorTurn},
			{"bobbin", b.e2eTurn(b.startBobbin, e2eRate, 1)},
			{"kfake", b.e2eTurn(b.startKfake, e2eRate, 1)},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"p50, bobbin (sync) ÷ E0", ratio("p50_ms", "bobbin", "E0"), 2, false},
			{"p99, bobbin (sync) ÷ (kfake + E0)", func(r round) float64 {
				return r.get("bobbin", "p99_ms") / (r.get("kfake", "p99_ms") + r.get("E0", "p99_ms"))
			}, 1, false},
			{"p99, bobbin (sync) ÷ Kafka (flush.messages=1)", ratio("p99_ms", "bobbin", "kafka"), 0.25, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"kafka", b.e2eTurn(b.startKafka, e2eRate, 1, "-configs", "flush.messages=1")})
	}
	return c
}

// e2eTurn gives a turn of end-to-end latency on a broker, over so many topics of one partition.
func (b *bench) e2eTurn(server server, rate, topics int, more ...string) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := server(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		before, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		args := []string{"e2e", "-b", p.addr, "-topic", "e2e", "-parts", "1", "-rate", strconv.Itoa(rate), "-topics", strconv.Itoa(topics),
			"-for", b.e2eFor.String(), "-touch", strconv.Itoa(b.touch)}
		f, err := b.measure(ctx, dir, append(args, more...)...)
		if err != nil {
			return nil, err
		}
		after, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		peak, err := memory(p.pid(), "VmHWM")
		if err != nil {
			return nil, err
		}
		if f, err = b.latencies(f, rate); err != nil {
			return nil, err
		}
		f["cpu_s"], f["peak_mb"] = after-before, peak/1e6
		return f, nil
	}
}

// floorTurn is E0: one socket, one file, fdatasync, one reader.
func (b *bench) floorTurn(ctx context.Context, dir string) (figures, error) {
	f, err := b.measure(ctx, dir, "floor", "-rate", strconv.Itoa(e2eRate), "-for", b.e2eFor.String())
	if err != nil {
		return nil, err
	}
	return b.latencies(f, e2eRate)
}

// latencies checks that the records of all but the first second, which warms up, were read, and keeps the latencies.
func (b *bench) latencies(f figures, rate int) (figures, error) {
	want := float64(rate) * (b.e2eFor.Seconds() - 1)
	if n := f["n"]; n < 0.99*want || n > 1.01*want {
		return nil, fmt.Errorf("%.0f records were read, want %.0f within 1 %%", n, want)
	}
	kept := figures{}
	for _, name := range []string{"n", "p50_ms", "p99_ms", "p999_ms", "max_ms"} {
		kept[name] = f[name]
	}
	return kept, nil
}

// latencyProbe is a short E0's median.
func (b *bench) latencyProbe(ctx context.Context, dir string) (float64, error) {
	f, err := b.measure(ctx, dir, "floor", "-rate", strconv.Itoa(e2eRate), "-for", b.probeFor.String())
	return f["p50_ms"], err
}
