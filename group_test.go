package bobbin_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin"
)

// board is what instances of a group have processed: for each stream the numbers in the order in which they came, and who serves it.
type board struct {
	mu     sync.Mutex
	rows   map[string][]int64
	owner  map[string]string
	errs   []string
	arrive chan struct{}
}

func newBoard() *board {
	return &board{rows: make(map[string][]int64), owner: make(map[string]string), arrive: make(chan struct{}, 1)}
}

// handler processes rows whose times are the numbers 1, 2, 3 … of their stream.
func (b *board) handler(instance string) bobbin.HandlerFunc {
	return func(_ context.Context, s *bobbin.StreamReader) error {
		b.mu.Lock()
		if other, taken := b.owner[s.ID()]; taken {
			b.errs = append(b.errs, fmt.Sprintf("%s is served by %s and by %s", s.ID(), other, instance))
		}
		b.owner[s.ID()] = instance
		b.mu.Unlock()
		defer func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			delete(b.owner, s.ID())
		}()
		last := int64(0)
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			rows, ok := p.(*bobbin.Rows)
			if !ok {
				continue
			}
			b.mu.Lock()
			for _, row := range rows.All() {
				n := int64(row.Time())
				if last > 0 && n != last+1 {
					b.errs = append(b.errs, fmt.Sprintf("%s at %s: %d behind %d", s.ID(), instance, n, last))
				}
				last = n
				b.rows[s.ID()] = append(b.rows[s.ID()], n)
			}
			b.mu.Unlock()
			select {
			case b.arrive <- struct{}{}:
			default:
			}
		}
		return nil
	}
}

// await waits until the rows 1 to n of each stream were processed.
func (b *board) await(t *testing.T, streams []string, n int64) {
	t.Helper()
	end := time.After(patience)
	for {
		missing := ""
		b.mu.Lock()
		for _, s := range streams {
			seen := make(map[int64]bool)
			for _, x := range b.rows[s] {
				seen[x] = true
			}
			for x := int64(1); x <= n && missing == ""; x++ {
				if !seen[x] {
					missing = fmt.Sprintf("row %d of %s", x, s)
				}
			}
		}
		errs := slices.Clone(b.errs)
		b.mu.Unlock()
		if len(errs) > 0 {
			t.Fatal(strings.Join(errs, "\n"))
		}
		if missing == "" {
			return
		}
		select {
		case <-b.arrive:
		case <-end:
			t.Fatalf("%s did not come in %v", missing, patience)
		}
	}
}

// duplicates counts the rows that were processed more than once.
func (b *board) duplicates() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, rows := range b.rows {
		n += len(rows) - len(slices.Compact(slices.Sorted(slices.Values(rows))))
	}
	return n
}

// writer writes numbered rows to streams.
type writer struct {
	streams []*bobbin.Stream
	ids     []string
	rows    []*bobbin.RowWriter
	next    int64

	patience time.Duration // how long a write may take
}

func newWriter(t *testing.T, p *bobbin.Producer, n int) *writer {
	w := &writer{patience: patience}
	for i := range n {
		s, err := p.Stream(deadline(t), fmt.Sprintf("s%d", i), nil)
		must(t, err)
		w.streams, w.ids, w.rows = append(w.streams, s), append(w.ids, s.ID()), append(w.rows, s.Rows(s.Number("v", nil)))
	}
	return w
}

// write writes the next n rows of each stream, and waits until they are stored.
func (w *writer) write(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), w.patience)
	defer cancel()
	for range n {
		w.next++
		for _, r := range w.rows {
			must(t, r.Append(ctx, bobbin.Time(w.next), float64(w.next)))
		}
	}
	for _, s := range w.streams {
		must(t, s.Flush(ctx))
	}
}

func group() string { return fmt.Sprintf("g%d-%d", time.Now().UnixNano(), topics.Add(1)) }

