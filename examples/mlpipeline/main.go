// Command mlpipeline watches machines in three steps, a topic behind each: raw → clean → scores. Cleaning leaves out what no machine can measure; scoring compares the last hours with the weeks before and reports what is unusual.
//
//	mlpipeline --feed machine-temperature.csv      writes a file into the raw topic, as a machine would
//	mlpipeline --step clean                        one step a process, any number of processes a step …
//	mlpipeline --step score
//	mlpipeline                                     … or both in this one
//	bobbin stream tail machines-scores             what comes of it
//
// Why a topic behind each step: each can be read by others, for charts or for the next model; each step is a group of its own, is as fast as it is, and can be stopped, replaced and run again from the beginning
// while the others go on. Every stream keeps its id through all steps, and its properties say from which it was made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/bobbinstream/bobbin"
)

// The topics.
const (
	rawTopic    = "machines-raw"
	cleanTopic  = "machines-clean"
	scoresTopic = "machines-scores"
)

func main() {
	brokers := flag.String("B", "localhost:9092", "addresses of brokers")
	only := flag.String("step", "", "clean or score; both when empty")
	file := flag.String("feed", "", "a CSV file with the columns timestamp and value to write as machine-1, instead of a step")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: strings.Split(*brokers, ",")})
	if err == nil {
		if err = makeTopics(ctx, client); err == nil {
			if *file != "" {
				err = feed(ctx, client, *file, "machine-1")
			} else {
				err = run(ctx, client, *only)
			}
		}
		err = errors.Join(err, client.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func makeTopics(ctx context.Context, client *bobbin.Client) error {
	for _, name := range []string{rawTopic, cleanTopic, scoresTopic} {
		if err := client.CreateTopic(ctx, name, 3, nil); err != nil && !errors.Is(err, bobbin.ErrTopicExists) {
			return err
		}
	}
	return nil
}

// run works on one step, or on all, until ctx ends.
func run(ctx context.Context, client *bobbin.Client, only string) error {
	steps := map[string]step{
		"clean": {in: rawTopic, out: cleanTopic, group: "cleaner", work: clean},
		"score": {in: cleanTopic, out: scoresTopic, group: "scorer", work: score},
	}
	if only != "" {
		s, ok := steps[only]
		if !ok {
			return fmt.Errorf("step %q is neither clean nor score", only)
		}
		return s.run(ctx, client)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for _, s := range steps {
		all.Go(func() {
			err := s.run(ctx, client)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
			stop() // one step that cannot go on ends the program
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
