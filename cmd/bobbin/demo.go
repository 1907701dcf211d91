package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/connect/host"
	"github.com/bobbinstream/bobbin/internal/demo"
)

// The demo listens at the first free of these ports.
const (
	demoListener = "127.0.0.1:9092"
	demoPorts    = 100
)

func (a *app) demo() *cobra.Command {
	var data string
	var length time.Duration
	var killOne bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Send this computer's live telemetry through a broker",
		Long: `Run a broker, write this computer's live telemetry to a topic of it ten times a second, and read it again independently. Every core, disk,
network interface and process (by name, never its arguments) is a stream with units and properties, which opens and closes with what it stands for;
starts and exits are events. Two readers share the streams as a consumer group; --kill-one ends one of them in the middle, as a crash would, and shows
how the other one takes over.

On a terminal a live screen shows it; elsewhere there is a line every five seconds. It ends by --for or Ctrl-C with what was written, read,
lost and out of order. The data stays in the directory, and the next run goes on where this one ended. Other programs can use the broker
while it runs, at 127.0.0.1:9092 or the next free port.

Exit code 6 says that a row was lost or out of order, or read twice although no reader was killed.`,
		Example: "  bobbin demo\n  bobbin demo --for 20s\n  bobbin demo --for 30s --kill-one\n  bobbin demo --for 20s -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < 0 {
				return usagef(cmd, "--for must not be negative")
			}
			return a.runDemo(cmd.Context(), data, length, killOne)
		},
	}
	cmd.Flags().StringVarP(&data, "data", "d", "./bobbin-data", "the data directory; made when it is missing, kept between runs")
	cmd.Flags().DurationVar(&length, "for", 0, "end after this time, such as 20s; at Ctrl-C when 0")
	cmd.Flags().BoolVar(&killOne, "kill-one", false, "end one of the two readers in the middle, without a goodbye")
	cmd.Flags().BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	return cmd
}

func (a *app) runDemo(ctx context.Context, data string, length time.Duration, killOne bool) (err error) {
	ctx, cancel := interruptible(ctx)
	defer cancel()
	s, err := startService(ctx, broker.Options{Dir: data, Settings: demoSettings(), Log: a.log(slog.LevelWarn)}, endpoints{kafka: demoListener, ports: demoPorts})
	if err != nil {
		return err
	}
	defer func() { err = s.stop(err) }()
	address := s.kafka.Addr().String()
	a.brokers = []string{address}
	client, err := a.cluster()
	if err != nil {
		return err
	}
	defer client.Close()
	sampler, err := host.Open(host.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sampler.Close()) }()
	live := a.stdout
	if a.output != formTable {
		live = a.stderr
	}
	fmt.Fprintf(live, "broker at %s, data in %s (%s)\n", address, data, s.Recovered())
	sum, err := demo.Run(ctx, demo.Options{
		Admin: client, Cluster: bobbin.Options{Dial: s.dial, Log: a.log(slog.LevelError)}, Sampler: sampler, Address: address, Durability: s.Durability(),
		Data: data, DiskBytes: s.DiskBytes, For: length, KillOne: killOne, Live: live,
	})
	if err != nil {
		return err
	}
	if a.output == formTable {
		err = sum.WriteText(a.stdout, "bobbin")
	} else {
		err = a.printOne(demoResult{sum}, nil)
	}
	if err == nil && !sum.Intact() {
		err = &checkError{fmt.Errorf("demo: %d rows lost, %d out of order, %d read twice", sum.RowsLost, sum.RowsOutOfOrder, sum.RowsDuplicated)}
	}
	return err
}

// demoSettings make the two readers start at once instead of waiting for others.
func demoSettings() map[string]string {
	return map[string]string{"group.initial.rebalance.delay.ms": "0"}
}

// dial connects to the broker in memory.
func (s *service) dial(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx) }

// demoResult is what `demo` prints.
type demoResult struct{ demo.Summary }

func (r demoResult) name() string { return r.Run }
