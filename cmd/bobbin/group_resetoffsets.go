package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// resetResult is one partition as `group reset-offsets` prints it.
type resetResult struct {
	Group     string `json:"group"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Current   *int64 `json:"current_offset"` // null when nothing was committed
	New       int64  `json:"new_offset"`
	Committed bool   `json:"committed"`
}

func (r resetResult) name() string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.New) }

func (a *app) groupResetOffsets() *cobra.Command {
	var topic, to string
	var partitions []int32
	var dry bool
	cmd := &cobra.Command{
		Use:   "reset-offsets GROUP --topic T --to earliest|latest|@TIME|OFFSET",
		Short: "Set where a group goes on reading",
		Long: `Set where a group goes on reading in a topic: earliest, latest, an OFFSET of each partition, or @TIME: @2026-11-24T08:00:00Z, @2026-11-24, milliseconds since
1970 as in @1795500000000, or a time before now as in @-1h. An offset that a partition does not reach becomes the nearest that it does.

It prints the offset that each partition has and the one that it gets; with --dry-run it changes nothing. A group that has members is refused: stop them
first, else they would overwrite the new offsets. A group that does not exist is made.`,
		Example: `  bobbin group reset-offsets billing --topic orders --to earliest --dry-run
  bobbin group reset-offsets billing --topic orders --to @-1h
  bobbin group reset-offsets billing --topic orders --partition 3 --to 1000`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if topic == "" || to == "" {
				return usagef(cmd, "reset-offsets needs --topic and --to")
			}
			place, err := kafka.ParsePlace(to, time.Now())
			if err != nil {
				return usagef(cmd, "--to: %w", err)
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				plan, err := c.PlanReset(ctx, args[0], topic, partitions, place)
				if err != nil {
					return err
				}
				if !dry {
					if err := c.CommitOffsets(ctx, args[0], plan); err != nil {
						return err
					}
				}
				var list []resetResult
				for _, p := range plan {
					r := resetResult{Group: args[0], Topic: p.Topic, Partition: p.Partition, New: p.New, Committed: !dry}
					if p.Current >= 0 {
						r.Current = &p.Current
					}
					list = append(list, r)
				}
				err = printList(a, list, "GROUP\tTOPIC\tPARTITION\tCURRENT-OFFSET\tNEW-OFFSET", func(w io.Writer, r resetResult) {
					current := "-"
					if r.Current != nil {
						current = fmt.Sprint(*r.Current)
					}
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\n", r.Group, r.Topic, r.Partition, current, r.New)
				})
				if err == nil && dry && a.output == formTable {
					fmt.Fprintln(a.stderr, "nothing was changed (--dry-run)")
				}
				return err
			})
		},
	}
	cmd.Flags().StringVarP(&topic, "topic", "t", "", "the topic")
	cmd.Flags().StringVar(&to, "to", "", "where to go on: earliest, latest, @TIME or OFFSET")
	cmd.Flags().Int32SliceVarP(&partitions, "partition", "p", nil, "only this partition; repeat it for more")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "show what would be set, and change nothing")
	a.complete(cmd, "to", "earliest", "latest")
	return a.onCluster(cmd)
}
