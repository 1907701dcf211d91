package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) groupDelete() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete GROUP…",
		Short: "Delete groups with their offsets",
		Long: `Delete groups with their committed offsets. There is no way back. A group that has members is refused. When one of several cannot be deleted, the others
still are.`,
		Example: "  bobbin group delete billing\n  bobbin group delete billing audit",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				var done []deleteResult
				var failed error
				for _, n := range names {
					if err := c.DeleteGroup(ctx, n); err != nil {
						failed = errors.Join(failed, err)
						continue
					}
					done = append(done, deleteResult{Name: n, Deleted: true})
				}
				if a.output == formTable {
					for _, d := range done {
						fmt.Fprintf(a.stdout, "deleted group %s\n", d.Name)
					}
					return failed
				}
				return errors.Join(failed, printList(a, done, "", func(io.Writer, deleteResult) {}))
			})
		},
	}
	return a.onCluster(cmd)
}
