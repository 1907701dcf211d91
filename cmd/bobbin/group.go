package main

import (
	"github.com/spf13/cobra"
)

func (a *app) group() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "group",
		Short:   "See, move and delete consumer groups",
		Long:    "See consumer groups of any Kafka-compatible cluster with their members and their lag, set their offsets, and delete them.",
		Example: "  bobbin group list\n  bobbin group describe billing\n  bobbin group reset-offsets billing --topic orders --to earliest --dry-run",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef(cmd, "group needs one of list, describe, reset-offsets and delete")
		},
	}
	cmd.AddCommand(a.groupList(), a.groupDescribe(), a.groupResetOffsets(), a.groupDelete())
	return cmd
}

// orDash is an empty cell.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
