package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	replayTopic = "replay"
	replayParts = 4
	// replayMargin is how long a paced reader may read besides the tail's time: the tail's clients start and end.
	replayMargin = 8 * time.Second
)

// replayContest reads back what was written long ago, as fast as a client can, and paced beside a tail of new records.
func (b *bench) replayContest() contest {
	c := contest{
		name:  "replay",
		about: fmt.Sprintf("%.1f GB of records of 1 KiB are read from the start; and at half that rate beside a tail of %d records a second", float64(b.replayBytes())/1e9, e2eRate),
		contestants: []contestant{
			{"bobbin", b.replayTurn(b.startBobbin)},
			{"tail", b.e2eTurn(b.startBobbin, e2eRate, 1)},
			{"tail-and-replay", b.besideReplay(b.startBobbin)},
		},
		probe: b.throughputProbe,
		goals: []goal{
			{"records a second, bobbin ÷ Kafka", ratio("rec_s", "bobbin", "kafka"), 1, true},
			{"server CPU per GB, bobbin ÷ Kafka", ratio("cpu_s_gb", "bobbin", "kafka"), 0.8, false},
			{"p99 of the tail, with the replay ÷ without", ratio("p99_ms", "tail-and-replay", "tail"), 3, false},
			{"pace that the replay kept beside the tail", only("of_pace", "tail-and-replay"), 0.8, true},
			{"p99 of the tail with the replay, bobbin ÷ Kafka", ratio("p99_ms", "tail-and-replay", "kafka-tail-and-replay"), 1, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants,
			contestant{"kafka", b.replayTurn(b.startKafka)},
			contestant{"kafka-tail", b.e2eTurn(b.startKafka, e2eRate, 1)},
			contestant{"kafka-tail-and-replay", b.besideReplay(b.startKafka)})
	}
	return c
}

// replayBytes is half of what a turn of producing writes: 4 GiB when nothing else is asked for.
func (b *bench) replayBytes() int64 { return b.bytes / 2 }

// fillReplay writes records that are read back until there are so many, and returns how many there are; have are there already.
func (b *bench) fillReplay(ctx context.Context, dir string, p *process, have, want int64) (total int64, err error) {
	for total = have; total < want; {
		f, err := b.measure(ctx, dir, "produce", "-b", p.addr, "-topic", replayTopic, "-size", "1024", "-parts", strconv.Itoa(replayParts), "-for", "2s", "-touch", "0")
		if err != nil {
			return 0, err
		}
		total += int64(f["total"])
	}
	return total, checkCount(ctx, p.addr, replayTopic, total)
}

func (b *bench) replayTurn(server server) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, _, f, err := b.replayed(ctx, dir, server)
		if err != nil {
			return nil, err
		}
		p.kill()
		return f, nil
	}
}

// replayed starts a server, fills it, and reads everything once. The caller ends the server.
func (b *bench) replayed(ctx context.Context, dir string, server server) (_ *process, total int64, _ figures, err error) {
	p, err := server(ctx, dir)
	if err != nil {
		return nil, 0, nil, err
	}
	defer func() {
		if err != nil {
			p.kill()
		}
	}()
	if total, err = b.fillReplay(ctx, dir, p, 0, b.replayBytes()/1024); err != nil {
		return nil, 0, nil, err
	}
	if err := settle(ctx); err != nil {
		return nil, 0, nil, err
	}
	f, err := b.replayAll(ctx, dir, p, total)
	return p, total, f, err
}

// replayAll reads everything once.
func (b *bench) replayAll(ctx context.Context, dir string, p *process, total int64) (figures, error) {
	before, err := cpuSeconds(p.pid())
	if err != nil {
		return nil, err
	}
	f, err := b.measure(ctx, dir, "consume", "-b", p.addr, "-topic", replayTopic, "-n", strconv.FormatInt(total, 10), "-touch", strconv.Itoa(b.touch))
	if err != nil {
		return nil, err
	}
	if int64(f["n"]) < total {
		return nil, fmt.Errorf("%.0f of %d records were read", f["n"], total)
	}
	after, err := cpuSeconds(p.pid())
	if err != nil {
		return nil, err
	}
	return figures{"rec_s": f["rec_s"], "mb_s": f["mb_s"], "cpu_s_gb": (after - before) / (float64(total) * 1024 / 1e9)}, nil
}

// besideReplay measures the tail while a reader goes through the old records at half the rate that it can.
func (b *bench) besideReplay(server server) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, total, f, err := b.replayed(ctx, dir, server)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		pace := f["rec_s"] / 2
		if _, err := b.fillReplay(ctx, dir, p, total, int64(pace*(b.e2eFor+replayMargin).Seconds())); err != nil {
			return nil, err
		}
		if err := settle(ctx); err != nil {
			return nil, err
		}
		reading, stop := context.WithCancel(ctx)
		defer stop()
		read, done := int64(0), make(chan error, 1)
		began := time.Now()
		go func() {
			n, err := replayPaced(reading, p.addr, pace)
			read = n
			done <- err
		}()
		tail, err := b.e2eTurn(func(context.Context, string) (*process, error) { return p, nil }, e2eRate, 1)(ctx, dir)
		took := time.Since(began)
		stop()
		if failed := <-done; err == nil {
			err = failed
		}
		if err != nil {
			return nil, err
		}
		tail["replay_rec_s"] = float64(read) / took.Seconds()
		tail["of_pace"] = tail["replay_rec_s"] / pace
		return tail, nil
	}
}

// replayPaced reads the old records at a rate until ctx ends, and returns how many it read. When there are no more of them it ends: who reads the same
// records again and again has the broker fill the page cache, which is another thing.
func replayPaced(ctx context.Context, addr string, rate float64) (read int64, err error) {
	c, err := newClient(addr, kgo.ConsumeTopics(replayTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(5<<20))
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	for idle := 0; idle < 3; {
		polling, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		n := c.PollFetches(polling).NumRecords()
		cancel()
		if ctx.Err() != nil {
			return read, nil
		}
		if idle++; n > 0 {
			idle = 0
		}
		read += int64(n)
		ahead := time.Duration(float64(read)/rate*float64(time.Second)) - time.Since(began)
		if ahead > 0 && pause(ctx, ahead) != nil {
			return read, nil
		}
	}
	return read, nil
}
