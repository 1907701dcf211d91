package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const streams = 12

// covered is what the results say about one stream: the rows 1 to upTo were counted, without a gap.
type covered struct {
	upTo    int64
	ended   bool
	results int
	again   int64 // rows that were counted more than once
}

// kills is how often an instance is killed.
func kills(t *testing.T) int {
	if s := os.Getenv("BOBBIN_KILLS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 10
}

// The pipeline is killed at random moments and started again, while a second and a third instance come and leave: every row is counted, the results of a stream are in order, and what is
// counted again is what a killed instance had not committed.
func TestKilledPipelineCountsEveryRow(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	b, err := broker.Open(ctx, broker.Options{Memory: true, Settings: map[string]string{"group.initial.rebalance.delay.ms": "0"}, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))})
	must(t, err)
	l, err := broker.Listen("127.0.0.1:0", false)
	must(t, err)
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()
	defer func() {
		must(t, b.Close())
		<-served
	}()
	address := l.Addr().String()
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: []string{address}})
	must(t, err)
	defer client.Close()
	for _, topic := range []string{"in", "out"} {
		must(t, client.CreateTopic(ctx, topic, 3, nil))
	}
	binary := filepath.Join(t.TempDir(), "pipeline")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	start := func(more ...string) *exec.Cmd {
		cmd := exec.Command(binary, append([]string{"-B", address, "--in", "in", "--out", "out", "--group", "counter"}, more...)...)
		cmd.Stderr = t.Output()
		must(t, cmd.Start())
		return cmd
	}

	// The source writes until all is over.
	writing, stopWriting := context.WithCancel(ctx)
	var source sync.WaitGroup
	written := int64(0)
	source.Go(func() { written = write(t, writing, client) })

	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	pause := func(most time.Duration) { time.Sleep(time.Duration(random.Int64N(int64(most)))) }
	victim := start("-instance", "one")
	var second, third *exec.Cmd
	leave := func(cmd *exec.Cmd) {
		must(t, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			t.Errorf("an instance that was asked to leave: %v", err)
		}
	}
	for i := range kills(t) {
		pause(1500 * time.Millisecond)
		must(t, victim.Process.Kill())
		_ = victim.Wait()
		victim = start("-instance", "one")
		switch i % 5 {
		case 1:
			second = start()
		case 2:
			third = start()
		case 3:
			leave(second)
		case 4:
			leave(third)
		}
	}
	stopWriting()
	source.Wait()

	results := make(map[string]*covered)
	for i := range streams {
		results[fmt.Sprint("s", i)] = &covered{}
	}
	check(t, ctx, client, results, written)
	for id, c := range results {
		if c.upTo != written || !c.ended {
			t.Errorf("%s: counted up to %d of %d, ended: %v", id, c.upTo, written, c.ended)
		}
	}
	leave(victim)
	again, all := int64(0), 0
	for _, c := range results {
		again, all = again+c.again, all+c.results
	}
	t.Logf("%d rows of %d streams in %d results, %d rows were counted again", written, streams, all, again)
}

// write writes numbered rows to all streams until ctx ends, closes them, and returns the last number.
func write(t *testing.T, ctx context.Context, client *bobbin.Client) int64 {
	lasting := context.WithoutCancel(ctx)
	p, err := client.Producer("in", &bobbin.ProducerOptions{Format: bobbin.Binary})
	must(t, err)
	var all []*bobbin.Stream
	var rows []*bobbin.RowWriter
	for i := range streams {
		s, err := p.Stream(lasting, fmt.Sprint("s", i), nil)
		must(t, err)
		all, rows = append(all, s), append(rows, s.Rows(s.Number("v", nil)))
	}
	n := int64(0)
	for tick := time.NewTicker(2 * time.Millisecond); ctx.Err() == nil; <-tick.C {
		n++
		for _, r := range rows {
			must(t, r.Append(lasting, bobbin.Time(n), float64(n)))
		}
	}
	for _, s := range all {
		must(t, s.Close(lasting, bobbin.Closed))
	}
	return n
}

// check reads the results until every stream has ended with all of its rows counted.
func check(t *testing.T, ctx context.Context, client *bobbin.Client, results map[string]*covered, written int64) {
	x, err := client.Consumer("out", &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	must(t, err)
	reading, done := context.WithTimeout(ctx, 90*time.Second)
	defer done()
	var mu sync.Mutex
	complete := 0
	err = x.Run(reading, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
		mu.Lock()
		c := results[s.ID()]
		mu.Unlock()
		first, count := s.Number("first"), s.Number("count")
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			rows, ok := p.(*bobbin.Rows)
			if !ok {
				continue
			}
			mu.Lock()
			for _, row := range rows.All() {
				from, _ := row.Num(first)
				n, _ := row.Num(count)
				last := int64(row.Time())
				c.results++
				if int64(from)+int64(n)-1 != last {
					t.Errorf("%s: a result of %v rows from %v to %d", s.ID(), n, from, last)
				}
				if int64(from) > c.upTo+1 {
					t.Errorf("%s: rows %d to %v are in no result", s.ID(), c.upTo+1, from-1)
				}
				c.again += max(0, min(c.upTo, last)-int64(from)+1)
				c.upTo = max(c.upTo, last)
			}
			mu.Unlock()
		}
		mu.Lock()
		defer mu.Unlock()
		if s.End() == bobbin.Closed && !c.ended && c.upTo == written {
			c.ended = true
			if complete++; complete == len(results) {
				done()
			}
		}
		return nil
	}))
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
