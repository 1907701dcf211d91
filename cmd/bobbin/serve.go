package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/broker"
)

// serveFlags are the flags of `serve` that are not the broker's options as they are.
type serveFlags struct {
	listen, http string
	config       string
	settings     []string
}

func (a *app) serve() *cobra.Command {
	var f serveFlags
	var o broker.Options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a broker",
		Long: `Run a broker on a data directory until SIGTERM or Ctrl-C; a second one ends it at once, which loses nothing either.

When clients can come, one line that starts with "ready" and names the addresses goes to standard output and to the file address in
the data directory. With --http there are /healthz, /readyz and /metrics.

Settings of the broker have Kafka's names and are given by -X, or by a file of NAME=VALUE lines; a flag goes before -X, and -X before
the file. Without authentication only this machine may connect, unless --insecure-public-listener is given.`,
		Example: `  bobbin serve --data ./bobbin-data
  bobbin serve --data /var/lib/bobbin --listen 127.0.0.1:0 --http 127.0.0.1:0 -o json
  bobbin serve --data ./bobbin-data --durability interval:100ms -X log.retention.hours=24`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Settings, err = f.brokerSettings(); err != nil {
				return usagef(cmd, "%w", err)
			}
			o.Log = a.log(slog.LevelInfo)
			return a.serveBroker(cmd.Context(), o, f)
		},
	}
	fl := cmd.Flags()
	fl.StringVarP(&o.Dir, "data", "d", "./bobbin-data", "the data directory; made when it is missing")
	fl.StringVarP(&f.listen, "listen", "l", "127.0.0.1:9092", "where Kafka clients come in, as HOST:PORT; port 0 is a free one")
	fl.StringVar(&f.http, "http", "", "where /healthz, /readyz and /metrics are, as HOST:PORT; nowhere when empty")
	fl.StringVar(&o.Durability, "durability", "", "when a record is acknowledged: sync, interval:100ms, os; sync when nothing says otherwise")
	fl.StringVar(&f.config, "config", "", "a file of settings, NAME=VALUE a line")
	fl.StringArrayVarP(&f.settings, "set", "X", nil, "a setting of the broker, as NAME=VALUE; repeat it for more")
	fl.StringVar(&o.ExpectClusterID, "expect-cluster-id", "", "refuse a directory that is not of this cluster")
	fl.BoolVar(&o.StayReadonly, "stay-readonly", false, "keep serving reads after an error of the disk")
	fl.BoolVar(&o.AllowPublic, "insecure-public-listener", false, "let other machines connect, without authentication")
	fl.BoolVarP(&a.verbose, "verbose", "v", false, "say more on standard error")
	a.complete(cmd, "durability", "sync", "interval:100ms", "os")
	return cmd
}

// brokerSettings returns what the file and -X say.
func (f serveFlags) brokerSettings() (map[string]string, error) {
	set := make(map[string]string)
	if f.config != "" {
		file, err := os.Open(filepath.Clean(f.config))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		if set, err = readProperties(file); err != nil {
			return nil, fmt.Errorf("%s: %w", f.config, err)
		}
	}
	given, err := keyValues("-X", f.settings)
	if err != nil {
		return nil, err
	}
	maps.Copy(set, given)
	return set, nil
}

// readyResult is what `serve` prints when clients can come.
type readyResult struct {
	Ready      bool   `json:"ready"`
	Kafka      string `json:"kafka"`
	HTTP       string `json:"http,omitempty"`
	PID        int    `json:"pid"`
	ClusterID  string `json:"cluster_id"`
	Data       string `json:"data"`
	Durability string `json:"durability"`
}

func (r readyResult) name() string { return r.Kafka }

// serveGCPercent is how much garbage there may be, in percent of what is in use. That is mostly bytes of records, which the collector does not look into: it is
// cheap, and its default would double what each bound on memory allows.
const serveGCPercent = 30

func (a *app) serveBroker(ctx context.Context, o broker.Options, f serveFlags) error {
	ctx, cancel := interruptible(ctx)
	defer cancel()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(serveGCPercent)
	}
	s, err := startService(ctx, o, endpoints{kafka: f.listen, http: f.http})
	if err != nil {
		return err
	}
	r := readyResult{
		Ready: true, Kafka: s.kafka.Addr().String(), PID: os.Getpid(), ClusterID: s.ClusterID(), Data: o.Dir, Durability: s.Durability(),
	}
	if s.http != nil {
		r.HTTP = s.http.Addr().String()
	}
	if a.output == formTable {
		_, err = fmt.Fprintln(a.stdout, s.line)
	} else {
		err = a.printOne(r, nil)
	}
	if err != nil {
		return s.stop(err)
	}
	fmt.Fprintf(a.stderr, "bobbin %s, data in %s (%s)\ndurability %s: %s\n", buildVersion(), o.Dir, s.Recovered(), s.Durability(), s.DurabilityInWords())
	return s.run(ctx)
}
