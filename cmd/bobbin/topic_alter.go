package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

func (a *app) topicAlter() *cobra.Command {
	var configs, remove []string
	cmd := &cobra.Command{
		Use:   "alter NAME",
		Short: "Change a topic's settings",
		Long: `Change a topic's settings: --config sets one, --delete-config takes it back to the default; the others stay. A change holds at once, and
for what is written from then on.`,
		Example: `  bobbin topic alter orders --config retention.ms=86400000
  bobbin topic alter orders --config max.message.bytes=4194304 --delete-config retention.ms`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			set, err := keyValues("--config", configs)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if len(set)+len(remove) == 0 {
				return usagef(cmd, "nothing is to be changed: give --config NAME=VALUE or --delete-config NAME")
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				if err := c.AlterTopic(ctx, args[0], set, remove); err != nil {
					return err
				}
				d, err := describe(ctx, c, args[0], false)
				if err != nil {
					return err
				}
				return a.printOne(d, func(w io.Writer) {
					fmt.Fprintf(w, "altered topic %s: %s set, %d at the default again\n", d.Name, count(len(set), "setting"), len(remove))
				})
			})
		},
	}
	cmd.Flags().StringArrayVarP(&configs, "config", "c", nil, "a setting to set, as NAME=VALUE; repeat it for more")
	cmd.Flags().StringArrayVar(&remove, "delete-config", nil, "a setting that goes back to its default; repeat it for more")
	return a.onCluster(cmd)
}