func TestGroupSharesStreamsAndHandsThemOver(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		topic, b := c.topic(t, 3), newBoard()
		w := newWriter(t, c.producer(t, topic, &bobbin.ProducerOptions{Format: bobbin.Binary}), 12)
		opts := &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest()}
		x, stop := c.run(t, topic, opts, b.handler("a"))
		w.write(t, 20)
		b.await(t, w.ids, 20)
		if n := x.Stats().Streams; n != 12 {
			t.Errorf("%d streams are open", n)
		}
		y, stopY := c.run(t, topic, opts, b.handler("b"))
		for y.Stats().Partitions == 0 {
			time.Sleep(time.Millisecond)
		}
		w.write(t, 20)
		b.await(t, w.ids, 40)
		if n := x.Stats().Partitions + y.Stats().Partitions; n != 3 {
			t.Errorf("%d partitions are shared", n)
		}
		if x.Stats().Revoked == 0 || y.Stats().Streams == 0 {
			t.Errorf("nothing went over: %+v %+v", x.Stats(), y.Stats())
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
		w.write(t, 20)
		b.await(t, w.ids, 60)
		if err := stopY(); err != nil {
			t.Error(err)
		}
		// Orderly hand-overs commit all that was done, so nothing came twice.
		if n := b.duplicates(); n > 0 {
			t.Errorf("%d rows came twice", n)
		}
		c.run(t, topic, opts, b.handler("c"))
		w.write(t, 1)
		b.await(t, w.ids, 61)
		if n := b.duplicates(); n > 0 {
			t.Errorf("%d rows came twice after all had left", n)
		}
	})
}

func TestFailingHandlerIsCalledAgainAndThenThePolicyHolds(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic, dead := deadline(t), c.topic(t, 1), c.topic(t, 1)
		p := c.producer(t, topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed})
		bad, err := p.Stream(ctx, "bad", nil)
		must(t, err)
		good, err := p.Stream(ctx, "good", nil)
		must(t, err)
		for i := range 4 {
			must(t, bad.Emit(ctx, bobbin.Event{ID: fmt.Sprint("e", i)}))
			must(t, good.Emit(ctx, bobbin.Event{ID: fmt.Sprint("e", i)}))
		}
		must(t, bad.Close(ctx, bobbin.Closed))
		must(t, good.Close(ctx, bobbin.Closed))
		boom := errors.New("boom")
		lines := make(chan string, 100)
		handler := func(_ context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if e, ok := p.(*bobbin.Event); ok {
					lines <- s.ID() + " " + e.ID
					switch {
					case s.ID() == "bad" && e.ID == "e1":
						return boom
					case s.ID() == "bad" && e.ID == "e2":
						panic("oh")
					}
				}
			}
			lines <- s.ID() + " " + s.End().String()
			return nil
		}
		collect := func(stream string, want ...string) {
			t.Helper()
			var got []string
			for len(got) < len(want) {
				if l := receive(t, lines, "line "+fmt.Sprint(want[len(got):])); strings.HasPrefix(l, stream) {
					got = append(got, l)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
		}
		failure := bobbin.FailurePolicy{Attempts: 2, Backoff: time.Millisecond}
		x, err := c.client(t).Consumer(topic, &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest(), Failure: failure})
		must(t, err)
		var e *bobbin.Error
		if err := x.Run(ctx, bobbin.HandlerFunc(handler)); !errors.Is(err, boom) || !errors.As(err, &e) || e.Stream != "bad" {
			t.Errorf("Run under Stop: %v", err)
		}
		collect("bad", "bad e0", "bad e1", "bad e1")
		for len(lines) > 0 {
			<-lines
		}
		failure.Then, failure.DeadLetter = bobbin.Skip, dead
		x, _ = c.run(t, topic, &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest(), Failure: failure}, handler)
		collect("bad", "bad e0", "bad e1", "bad e1", "bad e2", "bad e2", "bad e3", "bad closed")
		if st := x.Stats(); st.Skipped != 2 || st.Failures != 4 {
			t.Errorf("%+v", st)
		}
		letters := make(chan string, 10)
		c.run(t, dead, &bobbin.ConsumerOptions{Start: bobbin.Earliest()}, teller(letters))
		receive(t, letters, "the begin of the stream")
		for _, want := range []string{"boom", "panic: oh"} {
			if l := receive(t, letters, "a dead letter"); !strings.Contains(l, "bad: raw \"bad\"=") || !strings.Contains(l, topic+"/0/") || !strings.Contains(l, want) {
				t.Errorf("dead letter %s", l)
			}
		}
	})
}

