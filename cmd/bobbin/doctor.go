package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// doctorResult is what `doctor` prints.
type doctorResult struct {
	OK      bool            `json:"ok"`
	Brokers []string        `json:"brokers"`
	Steps   []doctorFinding `json:"steps"`
}

type doctorFinding struct {
	Step    string  `json:"step"`
	Subject string  `json:"subject"`
	Verdict string  `json:"verdict"` // ok, warning or failed
	Detail  string  `json:"detail"`
	Hint    string  `json:"hint,omitempty"`
	TookMs  float64 `json:"took_ms"`
}

func (d doctorResult) name() string {
	if d.OK {
		return "ok"
	}
	return "failed"
}

func (a *app) doctor() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out why clients cannot use a cluster",
		Long: `Go the way of a client to a cluster, and say for each step what came of it and what to change: resolve the brokers' names, connect, speak the protocol, ask
for the metadata, connect to every address that the brokers tell their clients to use, and look for partitions without a leader.

It ends with 0 when all is well, with 5 when no broker could be asked, and with 6 when one could and something else is wrong.`,
		Example: "  bobbin doctor\n  bobbin doctor -B broker.example:9092 -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := interruptible(cmd.Context())
			defer cancel()
			d := kafka.Diagnose(ctx, kafka.Options{Brokers: a.brokers, ClientID: "bobbin/" + buildVersion(), Timeout: timeout})
			if err := ctx.Err(); err != nil {
				return err
			}
			r := doctorResult{OK: d.OK(), Brokers: a.brokers, Steps: []doctorFinding{}}
			for _, f := range d.Findings {
				n := doctorFinding{Step: f.Step, Subject: f.Subject, Verdict: "ok", Detail: f.Detail, Hint: f.Hint, TookMs: float64(f.Took.Microseconds()) / 1000}
				switch {
				case !f.OK:
					n.Verdict = "failed"
				case f.Warning:
					n.Verdict = "warning"
				}
				r.Steps = append(r.Steps, n)
			}
			if err := a.printOne(r, r.text); err != nil {
				return err
			}
			switch {
			case !d.Reached:
				return &kafka.Error{Op: "reach the cluster", Kind: kafka.Unreachable, Err: errors.New("no broker could be asked"), Hint: firstHint(r)}
			case !r.OK:
				return &checkError{errors.New("the cluster can be reached, and something is wrong with it: see above")}
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long each step may take")
	return a.onCluster(cmd)
}

func firstHint(r doctorResult) string {
	for _, s := range r.Steps {
		if s.Verdict == "failed" && s.Hint != "" {
			return s.Hint
		}
	}
	return ""
}

func (d doctorResult) text(w io.Writer) {
	for _, s := range d.Steps {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Verdict, s.Step, s.Subject, s.Detail)
	}
	hints := false
	for _, s := range d.Steps {
		if s.Hint != "" {
			if !hints {
				fmt.Fprintln(w)
			}
			hints = true
			fmt.Fprintf(w, "%s %s: %s\n", s.Step, s.Subject, s.Hint)
		}
	}
	if d.OK && !hints {
		fmt.Fprintln(w, "\nall is well")
	}
}
