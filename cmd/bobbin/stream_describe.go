package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// streamDescription is what `stream describe` prints.
type streamDescription struct {
	Topic string `json:"topic"`
	streamResult
	Others     []int32           `json:"other_partitions,omitempty"` // on which packets of it stand too
	Formats    []string          `json:"formats"`
	Location   string            `json:"location,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Parents    []string          `json:"parents,omitempty"`
	Recorded   *time.Time        `json:"recorded,omitempty"`
	Parameters []parameterResult `json:"parameters"`
	Tags       []tagResult       `json:"tags"`
	Events     []eventKindResult `json:"event_definitions"`
	Cut        bool              `json:"cut,omitempty"` // there are more parameters, tags or events
}

type parameterResult struct {
	Name        string   `json:"name"`
	Kind        string   `json:"kind"`
	Defined     bool     `json:"defined"`
	Title       string   `json:"title,omitempty"` // for people
	Description string   `json:"description,omitempty"`
	Unit        string   `json:"unit,omitempty"`
	Format      string   `json:"format,omitempty"`
	Location    string   `json:"location,omitempty"`
	Min         *float64 `json:"min,omitempty"` // of the definition
	Max         *float64 `json:"max,omitempty"`
	Values      int64    `json:"values"`
	Lowest      *float64 `json:"lowest,omitempty"` // of what was written
	Highest     *float64 `json:"highest,omitempty"`
}

type tagResult struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // some
	More   bool     `json:"more,omitempty"`
}

type eventKindResult struct {
	ID          string `json:"id"`
	Defined     bool   `json:"defined"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Location    string `json:"location,omitempty"`
	Level       int    `json:"level"`
	Count       int64  `json:"count"`
}

func (a *app) streamDescribe() *cobra.Command {
	var partitions []int32
	cmd := &cobra.Command{
		Use:   "describe TOPIC STREAM",
		Short: "Show what a stream is, and what is in it",
		Long: `Show a stream as of what is the topic's end now: its properties, metadata and parents, what its parameters and events mean, with units and ranges and what was seen of them, its tags, partition,
offsets, state, counts and times. The whole topic is read for it. A stream that is not there is exit code 3, with the ids that are most like it.`,
		Example: "  bobbin stream describe cars car-44\n  bobbin stream describe cars car-44 -o json",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				s, err := a.survey(ctx, c, streams.SurveyOptions{Topic: args[0], Partitions: partitions, Stream: args[1]})
				if err != nil {
					return err
				}
				if len(s.Details) == 0 {
					return noStream(s, args[0], args[1])
				}
				d := describeStream(args[0], s.Details)
				return a.printOne(d, d.text)
			})
		},
	}
	cmd.Flags().Int32SliceVarP(&partitions, "partition", "p", nil, "look at this partition only; repeat it for more")
	return a.onCluster(cmd)
}

// noStream says that a stream is not there, and which are.
func noStream(s *streams.Survey, topic, id string) error {
	e := &kafka.Error{Op: "describe a stream of topic", Topic: topic, Kind: kafka.NotFound, Err: fmt.Errorf("there is no stream %.80q among %s", id, count(len(s.Streams), "stream"))}
	near := s.Nearest(id, 3)
	switch {
	case len(near) > 0:
		for i := range near {
			near[i] = word(near[i])
		}
		e.Hint = "did you mean " + strings.Join(near, ", ") + "?"
	case len(s.Streams) > 0:
		e.Hint = "`bobbin stream list " + topic + "` shows all"
	default:
		e.Hint = "the topic has no streams; `bobbin consume " + topic + " --until-end` shows what it has"
	}
	return e
}

func describeStream(topic string, all []*streams.Details) streamDescription {
	d := all[0]
	p := d.Context.Properties
	r := streamDescription{
		Topic: topic, streamResult: streamOf(d.Summary), Formats: d.Formats, Location: p.Location, Metadata: p.Metadata, Parents: p.Parents, Recorded: instant(p.Recorded != 0, p.Recorded), Cut: d.Cut,
		Parameters: []parameterResult{}, Tags: []tagResult{}, Events: []eventKindResult{},
	}
	r.Name = p.Name
	if r.Formats == nil {
		r.Formats = []string{}
	}
	for _, o := range all[1:] {
		r.Others = append(r.Others, o.Partition)
	}
	for _, x := range d.Parameters {
		v := parameterResult{Name: x.Name, Kind: x.Kind.String(), Values: x.Values}
		if x.Numbers > 0 {
			v.Lowest, v.Highest = &x.Low, &x.High
		}
		if f := x.Definition; f != nil {
			v.Defined, v.Title, v.Description, v.Unit, v.Format, v.Location = true, f.Name, f.Description, f.Unit, f.Format, f.Location
			if f.Min != 0 || f.Max != 0 {
				v.Min, v.Max = finiteOnly(f.Min), finiteOnly(f.Max)
			}
		}
		r.Parameters = append(r.Parameters, v)
	}
	for _, t := range d.Tags {
		r.Tags = append(r.Tags, tagResult{Name: t.Name, Values: t.Values, More: t.More})
	}
	for _, e := range d.Events {
		v := eventKindResult{ID: e.ID, Count: e.Count}
		if f := e.Definition; f != nil {
			v.Defined, v.Title, v.Description, v.Location, v.Level = true, f.Name, f.Description, f.Location, f.Level
		}
		r.Events = append(r.Events, v)
	}
	return r
}

