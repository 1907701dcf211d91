package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// deleteResult is one topic that `topic delete` deleted.
type deleteResult struct {
	Name    string `json:"name"`
	Deleted bool   `json:"deleted"`
}

func (r deleteResult) name() string { return r.Name }

func (a *app) topicDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "delete NAME…",
		Short:   "Delete topics with all their records",
		Long:    "Delete topics with all their records. There is no way back. When one of several cannot be deleted, the others still are.",
		Example: "  bobbin topic delete orders\n  bobbin topic delete orders returns",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				var done []deleteResult
				var failed error
				for _, n := range names {
					if err := c.DeleteTopic(ctx, n); err != nil {
						failed = errors.Join(failed, err)
						continue
					}
					done = append(done, deleteResult{Name: n, Deleted: true})
				}
				if a.output == formTable {
					for _, d := range done {
						fmt.Fprintf(a.stdout, "deleted topic %s\n", d.Name)
					}
					return failed
				}
				return errors.Join(failed, printList(a, done, "", func(io.Writer, deleteResult) {}))
			})
		},
	}
	return a.onCluster(cmd)
}
