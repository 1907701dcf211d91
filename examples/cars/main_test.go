package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each car is a stream in each topic, whole, with what its parameters mean.
func TestEveryCarIsAStreamInEachTopic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		client := b.Client(t)
		const cars, length = 3, 100 * time.Second
		if err := run(t.Context(), client, cars, length); err != nil {
			t.Fatal(err)
		}
		for topic, want := range map[string]struct {
			rows      int
			parameter string
			unit      string
			laps      int
		}{
			"cars-engine":   {rows: int(length / tick), parameter: "rpm", unit: "1/min"},
			"cars-tyres":    {rows: int(length / tick / tyresTick), parameter: "rear-left", unit: "kPa"},
			"cars-position": {rows: int(length / tick / placeTick), parameter: "speed", unit: "km/h", laps: 1},
		} {
			got := make(map[string]int)
			read(t, client, topic, func(s *bobbin.StreamReader) {
				rows, laps := 0, 0
				for p, err := range s.Packets() {
					if err != nil {
						t.Error(err)
						return
					}
					switch p := p.(type) {
					case *bobbin.Rows:
						rows += p.Len()
					case *bobbin.Event:
						laps++
					}
				}
				got[s.ID()] = rows
				if rows != want.rows || laps != want.laps || s.End() != bobbin.Closed {
					t.Errorf("%s, %s: %d rows of %d, %d laps, %v", topic, s.ID(), rows, want.rows, laps, s.End())
				}
				for _, d := range s.Definitions() {
					if d.ID == want.parameter && d.Unit == want.unit {
						return
					}
				}
				t.Errorf("%s, %s: no definition of %s in %s", topic, s.ID(), want.parameter, want.unit)
			})
			if len(got) != cars {
				t.Errorf("%s: %d streams", topic, len(got))
			}
		}
	})
}

// read serves the streams of a topic one after the other until no more come for a minute.
func read(t *testing.T, client *bobbin.Client, topic string, serve func(*bobbin.StreamReader)) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	consumer, err := client.Consumer(topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	turn := make(chan struct{}, 1)
	if err := consumer.Run(ctx, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
		turn <- struct{}{}
		serve(s)
		<-turn
		return nil
	})); err != nil {
		t.Error(err)
	}
}

// Cars that are stopped in the middle end their streams, and everything that they wrote is there.
func TestCarsThatAreStoppedEndTheirStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, stop)
		if err := run(ctx, b.Client(t), 2, time.Hour); err == nil {
			t.Error("cars were stopped without a word")
		}
		ended := 0
		read(t, b.Client(t), "cars-tyres", func(s *bobbin.StreamReader) {
			for range s.Packets() {
			}
			if s.End() == bobbin.Aborted {
				ended++
			}
		})
		if ended != 2 {
			t.Errorf("%d streams ended", ended)
		}
	})
}
