package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// groupResult is a group as `group list` prints it.
type groupResult struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Protocol    string `json:"protocol_type"`
	Coordinator int32  `json:"coordinator"`
}

func (g groupResult) name() string { return g.Name }

func (a *app) groupList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the groups",
		Long:    "List the consumer groups of a cluster by name, with the state of each.",
		Example: "  bobbin group list\n  bobbin group list -o name",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				groups, err := c.Groups(ctx)
				if err != nil {
					return err
				}
				var list []groupResult
				for _, g := range groups {
					list = append(list, groupResult(g))
				}
				return printList(a, list, "GROUP\tSTATE\tTYPE\tCOORDINATOR", func(w io.Writer, g groupResult) {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", g.Name, orDash(g.State), orDash(g.Protocol), g.Coordinator)
				})
			})
		},
	}
	return a.onCluster(cmd)
}
