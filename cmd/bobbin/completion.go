package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// completionResult is what `completion` prints.
type completionResult struct {
	Shell  string `json:"shell"`
	Script string `json:"script"`
}

func (c completionResult) name() string { return c.Shell }

func (a *app) completion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes commands in a shell",
		Long: `Print a script that completes commands and flags of bobbin in bash, zsh, fish or powershell.

With -o json the script is a field of an object; -o name prints the shell's name.`,
		Example:   "  source <(bobbin completion bash)\n  bobbin completion zsh > \"${fpath[1]}/_bobbin\"",
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			var script bytes.Buffer
			if err := completionScript(cmd.Root(), args[0], &script); err != nil {
				return err
			}
			if a.output == formTable {
				_, err := a.stdout.Write(script.Bytes())
				return err
			}
			return a.printOne(completionResult{Shell: args[0], Script: script.String()}, nil)
		},
	}
}

func completionScript(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	}
	return fmt.Errorf("no completion for shell %.20q", shell)
}
