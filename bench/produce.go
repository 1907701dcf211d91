package main

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

const produceTopic = "produce"

// produceContest compares sustained producing with acks=all: this broker synced, a null broker that appends to a growing file,
// and Kafka, neither of which syncs.
func (b *bench) produceContest(name string, size int, overN1, overKafka float64) contest {
	c := contest{
		name:  name,
		about: fmt.Sprintf("producing records of %d bytes to 4 partitions, acks=all, at least %v and %.1f GB a turn", size, b.dur, float64(b.bytes)/1e9),
		contestants: []contestant{
			{"N1", b.produceTurn(size, b.startNull("append"), 0, false)},
			{"bobbin", b.produceTurn(size, b.startBobbin, 0, true)},
		},
		probe: b.throughputProbe,
		goals: []goal{
			{"GB/s, bobbin (sync) ÷ N1 (no sync)", ratio("gb_s", "bobbin", "N1"), overN1, true},
			{"GB/s, bobbin (sync) ÷ Kafka (no sync)", ratio("gb_s", "bobbin", "kafka"), overKafka, true},
			{"server CPU per GB, bobbin (sync) ÷ Kafka (no sync)", ratio("cpu_s_gb", "bobbin", "kafka"), 1.0 / 3, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"kafka", b.produceTurn(size, b.startKafka, b.warm, true)})
	}
	return c
}

// produceTurn gives a turn of sustained producing. A server that keeps what it gets is asked how much that is. When the turn
// wrote fewer bytes than it should, it is done again on a fresh server for as long as its speed asks; later turns know.
func (b *bench) produceTurn(size int, server server, warm time.Duration, keeps bool) func(context.Context, string) (figures, error) {
	dur := b.dur
	return func(ctx context.Context, dir string) (figures, error) {
		for {
			f, err := b.produceOnce(ctx, dir, size, server, warm, dur, keeps)
			if err != nil {
				return nil, err
			}
			if written := f["total"] * float64(size); written < float64(b.bytes) {
				dur = time.Duration(float64(dur) * 1.15 * float64(b.bytes) / written).Round(100 * time.Millisecond)
				fmt.Fprintf(b.out, "a turn of %.2f GB is too short; now and later %v\n", written/1e9, dur)
				if err := b.clear(ctx, dir); err != nil {
					return nil, err
				}
				continue
			}
			return f, nil
		}
	}
}

func (b *bench) produceOnce(ctx context.Context, dir string, size int, server server, warm, dur time.Duration, keeps bool) (figures, error) {
	p, err := server(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer p.kill()
	produce := func(topic string, d time.Duration) (figures, error) {
		f, err := b.measure(ctx, dir, "produce", "-b", p.addr, "-topic", topic, "-size", strconv.Itoa(size), "-parts", "4",
			"-for", d.String(), "-touch", strconv.Itoa(b.touch))
		if err == nil && f["failed"] > 0 {
			err = fmt.Errorf("%s refused %.0f records", p.name, f["failed"])
		}
		return f, err
	}
	if warm > 0 {
		if _, err := produce("warm-up", warm); err != nil {
			return nil, err
		}
		if err := settle(ctx); err != nil {
			return nil, err
		}
	}
	before, err := cpuSeconds(p.pid())
	if err != nil {
		return nil, err
	}
	f, err := produce(produceTopic, dur)
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
	if keeps {
		if err := checkCount(ctx, p.addr, produceTopic, int64(f["total"])); err != nil {
			return nil, err
		}
	}
	return figures{
		"gb_s":     f["rec_s"] * float64(size) / 1e9,
		"rec_s":    f["rec_s"],
		"total":    f["total"],
		"cpu_s_gb": (after - before) / (f["total"] * float64(size) / 1e9),
		"peak_mb":  peak / 1e6,
	}, nil
}

// throughputProbe is the speed of a null broker that writes and syncs into a file that is there already: the machine's limit.
func (b *bench) throughputProbe(ctx context.Context, dir string) (float64, error) {
	p, err := b.startNull("sync")(ctx, dir)
	if err != nil {
		return 0, err
	}
	defer p.kill()
	f, err := b.measure(ctx, dir, "produce", "-b", p.addr, "-for", b.probeFor.String(), "-touch", strconv.Itoa(b.touch))
	return f["mb_s"], err
}
