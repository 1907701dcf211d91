package bobbintest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

// The tests of this file stand in docs/guide/testing.md.

func TestRowsSurviveAPowerCut(t *testing.T) {
	b := bobbintest.Start(t) // the real broker, in memory, no port
	b.CreateTopic(t, "cars", 3)
	ctx := t.Context()

	cars, err := b.Client(t).Producer("cars", nil)
	if err != nil {
		t.Fatal(err)
	}
	car, err := cars.Stream(ctx, "car-44", nil)
	if err != nil {
		t.Fatal(err)
	}
	speed := car.Number("speed", nil)
	if err := car.Row(bobbin.At(time.Now())).Num(speed, 212.5).Write(ctx); err != nil {
		t.Fatal(err)
	}
	if err := car.Close(ctx, bobbin.Closed); err != nil { // nil: it is on the disk
		t.Fatal(err)
	}

	b.PowerCut(t) // what was not synced is gone
	b.Restart(t)

	board, err := b.Client(t).Consumer("cars", &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithCancel(ctx)
	var got float64
	err = board.Run(reading, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
		speed := s.Number("speed")
		for packet, err := range s.Packets() {
			if err != nil {
				return err
			}
			if rows, ok := packet.(*bobbin.Rows); ok {
				for _, row := range rows.All() {
					got, _ = row.Num(speed)
				}
			}
		}
		stop() // the stream has ended: this test has seen enough
		return nil
	}))
	if err != nil || got != 212.5 {
		t.Errorf("the speed is %v, %v", got, err)
	}
}

func TestAnotherInstanceTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // time passes when everybody waits
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1)
		writeLap(t, b.Client(t))

		lines := []*bobbintest.Line{b.Line(), b.Line()} // two computers
		serving := make(chan int)
		for i, line := range lines {
			client, err := bobbin.Open(t.Context(), &bobbin.Options{Dial: line.Dial})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			board, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "lap-board", Start: bobbin.Earliest()})
			if err != nil {
				t.Fatal(err)
			}
			go board.Run(t.Context(), bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
				serving <- i
				<-ctx.Done()
				return context.Cause(ctx)
			}))
		}
		first := <-serving
		lines[first].Cut() // its network is gone; it does not know, nor does the group
		began := time.Now()
		second := <-serving
		if passed := time.Since(began); second == first || passed > time.Minute {
			t.Errorf("instance %d serves the stream after instance %d, %v later", second, first, passed)
		}
	})
}

func TestAWriterGetsOverALeaderThatMoves(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	met := b.Fail(t, "Produce", bobbintest.Fault{Error: "NOT_LEADER_OR_FOLLOWER", Times: 3})
	writeLap(t, b.Client(t))
	if met() != 3 {
		t.Error("nothing went wrong")
	}
}

// writeLap writes a stream of one row and closes it.
func writeLap(t *testing.T, client *bobbin.Client) {
	t.Helper()
	ctx := t.Context()
	cars, err := client.Producer("cars", nil)
	if err != nil {
		t.Fatal(err)
	}
	car, err := cars.Stream(ctx, "car-44", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := car.Row(bobbin.At(time.Now())).Num(car.Number("speed", nil), 212.5).Write(ctx); err != nil {
		t.Fatal(err)
	}
	if err := car.Close(ctx, bobbin.Closed); err != nil { // nil: everything is acknowledged
		t.Fatal(err)
	}
}

func TestAnHourOfRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1, "retention.ms=3600000", "segment.ms=600000")
		client := b.Client(t)
		for range 3 {
			writeLap(t, client)
			time.Sleep(50 * time.Minute) // takes no time
		}
		if laps := countLaps(t, client); laps != 1 {
			t.Errorf("%d laps are left", laps)
		}
	})
}

// countLaps counts the streams that ended in the topic within a minute.
func countLaps(t *testing.T, client *bobbin.Client) (laps int) {
	t.Helper()
	board, err := client.Consumer("cars", &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err = board.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
		for _, err := range s.Packets() {
			if err != nil {
				return err
			}
		}
		laps++
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return laps
}
