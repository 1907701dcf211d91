package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) topicList() *cobra.Command {
	var internal bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the topics",
		Long:    "List the topics of a cluster by name. The cluster's own are left out without --internal.",
		Example: "  bobbin topic list\n  bobbin topic list -o name\n  bobbin topic list -o json -B broker.example:9092",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				all, err := c.Topics(ctx)
				if err != nil {
					return err
				}
				var list []topicResult
				for _, t := range all {
					if internal || !t.Internal {
						list = append(list, topicOf(t))
					}
				}
				return printList(a, list, "NAME\tPARTITIONS\tREPLICAS", func(w io.Writer, t topicResult) {
					fmt.Fprintf(w, "%s\t%d\t%d\n", t.Name, t.Partitions, t.Replicas)
				})
			})
		},
	}
	cmd.Flags().BoolVar(&internal, "internal", false, "list the cluster's own topics too")
	return a.onCluster(cmd)
}
