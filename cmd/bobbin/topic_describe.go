package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// describeResult is what `topic describe` prints.
type describeResult struct {
	topicResult
	Records    int64             `json:"records"` // between the bounds; compaction and transactions can leave fewer
	Bounds     []partitionResult `json:"partition_list"`
	Configs    []configResult    `json:"configs"`
	Durability string            `json:"durability,omitempty"`
}

type partitionResult struct {
	Partition   int32   `json:"partition"`
	Leader      int32   `json:"leader"`
	LeaderEpoch int32   `json:"leader_epoch"`
	Replicas    []int32 `json:"replicas"`
	ISR         []int32 `json:"isr"`
	Start       int64   `json:"start_offset"`
	End         int64   `json:"end_offset"`
	Error       string  `json:"error,omitempty"`
}

type configResult struct {
	Name   string  `json:"name"`
	Value  *string `json:"value"`
	Source string  `json:"source"`
}

func (a *app) topicDescribe() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show a topic's partitions, offsets and settings",
		Long: `Show a topic's partitions with their leaders and offsets, and its settings: those that were set, or with --all-configs
those at their defaults too.`,
		Example: "  bobbin topic describe orders\n  bobbin topic describe orders --all-configs -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				d, err := describe(ctx, c, args[0], all)
				if err != nil {
					return err
				}
				return a.printOne(d, d.text)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all-configs", false, "show the settings at their defaults too")
	return a.onCluster(cmd)
}

func describe(ctx context.Context, c *kafka.Client, name string, allConfigs bool) (describeResult, error) {
	t, err := c.Topic(ctx, name)
	if err != nil {
		return describeResult{}, err
	}
	d := describeResult{topicResult: topicOf(t), Configs: []configResult{}}
	// Without all leaders there are no bounds; what is wrong shows at the partitions.
	offsets, offsetsErr := c.Offsets(ctx, name)
	for _, p := range t.Partitions {
		r := partitionResult{Partition: p.ID, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR, Start: -1, End: -1}
		if p.Err != nil {
			r.Error = p.Err.Error()
		}
		if int(p.ID) < len(offsets) {
			o := offsets[p.ID]
			r.Start, r.End = o.Start, o.End
			d.Records += o.End - o.Start
		}
		d.Bounds = append(d.Bounds, r)
	}
	if offsetsErr != nil && !slices.ContainsFunc(d.Bounds, func(r partitionResult) bool { return r.Error != "" }) {
		return describeResult{}, offsetsErr
	}
	configs, err := c.TopicConfigs(ctx, name)
	if err != nil {
		return describeResult{}, err
	}
	for _, k := range configs {
		if !allConfigs && !k.Set() {
			continue
		}
		r := configResult{Name: k.Name, Source: k.Source}
		if !k.Null {
			r.Value = &k.Value
		}
		d.Configs = append(d.Configs, r)
	}
	d.Durability = kafka.Durability(configs)
	return d, nil
}

func (d describeResult) text(w io.Writer) {
	fmt.Fprintf(w, "topic\t%s\n", d.Name)
	if d.ID != "" {
		fmt.Fprintf(w, "id\t%s\n", d.ID)
	}
	fmt.Fprintf(w, "partitions\t%d\nreplicas\t%d\nrecords\t%d\n", d.Partitions, d.Replicas, d.Records)
	if d.Durability != "" {
		fmt.Fprintf(w, "durability\t%s\n", d.Durability)
	}
	fmt.Fprintln(w, "\nPARTITION\tLEADER\tEPOCH\tREPLICAS\tISR\tSTART\tEND")
	for _, p := range d.Bounds {
		fmt.Fprintf(w, "%d\t%d\t%d\t%v\t%v\t%d\t%d", p.Partition, p.Leader, p.LeaderEpoch, p.Replicas, p.ISR, p.Start, p.End)
		if p.Error != "" {
			fmt.Fprintf(w, "\t%s", p.Error)
		}
		fmt.Fprintln(w)
	}
	if len(d.Configs) == 0 {
		return
	}
	fmt.Fprintln(w, "\nSETTING\tVALUE\tSOURCE")
	for _, k := range d.Configs {
		value := "-"
		if k.Value != nil {
			value = *k.Value
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, value, k.Source)
	}
}
