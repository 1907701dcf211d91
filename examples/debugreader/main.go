// Command debugreader prints what passes through a topic, packet by packet.
//
//	debugreader -B localhost:9092 --topic cars
//
// It reads with a group of its own, so that it takes nothing away from the programs that do the work: each group gets every packet. The group remembers how far it has read; where it has read nothing yet it begins
// at the end, and with --from-start at the beginning. Two debuggers who want to see everything each need groups of their own, too: the name has the user in it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"os/user"
	"strings"
	"syscall"

	"github.com/bobbinstream/bobbin"
)

func main() {
	name := "nobody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	brokers := flag.String("B", "localhost:9092", "addresses of brokers")
	topic := flag.String("topic", "", "the topic to read")
	group := flag.String("group", "debug-"+name, "the group, which nobody else may use")
	fromStart := flag.Bool("from-start", false, "begin at the beginning when the group has read nothing yet")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: strings.Split(*brokers, ",")})
	if err == nil {
		from := bobbin.Latest()
		if *fromStart {
			from = bobbin.Earliest()
		}
		err = errors.Join(watch(ctx, client, *topic, *group, from, os.Stdout), client.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
