package bobbin_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Partitions are added while 1,000 streams are written by two producers and read by two instances of a group and by a reader without one: no open stream moves, a stream that is opened
// again is where it was, new ones use the new partitions, and nobody misses a row or gets it out of order.
func TestPartitionsAddedUnderLiveStreams(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 3)
		const streams = 500 // for each of two producers
		boards := []*board{newBoard(), newBoard()}
		opts := &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest()}
		c.run(t, topic, opts, boards[0].handler("a"))
		c.run(t, topic, opts, boards[0].handler("b"))
		c.run(t, topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()}, boards[1].handler("alone"))

		open := func(p *bobbin.Producer, from int) []*bobbin.Stream {
			t.Helper()
			all := make([]*bobbin.Stream, streams)
			errs := make([]error, streams)
			var opening sync.WaitGroup
			for i := range all {
				opening.Go(func() {
					all[i], errs[i] = p.Stream(ctx, fmt.Sprintf("s%d", from+i), nil)
				})
			}
			opening.Wait()
			for _, err := range errs {
				must(t, err)
			}
			return all
		}
		var all []*bobbin.Stream
		var ids []string
		var next int64
		place := make(map[string]int)
		grow := func(more []*bobbin.Stream) {
			for _, s := range more {
				all, ids = append(all, s), append(ids, s.ID())
				place[s.ID()] = s.Partition()
			}
		}
		write := func(rows int, of []*bobbin.Stream, at int64) {
			t.Helper()
			for _, s := range of {
				w := s.Rows(s.Number("v", nil))
				for i := range rows {
					must(t, w.Append(ctx, bobbin.Time(at+int64(i)+1), 1))
				}
			}
			for _, s := range of {
				must(t, s.Flush(ctx))
			}
		}
		producers := []*bobbin.Producer{c.producer(t, topic, nil), c.producer(t, topic, nil)}
		grow(open(producers[0], 0))
		grow(open(producers[1], streams))
		write(3, all, next)
		next += 3

		admin, err := kafka.Open(kafka.Options{Brokers: c.options.Brokers, Dial: c.options.Dial})
		must(t, err)
		defer admin.Close()
		must(t, admin.SetPartitions(ctx, topic, 8))
		write(3, all, next)
		next += 3

		// Another producer opens what is open, after the change.
		again := open(c.producer(t, topic, nil), 0)
		for _, s := range again {
			if s.Partition() != place[s.ID()] {
				t.Errorf("%s was on partition %d and is on %d", s.ID(), place[s.ID()], s.Partition())
			}
		}
		write(3, all, next)
		next += 3
		boards[0].await(t, ids, next)
		boards[1].await(t, ids, next)

		// What is new uses the new partitions, as soon as a producer knows them.
		fresh := open(c.producer(t, topic, nil), 10*streams)
		used := make(map[int]int)
		var freshIDs []string
		for _, s := range fresh {
			used[s.Partition()]++
			freshIDs = append(freshIDs, s.ID())
		}
		if len(used) != 8 {
			t.Errorf("new streams use %v", used)
		}
		write(3, fresh, 0)
		boards[0].await(t, freshIDs, 3)
		boards[1].await(t, freshIDs, 3)
	})
}

