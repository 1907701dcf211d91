package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// streamResult is a stream as `stream list` prints it.
type streamResult struct {
	ID            string     `json:"id"`
	Partition     int32      `json:"partition"`
	State         string     `json:"state"` // open, closed, aborted or terminated
	Packets       int64      `json:"packets"`
	Rows          int64      `json:"rows"`
	Events        int64      `json:"events"`
	Bytes         int64      `json:"bytes"`
	First         *time.Time `json:"first_time"` // the earliest time of a row or event; null when there is none
	Last          *time.Time `json:"last_time"`
	Written       time.Time  `json:"written"` // when its newest packet was
	Start         int64      `json:"first_offset"`
	Tip           int64      `json:"last_offset"`
	Name          string     `json:"name"`
	Parameters    []string   `json:"parameters"`
	ParametersCut bool       `json:"parameters_cut,omitempty"` // there are more
}

func (s streamResult) name() string { return s.ID }

func (a *app) streamList() *cobra.Command {
	var partitions []int32
	cmd := &cobra.Command{
		Use:   "list TOPIC",
		Short: "List the streams of a topic",
		Long: fmt.Sprintf(`List the streams of a topic by id, as of what is its end now: state, counts, the earliest and the latest time of their rows and events, name and parameters. The whole topic is
read for it; progress is shown on standard error when that takes long. Records of other programs are left out.

Up to %d streams are listed. When there are more, the exit code is 1, and --partition lists them in parts.`, streams.MaxStreams),
		Example: "  bobbin stream list cars\n  bobbin stream list cars -o name\n  bobbin stream list cars -o json -B broker.example:9092",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				s, err := a.survey(ctx, c, streams.SurveyOptions{Topic: args[0], Partitions: partitions})
				if err != nil {
					return err
				}
				var list []streamResult
				for _, sum := range s.Streams {
					list = append(list, streamOf(sum))
				}
				err = printList(a, list, "ID\tPARTITION\tSTATE\tPACKETS\tROWS\tEVENTS\tFIRST\tLAST\tPARAMETERS\tNAME", func(w io.Writer, s streamResult) {
					more := ""
					if s.ParametersCut {
						more = "+"
					}
					fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%s\t%s\t%d%s\t%s\n", word(s.ID), s.Partition, s.State, s.Packets, s.Rows, s.Events, momentOrDash(s.First), momentOrDash(s.Last),
						len(s.Parameters), more, shownName(s.Name))
				})
				if s.More {
					err = errors.Join(err, fmt.Errorf("the topic has more than %d streams: the list has those that came first; --partition lists them in parts", streams.MaxStreams))
				}
				return err
			})
		},
	}
	cmd.Flags().Int32SliceVarP(&partitions, "partition", "p", nil, "look at this partition only; repeat it for more")
	return a.onCluster(cmd)
}

// shownName is a cell with a name.
func shownName(s string) string {
	if s != "" && (strings.ContainsAny(s, "\t\n") || !printable([]byte(s))) {
		return strconv.Quote(s)
	}
	return orDash(s)
}

func streamOf(s *streams.Summary) streamResult {
	return streamResult{
		ID: s.ID, Partition: s.Partition, State: s.State(), Packets: s.Packets, Rows: s.Rows, Events: s.Events, Bytes: s.Bytes,
		First: instant(s.Timed, s.First), Last: instant(s.Timed, s.Last), Written: s.Written.UTC(), Start: s.Start, Tip: s.Tip,
		Name: s.Name, Parameters: s.Parameters, ParametersCut: s.Cut,
	}
}

// survey reads a topic with progress, and says what of it could not be read.
func (a *app) survey(ctx context.Context, c *kafka.Client, o streams.SurveyOptions) (*streams.Survey, error) {
	p := a.progress()
	o.Progress = func(done, total int64) {
		p.show(func(elapsed time.Duration) string {
			return fmt.Sprintf("read %d of %d records (%s), %s left", done, total, perSecond(done, elapsed), left(elapsed, done, total))
		})
	}
	s, err := streams.TakeSurvey(ctx, c, o)
	p.end()
	if err != nil {
		return nil, err
	}
	a.sayLeftOut(o.Topic, s.Foreign, s.Broken, s.Why)
	return s, nil
}

// sayLeftOut says on standard error what is no packet, or none that can be read.
func (a *app) sayLeftOut(topic string, foreign, broken int64, why error) {
	if foreign > 0 {
		fmt.Fprintf(a.stderr, "%s of other programs left out; `bobbin consume %s` shows them\n", count(foreign, "record"), topic)
	}
	if broken > 0 {
		text := ""
		if why != nil {
			text = ": " + why.Error()
		}
		fmt.Fprintf(a.stderr, "%s cannot be read%s\n", count(broken, "packet"), text)
	}
}
