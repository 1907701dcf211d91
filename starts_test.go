package bobbin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin"
)

func TestReadersBeginWhereTheyAreToldTo(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 1)
		s, err := c.producer(t, topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed}).Stream(ctx, "s", nil)
		must(t, err)
		emit := func(n int) {
			t.Helper()
			must(t, s.Emit(ctx, bobbin.Event{ID: fmt.Sprint("e", n)}))
			must(t, s.Flush(ctx))
		}
		emit(0)
		emit(1)
		before := time.Now().Add(time.Millisecond).Truncate(time.Millisecond) // records' times have milliseconds
		for time.Now().Before(before) {
			time.Sleep(time.Until(before))
		}
		emit(2)
		ids := make(chan string, 100)
		events := func(_ context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if e, ok := p.(*bobbin.Event); ok {
					ids <- e.ID
				}
			}
			return nil
		}
		committed := group()
		for _, x := range []struct {
			name  string
			opts  bobbin.ConsumerOptions
			first string
		}{
			{"earliest", bobbin.ConsumerOptions{Start: bobbin.Earliest()}, "e0"},
			{"earliest, in a group", bobbin.ConsumerOptions{Group: committed, Start: bobbin.Earliest()}, "e0"},
			{"since", bobbin.ConsumerOptions{Start: bobbin.Since(before)}, "e2"},
			{"since, in a group", bobbin.ConsumerOptions{Group: group(), Start: bobbin.Since(before)}, "e2"},
			{"at an offset", bobbin.ConsumerOptions{Start: bobbin.AtOffset(2)}, "e1"}, // 0 is the context
		} {
			_, stop := c.run(t, topic, &x.opts, events)
			if id := receive(t, ids, x.name+": an event"); id != x.first {
				t.Errorf("%s: the first is %s, want %s", x.name, id, x.first)
			}
			for id := ""; id != "e2" && x.first != "e2"; { // so that all of it is committed
				id = receive(t, ids, x.name+": the last event")
			}
			must(t, stop())
		}
		emit(3)
		_, stop := c.run(t, topic, &bobbin.ConsumerOptions{Group: committed, Start: bobbin.Committed()}, events)
		if id := receive(t, ids, "what the group has not read"); id != "e3" {
			t.Errorf("where the group has committed: the first is %s, want e3", id)
		}
		must(t, stop())
		x, err := c.client(t).Consumer(topic, &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Committed()})
		must(t, err)
		if err := x.Run(ctx, bobbin.HandlerFunc(events)); !errors.Is(err, bobbin.ErrInvalid) {
			t.Errorf("a group that has committed nothing: %v", err)
		}
	})
}
