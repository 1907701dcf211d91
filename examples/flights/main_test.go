package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func minutes(n int32) *int32 { return &n }

func text(s string) *string { return &s }

// three flights: one as it should be, one that was cancelled before it left, one that landed elsewhere.
func three() []flight {
	return []flight{
		{FlightDate: "2014-01-01", Carrier: "AA", FlightNum: 1, Origin: "JFK", Dest: "LAX", DestCityName: "Los Angeles, CA", Distance: 2475, TailNum: text("N338AA"),
			CRSDepTime: 900, DepDelay: minutes(14), TaxiOut: minutes(20), AirTime: minutes(359), TaxiIn: minutes(5), ArrDelay: minutes(13)},
		{FlightDate: "2014-01-01", Carrier: "AA", FlightNum: 2362, Origin: "JFK", Dest: "OMA", DestCityName: "Omaha, NE", CRSDepTime: 2125, Cancelled: 1, CancellationCode: text("B")},
		{FlightDate: "2014-01-02", Carrier: "B6", FlightNum: 865, Origin: "JFK", Dest: "RSW", DestCityName: "Fort Myers, FL", CRSDepTime: 5, DepDelay: minutes(-3), TaxiOut: minutes(24), Diverted: 1},
	}
}

// A board that is open from the beginning shows every flight when it is over, at the speed at which the day is played.
func TestTheBoardShowsFlightsThatAreOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "flights", 3)
		var out strings.Builder
		var reading sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		reading.Go(func() {
			if err := show(ctx, b.Client(t), "flights", &out); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		if err := play(ctx, b.Client(t), "flights", three(), 60); err != nil { // a minute a second
			t.Error(err)
		}
		const day = 17*time.Hour + 26*time.Minute // from the first announcement, at 7:00, to the last step, at 0:26
		if took := time.Since(began); took < day/60 || took > day/60+time.Minute {
			t.Errorf("the day took %v", took)
		}
		time.Sleep(time.Second)
		stop()
		reading.Wait()
		bobbintest.Golden(t, "board.txt", []byte(out.String()))
	})
}

// Every departure of Denver in January 2014 comes back as it was written, in its order.
func TestAMonthOfDepartures(t *testing.T) {
	name := filepath.Join("..", "..", "..", "shared", "data", "flights.avro")
	flights, err := load(name, "DEN")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: the folder shared/data beside the repository has it", name)
	}
	if err != nil || len(flights) != 386 {
		t.Fatalf("%d flights, %v", len(flights), err)
	}
	b := bobbintest.Start(t)
	b.CreateTopic(t, "flights", 3)
	want := make(map[string]string)
	cancelled := 0
	for i := range flights {
		steps, end, err := flights[i].life()
		if err != nil {
			t.Fatal(err)
		}
		if end == bobbin.Aborted {
			cancelled++
		}
		for _, s := range steps {
			want[flights[i].id()] += fmt.Sprintln(bobbin.At(s.at), s.event, s.value)
		}
		want[flights[i].id()] += end.String()
	}
	if cancelled == 0 {
		t.Error("no flight was cancelled")
	}
	if err := play(t.Context(), b.Client(t), "flights", flights, 0); err != nil {
		t.Fatal(err)
	}

	reading, stop := context.WithCancel(t.Context())
	defer stop()
	consumer, err := b.Client(t).Consumer("flights", &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	left := len(want)
	err = consumer.Run(reading, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
		var got strings.Builder
		for packet, err := range s.Packets() {
			if err != nil {
				return err
			}
			if e, ok := packet.(*bobbin.Event); ok {
				fmt.Fprintln(&got, e.Time, e.ID, e.Value)
			}
		}
		got.WriteString(s.End().String())
		mu.Lock()
		defer mu.Unlock()
		if got.String() != want[s.ID()] {
			t.Errorf("flight %s:\ngot  %s\nwant %s", s.ID(), got.String(), want[s.ID()])
		}
		if left--; left == 0 {
			stop()
		}
		return nil
	}))
	if err != nil || left != 0 {
		t.Errorf("%d flights are missing, %v", left, err)
	}
}
