// Command cars drives a few cars and writes what they measure: a topic for each system of a car, and in each of them a stream for each car.
//
//	cars -B localhost:9092 --cars 3 --for 30s
//
// Why a topic for each system: they are different kinds of data. Whoever watches tyres reads tyres only; engines, which say a hundred times more, can be kept for days and positions for years; and
// each topic has as many partitions as its readers need. The same id in all of them says which car it is. Between topics there is no order: the time of a row is what they have in common.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/bobbinstream/bobbin"
)

func main() {
	brokers := flag.String("B", "localhost:9092", "addresses of brokers")
	cars := flag.Int("cars", 3, "how many cars drive")
	length := flag.Duration("for", 30*time.Second, "how long")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: strings.Split(*brokers, ",")})
	if err == nil {
		err = errors.Join(run(ctx, client, *cars, *length), client.Close())
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
