package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/bobbinstream/bobbin"
)

// show prints a line for each flight that is over, until ctx ends. Boards share no group: each shows all flights.
func show(ctx context.Context, client *bobbin.Client, topic string, out io.Writer) error {
	flights, err := client.Consumer(topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		return err
	}
	var mu sync.Mutex // of out: every flight is served in a goroutine of its own
	return flights.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
		line, err := summary(s)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		_, err = fmt.Fprintln(out, line)
		return err
	}))
}

// summary reads a flight to its end.
func summary(s *bobbin.StreamReader) (string, error) {
	delay := s.Number("delay")
	late := 0.0
	var steps []string
	for packet, err := range s.Packets() {
		if err != nil {
			return "", err
		}
		switch p := packet.(type) {
		case *bobbin.Rows:
			for _, row := range p.All() {
				late, _ = row.Num(delay)
			}
		case *bobbin.Event:
			steps = append(steps, strings.TrimSpace(p.ID+" "+p.Value))
		}
	}
	return fmt.Sprintf("%-24s %-36s %4.0f min  %-10v %s", s.ID(), s.Properties().Name, late, s.End(), strings.Join(steps, ", ")), nil
}
