package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin"
)

func (a *app) stream() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "See, follow and replay the streams of a topic",
		Long: `See the streams of a topic of any Kafka-compatible cluster with what they say about themselves, follow their rows and events, and replay them into
another topic.`,
		Example: "  bobbin stream list cars\n  bobbin stream describe cars car-44\n  bobbin stream tail cars car-44\n  bobbin stream replay cars --to cars-test --speed 60",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef(cmd, "stream needs one of list, describe, tail and replay")
		},
	}
	cmd.AddCommand(a.streamList(), a.streamDescribe(), a.streamTail(), a.streamReplay())
	return cmd
}

// library opens a client of the library for the cluster that the flags name.
func (a *app) library(ctx context.Context) (*bobbin.Client, error) {
	return bobbin.Open(ctx, &bobbin.Options{Brokers: a.brokers, ClientID: "bobbin/" + buildVersion(), Log: a.log(slog.LevelError)})
}

// moment writes a time as short as it can be read exactly.
func moment(nanos int64) string {
	form := "2006-01-02T15:04:05.000Z"
	if nanos%1e6 != 0 {
		form = "2006-01-02T15:04:05.000000000Z"
	}
	return time.Unix(0, nanos).UTC().Format(form)
}

// instant is a time in JSON; null when it is not known.
func instant(known bool, nanos int64) *time.Time {
	if !known {
		return nil
	}
	t := time.Unix(0, nanos).UTC()
	return &t
}

// momentOrDash is a cell with a time.
func momentOrDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return moment(t.UnixNano())
}

// number writes a number in the fewest digits that say it exactly.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// word is a text among other words: as it is when it is one that cannot be taken for anything else, quoted otherwise.
func word(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\"={}") || !printable([]byte(s)) {
		return strconv.Quote(s)
	}
	return s
}

// speedOf reads how fast something is replayed; max is 0.
func speedOf(s string) (float64, error) {
	if s == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0) || v > 1e9 {
		return 0, fmt.Errorf("--speed %.20q is neither max nor a number such as 60, which makes a minute a second", s)
	}
	return v, nil
}

// acknowledged is what became of packets that were written.
func acknowledged(written, acked int64) error {
	if acked == written {
		return nil
	}
	return &checkError{fmt.Errorf("%d of %s were not acknowledged", written-acked, count(written, "packet"))}
}

// unfinished is why something ended that had written packets: without an error when it came to its end and all were acknowledged.
func unfinished(err error, rows, written, acked int64) error {
	lost := acknowledged(written, acked)
	switch {
	case err == nil:
		return lost
	case lost != nil && !errors.Is(err, context.Canceled):
		return &checkError{fmt.Errorf("%w: %w", lost, err)}
	case lost != nil:
		return errors.Join(err, errors.Unwrap(lost))
	}
	return fmt.Errorf("%s written and acknowledged, then: %w", count(rows, "row"), err)
}
