package main

import (
	"context"
	"time"

	"github.com/bobbinstream/bobbin"
)

// step reads the streams of one topic and writes what it makes of each into another one. It may be killed at any moment: a packet is committed only after what was made of it is acknowledged, so that nothing
// is left out; what was not committed is made again.
type step struct {
	in, out, group string
	// work begins to work on a stream and returns what is done with each packet of rows. What it remembers is gone when the stream goes to another process.
	work func(in *bobbin.StreamReader, out *bobbin.Stream) func(context.Context, *bobbin.Rows) error
}

// commitEvery is how much work is done again, at most, after a kill.
const commitEvery = time.Second

// run works until ctx ends.
func (s *step) run(ctx context.Context, client *bobbin.Client) error {
	results, err := client.Producer(s.out, nil)
	if err != nil {
		return err
	}
	work, err := client.Consumer(s.in, &bobbin.ConsumerOptions{Group: s.group, Start: bobbin.Earliest(), Commit: bobbin.CommitPolicy{Manual: true}})
	if err != nil {
		return err
	}
	return work.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, in *bobbin.StreamReader) error {
		made := in.Properties()
		made.Parents = []string{in.Topic() + "/" + in.ID()}
		out, err := results.Stream(ctx, in.ID(), &bobbin.StreamOptions{Properties: made})
		if err != nil {
			return err
		}
		work := s.work(in, out)
		committed := time.Now()
		for packet, err := range in.Packets() {
			if err != nil {
				return err // the next owner of the partition goes on
			}
			if rows, ok := packet.(*bobbin.Rows); ok {
				if err := work(ctx, rows); err != nil {
					return err
				}
			}
			if time.Since(committed) < commitEvery {
				continue
			}
			if err := out.Flush(ctx); err != nil {
				return err
			}
			if err := in.Commit(ctx); err != nil {
				return err
			}
			committed = time.Now()
		}
		return out.Close(ctx, in.End()) // nil: all results are acknowledged, so the whole stream is done
	}))
}