// Openers are cut off for good at any moment (before, while and after their claims reach the cluster), while partitions are added under streams that are written. Nobody waits for what they left, and all who
// come later find every stream on one and the same partition.
func TestOpenersKilledWhilePartitionsAreAdded(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 3)
		const live, contested, deaths = 12, 60, 24
		b := newBoard()
		c.run(t, topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()}, b.handler("reader"))
		w := newWriter(t, c.producer(t, topic, nil), live)
		w.write(t, 3)

		ids := make([]string, contested)
		for i := range ids {
			ids[i] = fmt.Sprintf("contested-%d", i)
		}
		_, whole := c.openAndDie(t, topic, ids[:20], math.MaxInt64)
		var dying sync.WaitGroup
		var opened atomic.Int64
		die := func(n int) {
			for range n {
				some := slices.Clone(ids)
				rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
				life := 500 + rand.Int64N(whole-500) // it lives long enough to connect
				dying.Go(func() {
					n, _ := c.openAndDie(t, topic, some[:20], life)
					opened.Add(n)
				})
			}
		}
		die(deaths / 2)
		dying.Wait()
		die(deaths / 2)
		admin, err := kafka.Open(kafka.Options{Brokers: c.options.Brokers, Dial: c.options.Dial})
		must(t, err)
		defer admin.Close()
		must(t, admin.SetPartitions(ctx, topic, 8))
		w.write(t, 3)

		// Two who live open everything at once, while some still die; and a third opens it afterwards.
		place := make([][]int, 3)
		open := func(i int) {
			p := c.producer(t, topic, nil)
			place[i] = make([]int, contested)
			for k, id := range ids {
				s, err := p.Stream(ctx, id, nil)
				if err != nil {
					t.Errorf("open %s: %v", id, err)
					return
				}
				place[i][k] = s.Partition()
			}
		}
		var opening sync.WaitGroup
		opening.Go(func() { open(0) })
		opening.Go(func() { open(1) })
		opening.Wait()
		dying.Wait()
		open(2)
		for k, id := range ids {
			if place[0][k] != place[1][k] || place[0][k] != place[2][k] {
				t.Errorf("%s is on partitions %d, %d and %d", id, place[0][k], place[1][k], place[2][k])
			}
		}
		w.write(t, 3)
		b.await(t, w.ids, w.next)
		t.Logf("%d openers were cut off within the %d bytes that 20 streams take; they had opened %d streams of %d", deaths, whole, opened.Load(), deaths*20)
	})
}

// openAndDie opens streams with a client of its own, which is cut off from the cluster as soon as it has sent so many bytes. It returns how many streams it had opened, and how much it sent.
func (c *cluster) openAndDie(t *testing.T, topic string, ids []string, bytes int64) (opened, sent int64) {
	life := &lifeline{dial: c.options.Dial, left: bytes, dead: make(chan struct{})}
	if life.dial == nil {
		life.dial = new(net.Dialer).DialContext
	}
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: c.options.Brokers, Dial: life.connect})
	if err != nil {
		t.Errorf("an opener with a life of %d bytes: %v", bytes, err)
		return 0, 0
	}
	var dies sync.WaitGroup
	defer dies.Wait()
	var began atomic.Bool
	dies.Go(func() {
		select {
		case <-life.dead:
			if cancel(); !began.Load() {
				client.Close()
			}
		case <-ctx.Done():
		}
	})
	p, err := client.Producer(topic, nil)
	began.Store(true)
	if err == nil {
		var opening sync.WaitGroup
		var n atomic.Int64
		for half := range slices.Chunk(ids, (len(ids)+1)/2) {
			opening.Go(func() {
				for _, id := range half {
					if _, err := p.Stream(ctx, id, nil); err == nil {
						n.Add(1)
					}
				}
			})
		}
		opening.Wait()
		opened = n.Load()
		cancel()
		p.Close(ctx)
	}
	client.Close()
	life.mu.Lock()
	defer life.mu.Unlock()
	return opened, bytes - life.left
}

// lifeline is the connections of a client, which all end for good when so many bytes were sent by them together.
type lifeline struct {
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	dead chan struct{}

	mu    sync.Mutex
	left  int64
	conns []net.Conn
}

var errCutOff = errors.New("cut off")

func (l *lifeline) connect(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.left <= 0 {
		conn.Close()
		return nil, errCutOff
	}
	l.conns = append(l.conns, conn)
	return lifelineConn{conn, l}, nil
}

type lifelineConn struct {
	net.Conn
	life *lifeline
}

func (c lifelineConn) Write(b []byte) (int, error) {
	l := c.life
	l.mu.Lock()
	n := min(int64(len(b)), max(l.left, 0))
	alive := l.left > 0
	l.left -= n
	last := alive && l.left == 0
	l.mu.Unlock()
	if !alive {
		return 0, errCutOff
	}
	sent, err := c.Conn.Write(b[:n])
	if last {
		close(l.dead)
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, conn := range l.conns {
			conn.Close()
		}
		return sent, errCutOff
	}
	return sent, err
}
