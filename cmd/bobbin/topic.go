package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) topic() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "topic",
		Short:   "Make, see, change and delete topics",
		Long:    "Make, see, change and delete topics of any Kafka-compatible cluster.",
		Example: "  bobbin topic create orders --partitions 4\n  bobbin topic list\n  bobbin topic describe orders",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef(cmd, "topic needs one of create, list, describe, alter, add-partitions, delete-records and delete")
		},
	}
	cmd.AddCommand(a.topicCreate(), a.topicList(), a.topicDescribe(), a.topicAlter(), a.topicAddPartitions(), a.topicDeleteRecords(), a.topicDelete())
	return cmd
}

// withCluster gives fn a client for the time of its call.
func (a *app) withCluster(ctx context.Context, fn func(ctx context.Context, c *kafka.Client) error) error {
	ctx, cancel := interruptible(ctx)
	defer cancel()
	c, err := a.cluster()
	if err != nil {
		return err
	}
	defer c.Close()
	return fn(ctx, c)
}

// topicResult is a topic as `topic create`, `topic list` and `topic delete` print it.
type topicResult struct {
	Name       string `json:"name"`
	ID         string `json:"id,omitempty"`
	Partitions int    `json:"partitions"`
	Replicas   int    `json:"replicas"`
	Internal   bool   `json:"internal"`
}

func (t topicResult) name() string { return t.Name }

func topicOf(t kafka.Topic) topicResult {
	r := topicResult{Name: t.Name, ID: t.ID, Partitions: len(t.Partitions), Internal: t.Internal}
	if len(t.Partitions) > 0 {
		r.Replicas = len(t.Partitions[0].Replicas)
	}
	return r
}
