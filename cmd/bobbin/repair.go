package main

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/broker"
)

// repairResult is what `repair` prints.
type repairResult struct {
	Data string `json:"data"`
	broker.RepairReport
}

func (r repairResult) name() string { return r.Data }

func (a *app) repair() *cobra.Command {
	var accepted bool
	cmd := &cobra.Command{
		Use:   "repair DIR --i-accept-loss",
		Short: "Make a damaged data directory whole again",
		Long: `Make a damaged, stopped data directory whole again: a damaged partition ends at its last whole batch, and a damaged write-ahead log in
front of its damaged group. What is taken away is kept in the directory's quarantine, and what was lost is said.

Records behind the damage are lost to readers, even those that are whole: copy the directory first. See ` + "`bobbin verify`" + ` for what is wrong.`,
		Example: "  bobbin verify ./bobbin-data\n  bobbin repair ./bobbin-data --i-accept-loss",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !accepted {
				return usagef(cmd, "repair can take records away: say so with --i-accept-loss; `bobbin verify %s` shows what is damaged", args[0])
			}
			ctx, cancel := interruptible(cmd.Context())
			defer cancel()
			r, err := broker.Repair(ctx, args[0], a.log(slog.LevelWarn))
			if err != nil {
				return err
			}
			v := repairResult{Data: args[0], RepairReport: r}
			return a.printOne(v, v.text)
		},
	}
	cmd.Flags().BoolVar(&accepted, "i-accept-loss", false, "go on although records may be lost")
	cmd.Flags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	return cmd
}

func (r repairResult) text(w io.Writer) {
	for _, l := range r.Losses {
		what := "write-ahead log"
		if l.Topic != "" {
			what = fmt.Sprintf("%s partition %d", l.Topic, l.Partition)
		}
		fmt.Fprintf(w, "%s: ends at %d now", what, l.End)
		if l.Before >= 0 {
			fmt.Fprintf(w, ", it ended at %d", l.Before)
		}
		fmt.Fprintf(w, "; %s; kept in %s\n", l.Why, strings.Join(l.Kept, ", "))
	}
	for _, f := range r.Rebuilt {
		fmt.Fprintf(w, "made again without loss: %s\n", f)
	}
	if len(r.Losses) == 0 && len(r.Rebuilt) == 0 {
		fmt.Fprintf(w, "%s needs no repair\n", r.Data)
	}
}
