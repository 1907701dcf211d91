// Command flights plays the departures of an airport: each flight is a stream, which opens when the flight is announced and closes when it is at its gate, with five events between. A flight that is cancelled closes early.
// With --board it prints what became of the flights instead.
//
//	flights --file flights.avro --airport DEN --speed 3600     an hour a second
//	flights --board
//
// Why a stream per flight: what happens to a flight comes in its order, whoever reads it; its carrier, route and aircraft are said once; and a reader learns that it is over. Flights of all airports are one kind of data,
// so they share a topic, and the airport is a property.
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

	"github.com/bobbinstream/bobbin"
)

func main() {
	brokers := flag.String("B", "localhost:9092", "addresses of brokers")
	topic := flag.String("topic", "flights", "the topic; made with 3 partitions when it is missing")
	file := flag.String("file", "flights.avro", "the flights to play")
	airport := flag.String("airport", "DEN", "whose departures; all when empty")
	speed := flag.Float64("speed", 0, "how many times faster than the day; as fast as possible when 0")
	board := flag.Bool("board", false, "print flights that are over, until interrupted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := func() (err error) {
		client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: strings.Split(*brokers, ",")})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, client.Close()) }()
		if err := client.CreateTopic(ctx, *topic, 3, nil); err != nil && !errors.Is(err, bobbin.ErrTopicExists) {
			return err
		}
		if *board {
			return show(ctx, client, *topic, os.Stdout)
		}
		flights, err := load(*file, *airport)
		if err != nil {
			return err
		}
		return play(ctx, client, *topic, flights, *speed)
	}()
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
