package bobbin_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

// reading runs a consumer until stop, which says how Run ended.
func reading(t *testing.T, client *bobbin.Client, topic string, opts *bobbin.ConsumerOptions, h bobbin.HandlerFunc) (x *bobbin.Consumer, stop func() error) {
	t.Helper()
	x, err := client.Consumer(topic, opts)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx, h) }()
	return x, func() error { cancel(); return <-ended }
}

// oneStream opens the stream s on the only partition of topic t of a broker of its own.
func oneStream(t *testing.T, o *bobbin.StreamOptions) (*bobbintest.Broker, *bobbin.Producer, *bobbin.Stream) {
	t.Helper()
	b := bobbintest.Start(t)
	b.CreateTopic(t, "t", 1)
	p, err := b.Client(t).Producer("t", &bobbin.ProducerOptions{Placement: bobbin.Hashed})
	must(t, err)
	s, err := p.Stream(t.Context(), "s", o)
	must(t, err)
	return b, p, s
}

func TestPowerCutsUnderLiveStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, board := bobbintest.Start(t), newBoard()
		b.CreateTopic(t, "t", 3)
		p, err := b.Client(t).Producer("t", nil)
		must(t, err)
		x, stop := reading(t, b.Client(t), "t", &bobbin.ConsumerOptions{Group: "g", Start: bobbin.Earliest()}, board.handler("a"))
		w := newWriter(t, p, 9)
		for i := range 4 {
			w.write(t, 5)
			if i%2 == 0 {
				b.PowerCut(t)
			} else {
				b.Kill(t)
			}
			b.Restart(t)
		}
		w.write(t, 5)
		board.await(t, w.ids, 25)
		if f := x.Stats().Failures; f > 0 {
			t.Errorf("%d calls of handlers failed", f)
		}
		must(t, stop())
	})
}

func TestFullDiskHoldsWritersUpAndLosesNothingThatWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, s := oneStream(t, nil)
		must(t, s.Flush(t.Context()))
		random := make([]byte, 150<<10)
		rand.Read(random)
		blob := base64.StdEncoding.EncodeToString(random)
		b.FullDisk(t)
		go func() {
			time.Sleep(time.Minute)
			b.FreeDisk(t)
		}()
		before := time.Now()
		for i := range 100 { // 20 MB, more than the files that are there
			must(t, s.Emit(t.Context(), bobbin.Event{ID: fmt.Sprint("e", i), Value: blob}))
		}
		must(t, s.Flush(t.Context()))
		if d := time.Since(before); d < 50*time.Second {
			t.Fatalf("the disk held nothing up: %v", d)
		}
		b.FullDisk(t)
		defer b.FreeDisk(t)
		var err error
		for i := 0; err == nil && i < 1000; i++ { // it is given up after two minutes
			err = s.Emit(t.Context(), bobbin.Event{ID: "e", Value: blob})
			if err == nil {
				err = s.Flush(t.Context())
			}
		}
		var e *bobbin.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "packets before were not written") {
			t.Errorf("a full disk for good: %v", err)
		}
	})
}

func TestTopicThatVanishesEndsTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		for _, group := range []string{"", "g"} {
			b.CreateTopic(t, "t", 2)
			ended := make(chan error, 1)
			x, err := b.Client(t).Consumer("t", &bobbin.ConsumerOptions{Group: group, Start: bobbin.Earliest()})
			must(t, err)
			go func() {
				ended <- x.Run(t.Context(), bobbin.HandlerFunc(func(context.Context, *bobbin.StreamReader) error { return nil }))
			}()
			time.Sleep(time.Second)
			b.DeleteTopic(t, "t")
			if err := <-ended; !errors.Is(err, bobbin.ErrUnknownTopic) {
				t.Errorf("group %q: %v", group, err)
			}
		}
	})
}

func TestCommitsByTimeAndByCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, s := oneStream(t, nil)
		commits := func(policy bobbin.CommitPolicy, events int, after time.Duration) int64 {
			t.Helper()
			got := make(chan bool, 10_000)
			x, stop := reading(t, b.Client(t), "t", &bobbin.ConsumerOptions{Group: fmt.Sprint("g", policy), Start: bobbin.Latest(), Commit: policy}, func(_ context.Context, s *bobbin.StreamReader) error {
				for p, err := range s.Packets() {
					if err != nil {
						return err
					}
					if _, ok := p.(*bobbin.Event); ok {
						got <- true
					}
				}
				return nil
			})
			time.Sleep(time.Second)
			for range events {
				must(t, s.Emit(t.Context(), bobbin.Event{ID: "e"}))
			}
			must(t, s.Flush(t.Context()))
			for range events {
				<-got
			}
			time.Sleep(after)
			n := x.Stats().Commits
			must(t, stop())
			return n
		}
		if n := commits(bobbin.CommitPolicy{}, 10, 3*time.Second); n != 0 {
			t.Errorf("%d commits of 10 packets after 3 s", n)
		}
		if n := commits(bobbin.CommitPolicy{}, 10, 6*time.Second); n != 1 {
			t.Errorf("%d commits of 10 packets after 6 s", n)
		}
		if n := commits(bobbin.CommitPolicy{}, 5001, time.Millisecond*500); n != 1 {
			t.Errorf("%d commits of 5,001 packets at once", n)
		}
		if n := commits(bobbin.CommitPolicy{Every: -1, Count: -1}, 10_000, time.Hour); n != 0 {
			t.Errorf("%d commits although they are off", n)
		}
	})
}

