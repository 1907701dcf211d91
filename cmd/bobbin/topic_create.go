package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) topicCreate() *cobra.Command {
	var t kafka.NewTopic
	var configs []string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a topic",
		Long:  "Make a topic. Settings have Kafka's names, such as retention.bytes and cleanup.policy.",
		Example: `  bobbin topic create orders --partitions 4
  bobbin topic create telemetry --partitions 8 --config retention.bytes=1073741824 --config flush.ms=100`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.Name = args[0]
			var err error
			if t.Configs, err = keyValues("--config", configs); err != nil {
				return usagef(cmd, "%w", err)
			}
			if t.Partitions < 0 || t.ReplicationFactor < 0 {
				return usagef(cmd, "--partitions and --replication-factor must not be negative")
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				if err := c.CreateTopic(ctx, t); err != nil {
					return err
				}
				made, err := c.Topic(ctx, t.Name)
				if err != nil {
					return err
				}
				r := topicOf(made)
				return a.printOne(r, func(w io.Writer) {
					fmt.Fprintf(w, "created topic %s with %s\n", r.Name, count(r.Partitions, "partition"))
				})
			})
		},
	}
	cmd.Flags().Int32VarP(&t.Partitions, "partitions", "p", 0, "number of partitions; the cluster's default when 0")
	cmd.Flags().Int16VarP(&t.ReplicationFactor, "replication-factor", "r", 0, "copies of each partition; the cluster's default when 0")
	cmd.Flags().StringArrayVarP(&configs, "config", "c", nil, "a setting of the topic, as NAME=VALUE; repeat it for more")
	return a.onCluster(cmd)
}
