package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// app is what the commands share.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string

	output  string
	brokers []string
	verbose bool
	started bool // a command runs: what fails before is a wrong use
}

// run runs one command and returns the exit code of the process.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if !a.started {
		err = &usageError{cmd: cmd.CommandPath(), err: err}
	}
	return a.fail(err)
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "bobbin",
		Short: "A durable Kafka-compatible broker in one binary, and tools for any Kafka cluster",
		Long: `Bobbin is a durable broker that speaks the Kafka protocol, in one binary, and a set of tools for it and for any other
Kafka-compatible cluster.

Every flag has an environment variable: BOBBIN_ and the flag's name in capitals, with _ for -, such as BOBBIN_OUTPUT=json.
A flag goes before its variable.

Exit codes: 0 ok, 1 failure, 2 wrong use, 3 not found, 4 not allowed, 5 unreachable or time-out, 6 a check failed,
7 data directory in use, 8 listener refused, 9 format too new, 10 corruption, 11 input/output error, 130 interrupted.`,
		Example: `  bobbin demo
  bobbin serve --data ./bobbin-data
  bobbin topic create orders --partitions 4
  echo hello | bobbin produce orders
  bobbin consume orders --from start --until-end`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.begin(cmd) },
	}
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetGlobalNormalizationFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "bootstrap-server" {
			name = flagBrokers
		}
		return pflag.NormalizedName(name)
	})
	root.PersistentFlags().StringVarP(&a.output, "output", "o", formTable, "form of the result: "+strings.Join(forms, ", "))
	a.complete(root, "output", forms...)
	root.AddCommand(a.serve(), a.demo(), a.topic(), a.produce(), a.consume(), a.stream(), a.importFile(), a.group(), a.doctor(), a.errors(), a.verify(), a.repair(), a.version(), a.completion())
	return root
}

const flagBrokers = "bootstrap-servers"

// onCluster gives a command the flags of those that talk to a cluster.
func (a *app) onCluster(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringSliceVarP(&a.brokers, flagBrokers, "B", []string{kafka.DefaultBroker}, "brokers of any Kafka cluster, as HOST:PORT")
	cmd.Flags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	return cmd
}

// complete offers values of a flag to the shell.
func (a *app) complete(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(fmt.Sprintf("BUG: flag %s of %s: %v", flag, cmd.Name(), err))
	}
}

// begin runs before every command.
func (a *app) begin(cmd *cobra.Command) error {
	if err := a.fromEnvironment(cmd.Flags()); err != nil {
		return err
	}
	if err := checkForm(a.output); err != nil {
		return err
	}
	a.started = true
	return nil
}

// fromEnvironment sets the flags that were not given from the environment.
func (a *app) fromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || err != nil || f.Name == "help" {
			return
		}
		name := "BOBBIN_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value := a.env(name)
		if value == "" && f.Name == flagBrokers {
			name = "KAFKA_BOOTSTRAP_SERVERS"
			value = a.env(name)
		}
		if value == "" {
			return
		}
		if e := flags.Set(f.Name, value); e != nil {
			err = fmt.Errorf("environment variable %s: %w", name, e)
		}
	})
	return err
}

// cluster opens a client of the cluster that the flags name.
func (a *app) cluster() (*kafka.Client, error) {
	return kafka.Open(kafka.Options{Brokers: a.brokers, ClientID: "bobbin/" + buildVersion(), Log: a.log(slog.LevelError)})
}

// log writes to standard error from a level on, and everything with --verbose.
func (a *app) log(from slog.Level) *slog.Logger {
	if a.verbose {
		from = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: from}))
}

// interruptible ends the context at the first SIGINT or SIGTERM; the second one ends the process.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel)
	return ctx, cancel
}