func TestHandlerThatNeverReturnsLosesItsPartition(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 2)
		w := newWriter(t, c.producer(t, topic, nil), 8)
		w.write(t, 3)
		g := group()
		release, seen := make(chan struct{}), make(chan error, 100)
		x, stop := c.run(t, topic, &bobbin.ConsumerOptions{Group: g, Start: bobbin.Earliest(), Leave: 100 * time.Millisecond}, func(hctx context.Context, s *bobbin.StreamReader) error {
			<-release // whatever its context says
			for _, err := range s.Packets() {
				seen <- err
				if err != nil {
					return err
				}
			}
			return nil
		})
		for x.Stats().Streams < 8 {
			time.Sleep(time.Millisecond)
		}
		b := newBoard()
		y, _ := c.run(t, topic, &bobbin.ConsumerOptions{Group: g, Start: bobbin.Earliest()}, b.handler("b"))
		for y.Stats().Partitions == 0 || x.Stats().Partitions == 2 {
			time.Sleep(time.Millisecond)
		}
		if err := func() error {
			ended := make(chan error, 1)
			go func() { ended <- stop() }()
			return receive(t, ended, "the end of Run")
		}(); err == nil || !strings.Contains(err.Error(), "did not return") {
			t.Errorf("Run with handlers that hang: %v", err)
		}
		b.await(t, w.ids, 3) // nothing was committed of what the handlers did not do
		close(release)
		for range 8 {
			if err := receive(t, seen, "the error of a late handler"); !errors.Is(err, bobbin.ErrRevoked) && !errors.Is(err, context.Canceled) {
				t.Errorf("a late handler got %v", err)
			}
		}
		_ = ctx
	})
}

func TestSlowStreamHoldsUpNoOtherPartition(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 2)
		p := c.producer(t, topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed})
		byPartition := map[int]*bobbin.Stream{}
		for i := 0; len(byPartition) < 2; i++ {
			s, err := p.Stream(ctx, fmt.Sprint("s", i), nil)
			must(t, err)
			byPartition[s.Partition()] = s
		}
		slow, fast := byPartition[0], byPartition[1]
		random := make([]byte, 48<<10) // it does not become smaller by packing
		rand.Read(random)
		blob := base64.StdEncoding.EncodeToString(random)
		for range 64 { // 4 MiB each, of 1 MiB of memory
			must(t, slow.Emit(ctx, bobbin.Event{ID: "e", Value: blob}))
			must(t, fast.Emit(ctx, bobbin.Event{ID: "e", Value: blob}))
		}
		must(t, p.Flush(ctx))
		release, got := make(chan struct{}), map[string]chan int{slow.ID(): make(chan int, 100), fast.ID(): make(chan int, 100)}
		x, _ := c.run(t, topic, &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest(), Memory: 1 << 20}, func(hctx context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if _, ok := p.(*bobbin.Event); ok && got[s.ID()] != nil {
					if s.ID() == slow.ID() {
						select {
						case <-release:
						case <-hctx.Done():
							return hctx.Err()
						}
					}
					got[s.ID()] <- 1
				}
			}
			return nil
		})
		for range 64 {
			receive(t, got[fast.ID()], "an event of the fast stream")
		}
		if st := x.Stats(); st.Waiting > 3<<20 {
			t.Errorf("%d bytes wait: a paused partition is read on", st.Waiting)
		}
		if h := x.Held(); len(h) == 0 || h[0].Stream != slow.ID() {
			t.Errorf("held: %+v", h)
		}
		close(release)
		for range 64 {
			receive(t, got[slow.ID()], "an event of the slow stream")
		}
	})
}

