package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Exit codes, those of the bobbin binary.
const (
	exitFailure = 1
	exitUsage   = 2
	exitCheck   = 6
	exitStopped = 130
)

// errMissed says that -check found a goal that is not met.
var errMissed = errors.New("a goal is not met")

// errUsage says that the command line is wrong and has been explained.
var errUsage = errors.New("usage")

// bench holds what a run was asked for.
type bench struct {
	bobbin, limits, kafka, data string
	pairs, touch, idle          int
	dur, e2eFor, probeFor, warm time.Duration
	bytes                       int64
	check                       bool
	out                         io.Writer
	journal                     *journal
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := command(ctx, os.Args[1:])
	switch {
	case err == nil:
		return
	case errors.Is(err, errUsage):
		os.Exit(exitUsage)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	switch {
	case errors.Is(err, errMissed):
		os.Exit(exitCheck)
	case ctx.Err() != nil:
		os.Exit(exitStopped)
	}
	os.Exit(exitFailure)
}

// contests lists every contest, in the order in which they run when none is named.
func (b *bench) contests() []contest {
	return []contest{
		b.startContest(),
		b.e2eContest(),
		b.topicsContest(),
		b.produceContest("produce-1k", 1024, 1.0, 1.5),
		b.produceContest("produce-100b", 100, 0.9, 1.0),
		b.recoveryContest(),
		b.groupsContest(),
		b.commitsContest(),
		b.createContest(),
		b.tenThousandContest(),
		b.replayContest(),
		b.hostileContest(),
		b.rowsContest(),
		b.streamsLatencyContest(),
		b.streamsMemoryContest(),
	}
}

func command(ctx context.Context, args []string) (err error) {
	b := &bench{out: os.Stdout}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.bobbin, "bobbin", "", "the broker's binary (default: built from this checkout)")
	flags.StringVar(&b.limits, "limits", os.Getenv("LIMITS"), "the measuring program (default: $LIMITS)")
	flags.StringVar(&b.kafka, "kafka", "", "folder of a real Kafka with env.sh and bin/format.sh; without it, nothing is compared with Kafka")
	flags.StringVar(&b.data, "data", "", "directory for the servers' data (default: a new one here, removed at the end)")
	flags.IntVar(&b.pairs, "pairs", 5, "rounds of a contest; the order is turned round each time")
	flags.IntVar(&b.touch, "touch", 2, "GiB of memory to touch and free before each turn")
	flags.DurationVar(&b.dur, "for", 20*time.Second, "how long a turn lasts at least")
	flags.Int64Var(&b.bytes, "bytes", 8<<30, "bytes that a turn of producing writes at least; recovery has these and a quarter of them")
	flags.BoolVar(&b.check, "check", false, "exit with 6 when a goal is not met")
	quick := flags.Bool("quick", false, "ten times shorter, three rounds; flags that are given count")
	path := flags.String("out", "", "file to which raw points are appended, as JSON lines (default: bench-DATE.jsonl here)")
	flags.Usage = func() { usage(flags) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return errUsage
	}
	b.derive(flags, *quick)
	if err := b.prepare(); err != nil {
		return err
	}
	chosen, err := choose(b.contests(), flags.Args())
	if err != nil {
		return err
	}
	if *path == "" {
		*path = time.Now().Format("bench-20060102-150405.jsonl")
	}
	if b.journal, err = openJournal(*path); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.journal.close()) }()
	remove, err := b.openData()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if err := b.build(ctx); err != nil {
		return err
	}
	if err := b.journal.put(header{thisMachine(), args}); err != nil {
		return err
	}
	return b.runAll(ctx, chosen, *path)
}

// derive sets what follows from the flags.
func (b *bench) derive(flags *flag.FlagSet, quick bool) {
	b.probeFor, b.warm, b.idle = 5*time.Second, 20*time.Second, 10_000
	if quick {
		given := map[string]bool{}
		flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
		if !given["pairs"] {
			b.pairs = 3
		}
		if !given["for"] {
			b.dur /= 10
		}
		if !given["bytes"] {
			b.bytes /= 10
		}
		b.probeFor, b.warm, b.idle = 2*time.Second, 2*time.Second, 5000
	}
	b.e2eFor = max(b.dur, 4*time.Second) // the first second warms up
}

// prepare checks what was given before anything is started.
func (b *bench) prepare() error {
	if b.pairs < 1 || b.dur <= 0 || b.bytes < 4 || b.touch < 0 {
		fmt.Fprintln(os.Stderr, "bench: -pairs, -for and -bytes must be positive, -touch not negative")
		return errUsage
	}
	if b.limits == "" {
		fmt.Fprintln(os.Stderr, "bench: no measuring program: build it and name it with -limits or LIMITS")
		return errUsage
	}
	for _, path := range []*string{&b.limits, &b.bobbin, &b.kafka} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err == nil {
			_, err = os.Stat(abs)
		}
		if err != nil {
			return fmt.Errorf("find what is to be measured: %w", err)
		}
		*path = abs
	}
	if b.kafka == "" {
		fmt.Fprintln(b.out, "nothing is compared with Kafka: name its folder with -kafka")
	}
	return nil
}

// choose returns the contests with the given names, all when none is given.
func choose(all []contest, names []string) ([]contest, error) {
	if len(names) == 0 {
		return all, nil
	}
	var chosen []contest
	for _, name := range names {
		at := slices.IndexFunc(all, func(c contest) bool { return c.name == name })
		if at < 0 {
			fmt.Fprintf(os.Stderr, "bench: no contest is named %q; there are %s\n", name, strings.Join(contestNames(all), ", "))
			return nil, errUsage
		}
		chosen = append(chosen, all[at])
	}
	return chosen, nil
}

func contestNames(all []contest) []string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	return names
}

// runAll holds the contests and prints the table. A contest that fails does not keep the others from running.
func (b *bench) runAll(ctx context.Context, chosen []contest, path string) error {
	m := thisMachine()
	fmt.Fprintln(b.out, m)
	var results []result
	var failed error
	for _, c := range chosen {
		r, err := b.hold(ctx, c)
		if err != nil {
			failed = errors.Join(failed, err)
			fmt.Fprintln(b.out, err)
		}
		results = append(results, r...)
		if ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(b.out, "\n%s · raw points in %s\n\n", m, path)
	writeResults(b.out, results)
	if failed == nil && b.check && slices.ContainsFunc(results, func(r result) bool { return !r.met() }) {
		return errMissed
	}
	return failed
}

func usage(flags *flag.FlagSet) {
	fmt.Fprintf(flags.Output(), "usage: go run . [flags] [CONTEST…]\n\ncontests (all when none is named): %s\n\nflags:\n",
		strings.Join(contestNames((&bench{}).contests()), ", "))
	flags.PrintDefaults()
}
