// Command pipeline counts the rows of each stream of one topic into another one. It may be killed at any moment and started again, and shared by as many instances as the topic has partitions: no row is left
// out of the counts, and results of a stream come in order.
//
//	pipeline -B localhost:9092 --in cars --out cars-counts --group counter
//
// Why nothing is lost: a packet is committed only after the result that was made of it was acknowledged. What was processed and not committed when an instance dies is processed again, so that
// its result may be there twice; the times of the first and the last row of a result tell.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/bobbinstream/bobbin"
)

func main() {
	var p pipeline
	brokers := flag.String("B", "localhost:9092", "addresses of brokers")
	instance := flag.String("instance", "", "a name that stays: an instance that is started again under it goes on at once, without a new sharing of the partitions")
	flag.StringVar(&p.in, "in", "", "the topic to read")
	flag.StringVar(&p.out, "out", "", "the topic to write")
	flag.StringVar(&p.group, "group", "", "the consumer group of all instances")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	properties := map[string]string{}
	if *instance != "" {
		properties["group.instance.id"] = *instance
	}
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: strings.Split(*brokers, ","), Properties: properties, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	if err == nil {
		err = errors.Join(p.run(ctx, client), client.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// pipeline is one step between two topics.
type pipeline struct {
	in, out, group string
	results        *bobbin.Producer
}

// run works until ctx ends.
func (p *pipeline) run(ctx context.Context, client *bobbin.Client) (err error) {
	if p.results, err = client.Producer(p.out, nil); err != nil {
		return err
	}
	// Commits are made by hand, behind the results.
	x, err := client.Consumer(p.in, &bobbin.ConsumerOptions{Group: p.group, Start: bobbin.Earliest(), Commit: bobbin.CommitPolicy{Manual: true, Every: -1}})
	if err != nil {
		return err
	}
	return x.Run(ctx, p)
}

// ServeStream counts one stream.
func (p *pipeline) ServeStream(ctx context.Context, s *bobbin.StreamReader) error {
	out, err := p.results.Stream(ctx, s.ID(), &bobbin.StreamOptions{Properties: bobbin.Properties{Name: "rows of " + s.ID(), Parents: []string{s.ID()}}})
	if err != nil {
		return err
	}
	first := out.Number("first", &bobbin.Definition{Name: "Time of the first row", Unit: "ns"})
	count := out.Number("count", &bobbin.Definition{Name: "Rows", Unit: "1"})
	s.Buffer(bobbin.Buffer{Rows: 50, Age: 100 * time.Millisecond}) // what it holds is not committed
	committed := time.Now()
	for packet, err := range s.Packets() {
		if err != nil {
			return err // what was not committed is the next owner's
		}
		rows, ok := packet.(*bobbin.Rows)
		if !ok {
			continue
		}
		last := rows.Time(rows.Len() - 1)
		if err := out.Row(last).Num(first, float64(rows.Time(0))).Num(count, float64(rows.Len())).Write(ctx); err != nil {
			return err
		}
		if time.Since(committed) > 200*time.Millisecond {
			committed = time.Now()
			if err := out.Flush(ctx); err != nil {
				return err
			}
			if err := s.Commit(ctx); err != nil {
				return err
			}
		}
	}
	return out.Close(ctx, s.End()) // nil: every result is acknowledged, so all of the stream is done
}
