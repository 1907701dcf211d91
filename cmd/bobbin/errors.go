package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// codeResult is an error of Kafka's protocol as `errors` prints it.
type codeResult struct {
	Code      int16  `json:"code"`
	Name      string `json:"name"`
	Retriable bool   `json:"retriable"`
	Meaning   string `json:"meaning"`
	Try       string `json:"try"`
}

func (r codeResult) name() string { return r.Name }

func (a *app) errors() *cobra.Command {
	return &cobra.Command{
		Use:   "errors [CODE|NAME]",
		Short: "Say what an error of the Kafka protocol means",
		Long: `Say what an error of the Kafka protocol means, whether the same request may succeed later, and what to try. Without an argument it lists all. No
cluster is needed. The number -1 is given as in "bobbin errors -- -1".`,
		Example: "  bobbin errors 3\n  bobbin errors NOT_ENOUGH_REPLICAS\n  bobbin errors -o jsonl",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				c, err := kafka.LookUpCode(args[0])
				if err != nil {
					return err
				}
				r := codeResult(c)
				return a.printOne(r, func(w io.Writer) {
					retriable := "no"
					if r.Retriable {
						retriable = "yes"
					}
					fmt.Fprintf(w, "code\t%d\nname\t%s\nretriable\t%s\nmeaning\t%s\ntry\t%s\n", r.Code, r.Name, retriable, r.Meaning, r.Try)
				})
			}
			var list []codeResult
			for _, c := range kafka.Codes() {
				list = append(list, codeResult(c))
			}
			return printList(a, list, "CODE\tNAME\tRETRIABLE\tMEANING", func(w io.Writer, r codeResult) {
				fmt.Fprintf(w, "%d\t%s\t%v\t%s\n", r.Code, r.Name, r.Retriable, r.Meaning)
			})
		},
	}
}
