package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/bobbinstream/bobbin"
)

// most is how many rows of a packet are printed.
const most = 3

// watch prints what comes until ctx ends.
func watch(ctx context.Context, client *bobbin.Client, topic, group string, from bobbin.Start, out io.Writer) error {
	consumer, err := client.Consumer(topic, &bobbin.ConsumerOptions{Group: group, Start: from})
	if err != nil {
		return err
	}
	w := writer{out: out}
	return consumer.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
		if err := w.say(s, "open   %s%s", describe(s.Properties()), meanings(s.Definitions())); err != nil {
			return err
		}
		for packet, err := range s.Packets() {
			if err != nil {
				return err
			}
			if err := w.packet(s, packet); err != nil {
				return err
			}
		}
		return w.say(s, "end    %v", s.End())
	}))
}

// writer is shared by the goroutines of all streams.
type writer struct {
	mu  sync.Mutex
	out io.Writer
}

// say writes one line: whose it is, and what it says.
func (w *writer) say(s *bobbin.StreamReader, format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := fmt.Fprintf(w.out, "%-12s %s\n", s.ID(), fmt.Sprintf(format, args...))
	return err
}

// print writes one line about the packet that was given last, with the place where it stands.
func (w *writer) print(s *bobbin.StreamReader, format string, args ...any) error {
	at := s.Position()
	return w.say(s, "%d@%d  %s", at.Partition, at.Offset, fmt.Sprintf(format, args...))
}

// packet writes what a packet is and what is in it.
func (w *writer) packet(s *bobbin.StreamReader, packet bobbin.Packet) error {
	switch p := packet.(type) {
	case *bobbin.Rows:
		err := w.print(s, "rows   %d", p.Len())
		for i, row := range p.All() {
			if i == most {
				return w.print(s, "       …")
			}
			if err == nil {
				err = w.print(s, "       %v%s", row.Time(), values(row))
			}
		}
		return err
	case *bobbin.Event:
		return w.print(s, "event  %v %s %q%s", p.Time, p.ID, p.Value, pairs(p.Tags))
	case *bobbin.PropertiesChanged:
		return w.print(s, "is now %s", describe(p.Properties))
	case *bobbin.DefinitionsChanged:
		return w.print(s, "means %s", meanings(p.Parameters))
	case *bobbin.Raw:
		if p.Err != nil {
			return w.print(s, "broken %v", p.Err)
		}
		return w.print(s, "raw    %d bytes with key %q: %.60q", len(p.Value), p.Key, p.Value)
	}
	return w.print(s, "%T", packet)
}

func describe(p bobbin.Properties) string {
	return fmt.Sprintf("%q at %q%s", p.Name, p.Location, pairs(p.Metadata))
}

func meanings(definitions []bobbin.Definition) string {
	var b strings.Builder
	for _, d := range definitions {
		fmt.Fprintf(&b, " %s[%s]", d.ID, d.Unit)
	}
	return b.String()
}

func values(row bobbin.RowView) string {
	var b strings.Builder
	for name, v := range row.Values() {
		fmt.Fprintf(&b, " %s=%v", name, v)
	}
	for name, v := range row.Tags() {
		fmt.Fprintf(&b, " %s:%s", name, v)
	}
	return b.String()
}

// pairs is a map in the order of its keys.
func pairs(m map[string]string) string {
	all := make([]string, 0, len(m))
	for k, v := range m {
		all = append(all, " "+k+":"+v)
	}
	slices.Sort(all)
	return strings.Join(all, "")
}