func TestContextComesAgainWithTrafficAndAgeEmptiesBuffers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, p, s := oneStream(t, &bobbin.StreamOptions{Buffer: bobbin.Buffer{Rows: 100, Age: time.Second}})
		v := s.Number("v", nil)
		packets := func(want int64) {
			t.Helper()
			if n := p.Stats().Packets; n != want {
				t.Errorf("%d packets, want %d", n, want)
			}
		}
		must(t, s.Row(1).Num(v, 1).Write(t.Context()))
		packets(1) // the context
		time.Sleep(1100 * time.Millisecond)
		packets(2) // the row is old enough
		time.Sleep(20 * time.Second)
		must(t, s.Row(2).Num(v, 1).Write(t.Context()))
		must(t, s.Flush(t.Context()))
		packets(3)
		time.Sleep(20 * time.Second)
		packets(3) // without traffic nothing is written
		must(t, s.Row(3).Num(v, 1).Write(t.Context()))
		must(t, s.Flush(t.Context()))
		packets(5) // the context again, and the row

		ages := make(chan time.Duration, 10)
		start := time.Now()
		_, stop := reading(t, b.Client(t), "t", nil, func(_ context.Context, s *bobbin.StreamReader) error {
			s.Buffer(bobbin.Buffer{Rows: 3, Age: 10 * time.Second})
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if rows, ok := p.(*bobbin.Rows); ok {
					ages <- time.Since(start).Truncate(time.Second) + time.Duration(rows.Len())
				}
			}
			return nil
		})
		time.Sleep(2 * time.Second)
		start = time.Now()
		for i := range 5 {
			must(t, s.Row(bobbin.Time(i)).Num(v, 1).Write(t.Context()))
		}
		must(t, s.Flush(t.Context()))
		if d := <-ages; d != 3 {
			t.Errorf("three rows at once: %v", d)
		}
		if d := <-ages; d != 10*time.Second+2 {
			t.Errorf("two rows after ten seconds: %v", d)
		}
		must(t, stop())
	})
}

func TestKilledInstanceIsReplacedAndNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, board := bobbintest.Start(t), newBoard()
		b.CreateTopic(t, "t", 3)
		p, err := b.Client(t).Producer("t", nil)
		must(t, err)
		w := newWriter(t, p, 9)
		w.write(t, 10)
		line := b.Line()
		dying, err := bobbin.Open(t.Context(), &bobbin.Options{Dial: line.Dial})
		must(t, err)
		// This instance processes and never commits; then it is cut off, without a goodbye.
		seen := make(chan bool, 1000)
		_, stopDying := reading(t, dying, "t", &bobbin.ConsumerOptions{Group: "g", Start: bobbin.Earliest(), Commit: bobbin.CommitPolicy{Every: -1, Count: -1}, Leave: time.Second}, func(ctx context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if rows, ok := p.(*bobbin.Rows); ok {
					for range rows.Len() {
						seen <- true
					}
				}
			}
			return nil
		})
		for range 90 {
			<-seen
		}
		line.Cut()
		_, stop := reading(t, b.Client(t), "t", &bobbin.ConsumerOptions{Group: "g", Start: bobbin.Earliest()}, board.handler("b"))
		w.write(t, 10)
		time.Sleep(46 * time.Second) // the session of the one that is gone
		board.await(t, w.ids, 20)
		must(t, stop())
		line.Mend()
		must(t, stopDying())
		must(t, dying.Close())
	})
}

// A producer whose cluster says nothing is given up after the time that a record may wait, or when the client is closed.
func TestAProducerIsNotAwaitedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "t", 1)
		c := b.Client(t)
		end := b.Fail(t, "Fetch", bobbintest.Fault{Drop: true})
		defer end()
		began := time.Now()
		_, err := c.Producer("t", nil)
		if d := time.Since(began); err == nil || d < 2*time.Minute || d > 3*time.Minute {
			t.Errorf("after %v: %v", d, err)
		}
		began = time.Now()
		go func() {
			time.Sleep(5 * time.Second)
			must(t, c.Close())
		}()
		if _, err := c.Producer("t", nil); err == nil || time.Since(began) > time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, err := c.Producer("t", nil); !errors.Is(err, bobbin.ErrClosed) {
			t.Errorf("of a closed client: %v", err)
		}
	})
}
