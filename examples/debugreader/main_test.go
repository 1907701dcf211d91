package main

import (
	"context"
	"slices"
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

// A debug reader shows everything of a topic and takes nothing from the group that works on it.
func TestADebugReaderShowsEverythingAndTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1)
		client := b.Client(t)
		ctx, stop := context.WithCancel(t.Context())
		var reading sync.WaitGroup
		var out strings.Builder
		worked := 0
		reading.Go(func() {
			if err := watch(ctx, client, "cars", "debug-ada", bobbin.Earliest(), &out); err != nil {
				t.Error(err)
			}
		})
		worker, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "lap-board", Start: bobbin.Earliest()})
		if err != nil {
			t.Fatal(err)
		}
		reading.Go(func() {
			if err := worker.Run(ctx, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
				for p, err := range s.Packets() {
					if err != nil {
						return err
					}
					if rows, ok := p.(*bobbin.Rows); ok {
						worked += rows.Len()
					}
				}
				return nil
			})); err != nil {
				t.Error(err)
			}
		})
		write(t, client)
		time.Sleep(10 * time.Second)
		stop()
		reading.Wait()
		if worked != 5 {
			t.Errorf("the group that works got %d rows of 5", worked)
		}
		bobbintest.Golden(t, "output.txt", []byte(byStream(out.String())))
	})
}

// byStream puts the lines of each stream together: streams are served at the same time.
func byStream(text string) string {
	lines := strings.SplitAfter(text, "\n")
	slices.SortStableFunc(lines, func(a, b string) int {
		x, _, _ := strings.Cut(a, " ")
		y, _, _ := strings.Cut(b, " ")
		return strings.Compare(x, y)
	})
	return strings.Join(lines, "")
}

// write writes a stream with something of everything, and a record of another program.
func write(t *testing.T, client *bobbin.Client) {
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cars, err := client.Producer("cars", nil)
	check(err)
	car, err := cars.Stream(ctx, "car-44", &bobbin.StreamOptions{
		Properties: bobbin.Properties{Name: "Car 44", Location: "/team-a"}, Tags: map[string]string{"driver": "Ada"},
	})
	check(err)
	speed := car.Number("speed", &bobbin.Definition{Unit: "km/h"})
	gear := car.Text("gear", nil)
	start := bobbin.At(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	for i := range bobbin.Time(5) {
		row := car.Row(start+i*bobbin.Time(time.Second)).Num(speed, 200+float64(i))
		if i == 1 {
			row = row.Text(gear, "6")
		}
		check(row.Write(ctx))
	}
	check(car.Emit(ctx, bobbin.Event{Time: start, ID: "pit-in", Value: "box", Tags: map[string]string{"lap": "3"}}))
	check(car.SetProperties(ctx, bobbin.Properties{Name: "Car 44", Location: "/team-b", Metadata: map[string]string{"driver": "Ada"}}))
	check(car.Close(ctx, bobbin.Closed))
	check(cars.Publish(ctx, &bobbin.Raw{Key: []byte("other"), Value: []byte("of another program")}))
}
