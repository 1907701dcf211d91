package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// deletedResult is what `topic delete-records` prints.
type deletedResult struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Start     int64  `json:"start_offset"`
}

func (r deletedResult) name() string { return fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Start) }

func (a *app) topicDeleteRecords() *cobra.Command {
	var partition int32
	var before string
	cmd := &cobra.Command{
		Use:   "delete-records NAME --partition P --before OFFSET",
		Short: "Delete the oldest records of a partition",
		Long: `Delete the records of a partition that stand before an offset; end deletes all that there are. There is no way back. The records are gone for every reader at
once; their files go when a whole one is no longer needed.`,
		Example: "  bobbin topic delete-records orders --partition 0 --before 1000\n  bobbin topic delete-records orders --partition 0 --before end",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			offset := int64(-1)
			if before != "end" {
				n, err := strconv.ParseInt(before, 10, 64)
				if err != nil || n < 0 {
					return usagef(cmd, "--before is an offset, or end for all records")
				}
				offset = n
			}
			if partition < 0 {
				return usagef(cmd, "--partition is the number of a partition, from 0 on")
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				t, err := c.Topic(ctx, args[0])
				if err != nil {
					return err
				}
				if int(partition) >= len(t.Partitions) {
					return t.NoPartition("delete records of topic", partition)
				}
				start, err := c.DeleteRecords(ctx, args[0], partition, offset)
				if err != nil {
					return err
				}
				r := deletedResult{Topic: args[0], Partition: partition, Start: start}
				return a.printOne(r, func(w io.Writer) {
					fmt.Fprintf(w, "partition %d of topic %s starts at offset %d\n", r.Partition, r.Topic, r.Start)
				})
			})
		},
	}
	cmd.Flags().Int32VarP(&partition, "partition", "p", -1, "number of the partition")
	cmd.Flags().StringVar(&before, "before", "", "offset of the first record that stays, or end")
	return a.onCluster(cmd)
}