func TestForeignAndBrokenRecordsComeRawAndWhole(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 1)
		p := c.producer(t, topic, nil)
		for _, r := range []*bobbin.Raw{
			{Key: []byte("k"), Value: []byte("v"), Headers: []bobbin.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}}, Written: time.UnixMilli(1234)},
			{Key: []byte("k"), Value: nil},
			{Key: []byte("k"), Value: []byte("{"), Headers: []bobbin.Header{{Key: "bobbin", Value: []byte("json/1 rows")}}},
			{Key: []byte("k"), Value: []byte("x"), Headers: []bobbin.Header{{Key: "bobbin", Value: []byte("json/2 rows")}}},
			{Key: []byte("k"), Value: []byte("\x01\xff\xff\xff"), Headers: []bobbin.Header{{Key: "bobbin", Value: []byte("binary/1 rows 0")}}},
			{Value: []byte("without a key")},
		} {
			must(t, p.Publish(ctx, r))
		}
		got := make(chan *bobbin.Raw, 10)
		x, _ := c.run(t, topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()}, func(_ context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				raw := p.(*bobbin.Raw)
				if s.ID() != string(raw.Key) || s.Position().Written != raw.Written {
					t.Errorf("stream %q at %v has %+v", s.ID(), s.Position(), raw)
				}
				got <- raw
			}
			return nil
		})
		seen := map[string]int{}
		for range 6 {
			r := receive(t, got, "a record")
			switch {
			case r.Err != nil:
				if !errors.Is(r.Err, bobbin.ErrBroken) {
					t.Error(r.Err)
				}
				seen["broken"]++
			case r.Key == nil:
				seen[string(r.Value)]++
			case r.Value == nil:
				seen["tombstone"]++
			default:
				if string(r.Value) != "v" || len(r.Headers) != 2 || string(r.Headers[0].Value) != "1" || r.Written.UnixMilli() != 1234 {
					t.Errorf("%+v", r)
				}
				seen["whole"]++
			}
		}
		if want := map[string]int{"broken": 3, "without a key": 1, "tombstone": 1, "whole": 1}; !maps.Equal(seen, want) {
			t.Errorf("%v", seen)
		}
		if st := x.Stats(); st.Broken != 3 || st.Packets != 6 {
			t.Errorf("%+v", st)
		}
	})
}

func TestManualCommits(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 1)
		p := c.producer(t, topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed})
		s, err := p.Stream(ctx, "s", nil)
		must(t, err)
		for i := range 10 {
			must(t, s.Emit(ctx, bobbin.Event{ID: fmt.Sprint("e", i)}))
		}
		must(t, s.Flush(ctx))
		opts := &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest(), Commit: bobbin.CommitPolicy{Manual: true}}
		ids := make(chan string, 100)
		serve := func(commitAt string) func() error {
			_, stop := c.run(t, topic, opts, func(hctx context.Context, s *bobbin.StreamReader) error {
				for p, err := range s.Packets() {
					if err != nil {
						return err
					}
					if e, ok := p.(*bobbin.Event); ok {
						if e.ID == commitAt {
							if err := s.Commit(hctx); err != nil {
								return err
							}
						}
						ids <- e.ID
					}
				}
				return nil
			})
			return stop
		}
		stop := serve("e4")
		for i := range 10 {
			if id := receive(t, ids, "an event"); id != fmt.Sprint("e", i) {
				t.Fatalf("%s, want e%d", id, i)
			}
		}
		must(t, stop())
		stop = serve("e9")
		for i := 5; i < 10; i++ { // from behind the commit
			if id := receive(t, ids, "an event"); id != fmt.Sprint("e", i) {
				t.Fatalf("%s, want e%d", id, i)
			}
		}
		must(t, stop())
		serve("none")
		must(t, s.Emit(ctx, bobbin.Event{ID: "last"}))
		if id := receive(t, ids, "an event"); id != "last" {
			t.Fatalf("%s, want the last", id)
		}
	})
}
