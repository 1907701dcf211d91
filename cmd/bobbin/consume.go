package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// consumeFlags are the flags of `consume`.
type consumeFlags struct {
	from       string
	count      int64
	untilEnd   bool
	partitions []int32
	format     string
	group      string
	raw        bool
}

func (a *app) consume() *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Read records of a topic",
		Long: `Read records of a topic and write them to standard output, new ones as they come, until --count, --until-end or Ctrl-C.

The place to start is start, end, an OFFSET of each partition, or @TIME: @2026-11-24T08:00:00Z, @2026-11-24, milliseconds since 1970
as in @1795500000000, or a time before now as in @-1h.

A record is written as -f says: %t topic, %p partition, %o offset, %k key, %v value, %d what a packet of a stream says in short and the
value of other records, %T time in milliseconds, %h headers; \n and \t. On a terminal, keys and values that are not printable are written
in hex. -o json writes an array, -o jsonl an object a line, with key_base64 and value_base64 for bytes that are no text, and in packet what
a packet of a stream says; -o name writes TOPIC/PARTITION/OFFSET. With --raw packets are written as any record.

With --group the partitions are shared with the other members of that group, reading goes on where the group has committed, and --from is for
partitions where it has not. Records count as read when they are written.`,
		Example: `  bobbin consume orders
  bobbin consume orders --from start --until-end -o jsonl
  bobbin consume orders --from @-1h --count 10 -f '%T %k %v\n'
  bobbin consume orders --group billing --from start
  bobbin consume cars --until-end -o jsonl | jq .packet.content`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := kafka.ParsePlace(f.from, time.Now())
			if err != nil {
				return usagef(cmd, "--from: %w", err)
			}
			if f.raw && !cmd.Flags().Changed("format") {
				f.format = `%v\n`
			}
			format, err := parseFormat(f.format)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			if f.count < 0 {
				return usagef(cmd, "--count must not be negative")
			}
			format.safe = isTerminal(a.stdout)
			out := &recordWriter{w: a.stdout, form: a.output, format: format, raw: f.raw}
			if f.group != "" {
				if f.untilEnd || len(f.partitions) > 0 {
					return usagef(cmd, "--group gets its partitions from the group: it goes with neither --partition nor --until-end; --count ends it")
				}
				o := kafka.GroupReaderOptions{Group: f.group, Topic: args[0], From: from}
				return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
					r, err := c.NewGroupReader(ctx, o)
					if err != nil {
						return err
					}
					defer r.Close()
					return errors.Join(copyRecords(ctx, r, out, f.count), out.end())
				})
			}
			opts := kafka.ReaderOptions{Topic: args[0], Partitions: f.partitions, From: from, UntilEnd: f.untilEnd}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				r, err := c.NewReader(ctx, opts)
				if err != nil {
					return err
				}
				defer r.Close()
				return errors.Join(copyRecords(ctx, r, out, f.count), out.end())
			})
		},
	}
	cmd.Flags().StringVar(&f.from, "from", "end", "where to start: start, end, OFFSET or @TIME")
	cmd.Flags().Int64VarP(&f.count, "count", "n", 0, "end after so many records; never when 0")
	cmd.Flags().BoolVar(&f.untilEnd, "until-end", false, "end at what is the end of the topic now; starts at its start without --from")
	cmd.Flags().Int32SliceVarP(&f.partitions, "partition", "p", nil, "read only this partition; repeat it for more")
	cmd.Flags().StringVarP(&f.group, "group", "g", "", "read as a member of this consumer group, and commit what was written")
	cmd.Flags().StringVarP(&f.format, "format", "f", `%d\n`, "form of a record in the table form")
	cmd.Flags().BoolVar(&f.raw, "raw", false, "write packets of streams as any record, byte for byte")
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if f.untilEnd && !cmd.Flags().Changed("from") {
			f.from = "start"
		}
	}
	a.complete(cmd, "from", "start", "end")
	return a.onCluster(cmd)
}

// source is what records are read from.
type source interface {
	Poll(ctx context.Context, limit int) ([]kafka.Record, error)
}

// committer is a source that is told what was written.
type committer interface{ Commit(context.Context) error }

// copyRecords writes what is read, until the end or until there were limit records; 0 is no limit.
func copyRecords(ctx context.Context, r source, out *recordWriter, limit int64) error {
	for {
		most := 10_000
		if limit > 0 {
			most = int(min(int64(most), limit-int64(out.n)))
		}
		records, err := r.Poll(ctx, most)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if err := out.write(records); err != nil {
			return err
		}
		if c, ok := r.(committer); ok {
			if err := c.Commit(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
		if limit > 0 && int64(out.n) >= limit {
			return nil
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
