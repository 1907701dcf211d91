package bobbin_test

import (
	"fmt"
	"sync"
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
