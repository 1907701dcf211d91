package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/bobbinstream/bobbin"
)

// feed writes a file with the columns timestamp and value into the raw topic, as one machine would, and says that it is over.
func feed(ctx context.Context, client *bobbin.Client, file, machine string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := csv.NewReader(f)
	lines.ReuseRecord = true
	head, err := lines.Read()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	at, v := slices.Index(head, "timestamp"), slices.Index(head, "value")
	if at < 0 || v < 0 {
		return fmt.Errorf("%s has no columns timestamp and value", file)
	}
	machines, err := client.Producer(rawTopic, nil)
	if err != nil {
		return err
	}
	s, err := machines.Stream(ctx, machine, &bobbin.StreamOptions{Properties: bobbin.Properties{Name: machine, Location: "/hall-1", Metadata: map[string]string{"file": file}}})
	if err != nil {
		return err
	}
	value := s.Number("value", &bobbin.Definition{Name: "Temperature as measured", Unit: "°F"})
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return s.Close(ctx, bobbin.Closed)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		t, err := time.Parse(time.DateTime, fields[at])
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		n, err := strconv.ParseFloat(fields[v], 64)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := s.Row(bobbin.At(t)).Num(value, n).Write(ctx); err != nil {
			return err
		}
	}
}
