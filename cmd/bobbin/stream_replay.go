package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// replayResult is what `stream replay` prints.
type replayResult struct {
	Topic       string     `json:"topic"`
	To          string     `json:"to"`
	Streams     int        `json:"streams"`
	Rows        int64      `json:"rows"`
	Events      int64      `json:"events"`
	Packets     int64      `json:"packets"` // written
	Acked       int64      `json:"acknowledged"`
	Late        int64      `json:"late"`    // packets behind those of other streams with later times
	Foreign     int64      `json:"foreign"` // records left out, since they are no packets
	Broken      int64      `json:"broken"`  // packets left out, since they cannot be read
	First       *time.Time `json:"first_time"`
	Last        *time.Time `json:"last_time"`
	Seconds     float64    `json:"seconds"`
	Interrupted bool       `json:"interrupted"`
}

func (r replayResult) name() string { return r.To }

func (a *app) streamReplay() *cobra.Command {
	o := streams.ReplayOptions{}
	var speed, from string
	untilEnd := true
	cmd := &cobra.Command{
		Use:   "replay TOPIC --to TOPIC2",
		Short: "Write the streams of a topic to another one, in the order of their times",
		Long: `Write the streams of a topic to another one that is there: rows, events, properties, definitions and ends, in the order of the times of the rows and events, as fast as it goes or, with --speed, so many times as fast as they
were recorded. Packets of one stream keep their order, and each stream is first told what it is. Records of other programs are left out.

It starts at the topic's start, or where --from says: start, end, an OFFSET of each partition, or @TIME when it was written. It ends at what is the topic's end now; with --until-end=false it goes on with what comes, as it
comes, until Ctrl-C. Streams whose times stand more than 64 MiB apart in the topic are not brought into order; the result counts them as late.

Exit code 6 says that the cluster did not acknowledge all that was written.`,
		Example: `  bobbin stream replay cars --to cars-test
  bobbin stream replay cars --to cars-test --speed 60
  bobbin stream replay cars --to cars-test --stream car-44 --stream car-7 --from @2026-11-24 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Topic, o.Follow = args[0], !untilEnd
			var err error
			if o.Speed, err = speedOf(speed); err != nil {
				return usagef(cmd, "%w", err)
			}
			if o.From, err = kafka.ParsePlace(from, time.Now()); err != nil {
				return usagef(cmd, "--from: %w", err)
			}
			switch o.To {
			case "":
				return usagef(cmd, "--to is missing: the topic that is written")
			case o.Topic:
				return usagef(cmd, "--to is the topic itself; replay it into another one")
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error { return a.replay(ctx, c, o) })
		},
	}
	cmd.Flags().StringVar(&o.To, "to", "", "the topic that is written; it must be there")
	cmd.Flags().StringArrayVar(&o.Streams, "stream", nil, "replay this stream only; repeat it for more")
	cmd.Flags().StringVar(&speed, "speed", "max", "how many times as fast as it was recorded, or max")
	cmd.Flags().StringVar(&from, "from", "start", "where to start: start, end, OFFSET or @TIME")
	cmd.Flags().BoolVar(&untilEnd, "until-end", true, "end at what is the end of the topic now")
	a.complete(cmd, "from", "start", "end")
	a.complete(cmd, "speed", "max", "1", "60")
	return a.onCluster(cmd)
}

func (a *app) replay(ctx context.Context, c *kafka.Client, o streams.ReplayOptions) error {
	for _, topic := range []string{o.Topic, o.To} {
		if _, err := c.Topic(ctx, topic); err != nil {
			if topic == o.To && kafka.KindOf(err) == kafka.NotFound {
				return withHint(err, "`bobbin topic create "+topic+"` makes it")
			}
			return err
		}
	}
	library, err := a.library(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	p := a.progress()
	o.Progress = func(d streams.Replayed) {
		p.show(func(elapsed time.Duration) string {
			at := "-"
			if d.Timed {
				at = moment(d.Last)
			}
			return fmt.Sprintf("%d rows (%s) of %d streams, at %s, %s left", d.Rows, perSecond(d.Rows, elapsed), d.Streams, at, left(elapsed, d.Done, d.Total))
		})
	}
	d, err := streams.Replay(ctx, c, library, o)
	p.end()
	if closing := library.Close(); err == nil {
		err = closing
	}
	r := replayResult{
		Topic: o.Topic, To: o.To, Streams: d.Streams, Rows: d.Rows, Events: d.Events, Packets: d.Written, Acked: d.Acked, Late: d.Late, Foreign: d.Foreign, Broken: d.Broken,
		First: instant(d.Timed, d.First), Last: instant(d.Timed, d.Last), Seconds: time.Since(began).Seconds(), Interrupted: ctx.Err() != nil,
	}
	if err == nil || d.Written > 0 {
		err = errors.Join(a.printOne(r, r.text), unfinished(err, d.Rows, d.Written, d.Acked))
	}
	a.sayLeftOut(o.Topic, d.Foreign, d.Broken, nil)
	return err
}

func (r replayResult) text(w io.Writer) {
	fmt.Fprintf(w, "wrote %s and %s of %s to %s in %.1f s (%s); %d of %s acknowledged\n", count(r.Rows, "row"), count(r.Events, "event"), count(r.Streams, "stream"), r.To, r.Seconds,
		perSecond(r.Rows, time.Duration(r.Seconds*float64(time.Second))), r.Acked, count(r.Packets, "packet"))
	if r.First != nil {
		fmt.Fprintf(w, "from %s to %s\n", momentOrDash(r.First), momentOrDash(r.Last))
	}
	if r.Late > 0 {
		fmt.Fprintf(w, "%s came behind those of other streams with later times: they stand too far apart in %s\n", count(r.Late, "packet"), r.Topic)
	}
}

// withHint says what to try.
func withHint(err error, hint string) error {
	k, ok := errors.AsType[*kafka.Error](err)
	if !ok {
		return err
	}
	e := *k
	e.Hint = hint
	return &e
}
