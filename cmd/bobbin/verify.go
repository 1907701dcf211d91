package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/broker"
)

// verifyResult is what `verify` prints.
type verifyResult struct {
	Data  string `json:"data"`
	Whole bool   `json:"whole"`
	broker.VerifyReport
}

func (r verifyResult) name() string { return r.Data }

func (a *app) verify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "Check a stopped data directory",
		Long: `Read every byte of a stopped data directory and say what is wrong with it: each frame of the write-ahead log, each batch, index entry and
chain of offsets, and the checkpoint. Nothing is changed.

Each line names the file, the place in it, the partition and the offset. Exit code 6 says that something was found; ` + "`bobbin repair`" + `
can then make the directory whole again.`,
		Example: "  bobbin verify ./bobbin-data\n  bobbin verify ./bobbin-data -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := interruptible(cmd.Context())
			defer cancel()
			r, err := broker.Verify(ctx, args[0], func(f broker.Finding) {
				if a.output == formTable {
					fmt.Fprintln(a.stdout, f)
				}
			})
			if err != nil {
				return err
			}
			v := verifyResult{Data: args[0], Whole: len(r.Findings) == 0, VerifyReport: r}
			if err := a.printOne(v, v.text); err != nil {
				return err
			}
			if !v.Whole {
				return &checkError{fmt.Errorf("%s: %s", args[0], count(len(r.Findings), "finding"))}
			}
			return nil
		},
	}
}

func (r verifyResult) text(w io.Writer) {
	if r.Torn != "" {
		fmt.Fprintf(w, "behind the end of the write-ahead log, never acknowledged: %s\n", r.Torn)
	}
	fmt.Fprintf(w, "read %s in %s, %s in %s (%s), and %s of the write-ahead log behind checkpoint %d\n",
		count(r.Topics, "topic"), count(r.Partitions, "partition"), count(r.Batches, "batch"), count(r.Segments, "segment"),
		count(r.Bytes, "byte"), count(r.WALGroups, "group"), r.Checkpoint)
	if r.Whole {
		fmt.Fprintf(w, "%s is whole\n", r.Data)
	}
}
