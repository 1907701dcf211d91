package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/bobbinstream/bobbin"
)

// play writes the flights, step by step in the order of time, so that many are under way at once.
func play(ctx context.Context, client *bobbin.Client, topic string, flights []flight, speed float64) error {
	type happening struct {
		step
		of   *flight
		last bool
		end  bobbin.End
	}
	var all []happening
	for i := range flights {
		steps, end, err := flights[i].life()
		if err != nil {
			return fmt.Errorf("flight %s: %w", flights[i].id(), err)
		}
		for j, s := range steps {
			all = append(all, happening{s, &flights[i], j == len(steps)-1, end})
		}
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	if len(all) == 0 {
		return nil
	}

	// Thousands of short streams: no pin in the directory for each. They stay in order as long as the topic keeps its number of partitions.
	producer, err := client.Producer(topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed})
	if err != nil {
		return err
	}
	began, first := time.Now(), all[0].at
	for _, h := range all {
		if speed > 0 {
			if err := until(ctx, began.Add(time.Duration(float64(h.at.Sub(first))/speed))); err != nil {
				return err
			}
		}
		s, err := producer.Stream(ctx, h.of.id(), &bobbin.StreamOptions{Properties: h.of.properties()}) // opens it the first time
		if err != nil {
			return err
		}
		if h.delay != nil {
			delay := s.Number("delay", &bobbin.Definition{Name: "Behind the schedule", Unit: "min"})
			if err := s.Row(bobbin.At(h.at)).Num(delay, float64(*h.delay)).Write(ctx); err != nil {
				return err
			}
		}
		if err := s.Emit(ctx, bobbin.Event{Time: bobbin.At(h.at), ID: h.event, Value: h.value}); err != nil {
			return err
		}
		if h.last {
			if err := s.Close(ctx, h.end); err != nil {
				return err
			}
		}
	}
	return producer.Flush(ctx)
}

// until waits for a moment.
func until(ctx context.Context, t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
