package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) topicAddPartitions() *cobra.Command {
	var total int
	cmd := &cobra.Command{
		Use:   "add-partitions NAME --to N",
		Short: "Give a topic more partitions",
		Long: `Give a topic more partitions, N in all. There is no way back, and keys move: a record goes to the partition that its key has among N, those that are
there stay where they are.`,
		Example: "  bobbin topic add-partitions orders --to 12",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if total < 1 {
				return usagef(cmd, "--to is the number of partitions that the topic shall have, at least 1")
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				if err := c.SetPartitions(ctx, args[0], total); err != nil {
					return err
				}
				r := topicResult{Name: args[0], Partitions: total}
				if t, err := c.Topic(ctx, args[0]); err == nil { // it may take a moment on a cluster
					r = topicOf(t)
					r.Partitions = max(r.Partitions, total)
				}
				return a.printOne(r, func(w io.Writer) { fmt.Fprintf(w, "topic %s has %s\n", r.Name, count(total, "partition")) })
			})
		},
	}
	cmd.Flags().IntVar(&total, "to", 0, "number of all partitions, those that there are included")
	return a.onCluster(cmd)
}