// finiteOnly is a number in JSON, which has no infinities.
func finiteOnly(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

func (d streamDescription) text(w io.Writer) {
	fmt.Fprintf(w, "stream\t%s\ntopic\t%s\npartition\t%d\noffsets\t%d to %d\nstate\t%s\n", word(d.ID), d.Topic, d.Partition, d.Start, d.Tip, d.State)
	if len(d.Others) > 0 {
		fmt.Fprintf(w, "also on\tpartitions %s\n", strings.Trim(fmt.Sprint(d.Others), "[]"))
	}
	fmt.Fprintf(w, "packets\t%d (%d bytes, %s)\nrows\t%d\nevents\t%d\ntimes\t%s to %s\nwritten\t%s\n", d.Packets, d.Bytes, orDash(strings.Join(d.Formats, ", ")), d.Rows, d.streamResult.Events,
		momentOrDash(d.First), momentOrDash(d.Last), moment(d.Written.UnixNano()))
	for _, x := range []struct{ name, value string }{{"name", d.Name}, {"location", d.Location}} {
		if x.value != "" {
			fmt.Fprintf(w, "%s\t%s\n", x.name, shownName(x.value))
		}
	}
	if d.Recorded != nil {
		fmt.Fprintf(w, "recorded\t%s\n", momentOrDash(d.Recorded))
	}
	if len(d.Parents) > 0 {
		parents := make([]string, len(d.Parents))
		for i, p := range d.Parents {
			parents[i] = word(p)
		}
		fmt.Fprintf(w, "parents\t%s\n", strings.Join(parents, ", "))
	}
	for _, k := range slices.Sorted(maps.Keys(d.Metadata)) {
		fmt.Fprintf(w, "metadata\t%s=%s\n", word(k), word(d.Metadata[k]))
	}
	if len(d.Parameters) > 0 {
		fmt.Fprintln(w, "\nPARAMETER\tKIND\tUNIT\tRANGE\tVALUES\tLOWEST\tHIGHEST\tDESCRIPTION")
		for _, p := range d.Parameters {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", word(p.Name), p.Kind, shownName(p.Unit), rangeOf(p.Min, p.Max), p.Values, numberOrDash(p.Lowest), numberOrDash(p.Highest),
				shownName(described(p.Title, p.Description)))
		}
	}
	if len(d.Tags) > 0 {
		fmt.Fprintln(w, "\nTAG\tVALUES")
		for _, t := range d.Tags {
			values := make([]string, 0, len(t.Values)+1)
			for _, v := range t.Values {
				values = append(values, word(v))
			}
			if t.More {
				values = append(values, "…")
			}
			fmt.Fprintf(w, "%s\t%s\n", word(t.Name), strings.Join(values, ", "))
		}
	}
	if len(d.Events) > 0 {
		fmt.Fprintln(w, "\nEVENT\tCOUNT\tLEVEL\tDESCRIPTION")
		for _, e := range d.Events {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", word(e.ID), e.Count, levelOf(e), shownName(described(e.Title, e.Description)))
		}
	}
	if d.Cut {
		fmt.Fprintln(w, "\nThere are more parameters, tags or events.")
	}
}

func described(title, description string) string {
	if title != "" && description != "" {
		return title + ": " + description
	}
	return title + description
}

func numberOrDash(v *float64) string {
	if v == nil {
		return "-"
	}
	return number(*v)
}

func rangeOf(low, high *float64) string {
	if low == nil && high == nil {
		return "-"
	}
	return numberOrDash(low) + " to " + numberOrDash(high)
}

// levelOf is a level by its name where it has one.
func levelOf(e eventKindResult) string {
	if !e.Defined {
		return "-"
	}
	if name, ok := map[int]string{-4: "debug", 0: "information", 4: "warning", 8: "error", 12: "critical"}[e.Level]; ok {
		return name
	}
	return fmt.Sprint(e.Level)
}
