package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin"
)

// The topics, one for each system of a car, and how long each is kept.
var topics = map[string]map[string]string{
	"cars-engine":   {"retention.ms": "86400000"},
	"cars-tyres":    {"retention.ms": "604800000"},
	"cars-position": {"retention.ms": "31536000000"},
}

// run makes the topics and drives until ctx ends or the time is over.
func run(ctx context.Context, client *bobbin.Client, cars int, length time.Duration) error {
	for name, settings := range topics {
		if err := client.CreateTopic(ctx, name, 3, settings); err != nil && !errors.Is(err, bobbin.ErrTopicExists) {
			return err
		}
	}
	engines, err := client.Producer("cars-engine", &bobbin.ProducerOptions{Format: bobbin.Binary}) // much data
	if err != nil {
		return err
	}
	tyres, err := client.Producer("cars-tyres", nil)
	if err != nil {
		return err
	}
	positions, err := client.Producer("cars-position", nil)
	if err != nil {
		return err
	}
	errs := make([]error, cars)
	var driving sync.WaitGroup
	for i := range cars {
		driving.Go(func() {
			c := car{number: i + 1}
			errs[i] = c.drive(ctx, engines, tyres, positions, length)
		})
	}
	driving.Wait()
	return errors.Join(errs...)
}

// car is one car, which belongs to a goroutine.
type car struct {
	number                  int
	engine, tyres, position *bobbin.Stream
}

// drive opens the car's streams, drives, and closes them. A car that cannot go on says so in the end of its streams.
func (c *car) drive(ctx context.Context, engines, tyres, positions *bobbin.Producer, length time.Duration) error {
	for _, s := range []struct {
		of     *bobbin.Producer
		stream **bobbin.Stream
	}{{engines, &c.engine}, {tyres, &c.tyres}, {positions, &c.position}} {
		var err error
		*s.stream, err = s.of.Stream(ctx, fmt.Sprint("car-", c.number), &bobbin.StreamOptions{
			Properties: bobbin.Properties{Name: fmt.Sprint("Car ", c.number), Location: "/fleet", Metadata: map[string]string{"model": "B1"}},
			Buffer:     bobbin.Buffer{Age: 200 * time.Millisecond},
		})
		if err != nil {
			return err
		}
	}
	how := bobbin.Closed
	err := c.measure(ctx, length)
	if err != nil {
		how = bobbin.Aborted
	}
	ending := context.WithoutCancel(ctx)
	return errors.Join(err, c.engine.Close(ending, how), c.tyres.Close(ending, how), c.position.Close(ending, how))
}
