package bobbintest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

// An hour of everything that can go wrong: power cuts, kills, stops, a disk that hangs, lines that are cut, requests that are late, refused, lost, or whose
// answers are. Streams are written all the time and read by a group of two. No call of the library fails for good, every row that was acknowledged is read, each
// stream's rows come in their order, and what comes again is only what was not committed.
func TestStreamsGetOverAnHourOfTrouble(t *testing.T) {
	hours := 1
	if n, err := strconv.Atoi(os.Getenv("BOBBIN_TROUBLE")); err == nil {
		hours = n
	}
	for seed := range uint64(hours) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { anHourOfTrouble(t, seed) })
		})
	}
}

func anHourOfTrouble(t *testing.T, seed uint64) {
	const streams, rows = 5, 300
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 3)

	var reading sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	defer reading.Wait()
	defer stop()
	var mu sync.Mutex
	seen := make(map[string]int) // rows of each stream, without those that came again
	again, closed := 0, make(map[string]bool)
	lines := []*bobbintest.Line{b.Line(), b.Line()}
	for _, line := range lines {
		client, err := bobbin.Open(ctx, &bobbin.Options{Dial: line.Dial})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		board, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "g", Start: bobbin.Earliest()})
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() {
			err := board.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
				n := s.Number("n")
				for p, err := range s.Packets() {
					if err != nil {
						return err
					}
					if r, ok := p.(*bobbin.Rows); ok {
						for _, row := range r.All() {
							v, _ := row.Num(n)
							mu.Lock()
							switch next := seen[s.ID()]; {
							case int(v) == next:
								seen[s.ID()]++
							case int(v) < next:
								again++
							default:
								t.Errorf("stream %s: row %v came after row %d", s.ID(), v, next-1)
							}
							mu.Unlock()
						}
					}
				}
				mu.Lock()
				defer mu.Unlock()
				closed[s.ID()] = s.End() == bobbin.Closed
				return nil
			}))
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}

	client := b.Client(t)
	var writing sync.WaitGroup
	cars, err := client.Producer("cars", nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range streams {
		writing.Go(func() {
			s, err := cars.Stream(ctx, fmt.Sprint("car-", i), nil)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			n := s.Number("n", nil)
			for v := range rows {
				if err := s.Row(bobbin.At(time.Now())).Num(n, float64(v)).Write(ctx); err != nil {
					t.Errorf("%s: write: %v", s.ID(), err)
					return
				}
				time.Sleep(12 * time.Second)
			}
			for s.Close(ctx, bobbin.Closed) != nil {
			}
		})
	}

	trouble(t, b, lines, rand.New(rand.NewPCG(seed, 5)), time.Hour)
	writing.Wait()
	for waited := time.Duration(0); ; waited += time.Second {
		mu.Lock()
		n := len(closed)
		mu.Unlock()
		if n == streams {
			break
		}
		if waited > 10*time.Minute {
			t.Fatalf("%d of %d streams came to their end", n, streams)
		}
		time.Sleep(time.Second)
	}
	mu.Lock()
	defer mu.Unlock()
	for id, n := range seen {
		if n != rows || !closed[id] {
			t.Errorf("%s: %d of %d rows; closed: %v", id, n, rows, closed[id])
		}
	}
	t.Logf("%d rows came again", again)
}

// trouble makes trouble for a time, and leaves none.
func trouble(t *testing.T, b *bobbintest.Broker, lines []*bobbintest.Line, r *rand.Rand, hours time.Duration) {
	apis := []string{"Produce", "Fetch", "Metadata", "ListOffsets", "OffsetCommit", "OffsetFetch", "FindCoordinator", "JoinGroup", "SyncGroup", "Heartbeat", "LeaveGroup", "InitProducerId"}
	errs := map[string][]string{
		"Produce": {"NOT_LEADER_OR_FOLLOWER", "REQUEST_TIMED_OUT", "KAFKA_STORAGE_ERROR"}, "Fetch": {"NOT_LEADER_OR_FOLLOWER", "KAFKA_STORAGE_ERROR"},
		"Metadata": {"LEADER_NOT_AVAILABLE"}, "ListOffsets": {"NOT_LEADER_OR_FOLLOWER"}, "OffsetCommit": {"COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"},
		"OffsetFetch": {"COORDINATOR_LOAD_IN_PROGRESS"}, "FindCoordinator": {"COORDINATOR_NOT_AVAILABLE"}, "JoinGroup": {"COORDINATOR_LOAD_IN_PROGRESS", "UNKNOWN_MEMBER_ID"},
		"SyncGroup": {"REBALANCE_IN_PROGRESS"}, "Heartbeat": {"REBALANCE_IN_PROGRESS", "UNKNOWN_MEMBER_ID"}, "LeaveGroup": {"NOT_COORDINATOR"}, "InitProducerId": {"COORDINATOR_LOAD_IN_PROGRESS"},
	}
	upTo := func(d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }
	for end := time.Now().Add(hours); time.Now().Before(end); time.Sleep(upTo(40 * time.Second)) {
		switch r.IntN(8) {
		case 0:
			b.PowerCut(t)
			time.Sleep(upTo(20 * time.Second))
			b.Restart(t)
		case 1:
			b.Kill(t)
			time.Sleep(upTo(20 * time.Second))
			b.Restart(t)
		case 2:
			b.Restart(t)
		case 3:
			resume := b.StallDisk(t)
			time.Sleep(upTo(20 * time.Second))
			resume()
		case 4:
			line := lines[r.IntN(len(lines))]
			line.Cut()
			time.Sleep(upTo(90 * time.Second))
			line.Mend()
		default:
			api := apis[r.IntN(len(apis))]
			f := bobbintest.Fault{Times: 1 + r.IntN(4), Handled: r.IntN(2) == 0}
			if r.IntN(2) == 0 {
				f.Drop = true
			} else {
				f.Error = errs[api][r.IntN(len(errs[api]))]
			}
			if r.IntN(2) == 0 {
				f.Delay = upTo(4 * time.Second) // several together stay below the two minutes after which a packet is given up
			}
			b.Fail(t, api, f)
		}
	}
}
