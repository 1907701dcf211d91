package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// produceResult is what `produce` prints.
type produceResult struct {
	Topic   string `json:"topic"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"` // of keys and values
}

func (r produceResult) name() string { return r.Topic }

// produceFlags are the flags of `produce`.
type produceFlags struct {
	key         string
	hasKey      bool
	headers     []string
	partition   int32 // -1 for the key's
	format      string
	compression string
}

func (a *app) produce() *cobra.Command {
	f := produceFlags{}
	cmd := &cobra.Command{
		Use:   "produce TOPIC [FILE]",
		Short: "Write records to a topic",
		Long: `Write the lines of a file, or of standard input, to a topic, and wait until all are acknowledged.

With --format lines each line is the value of a record. With --format ndjson each line is a record in JSON as
` + "`bobbin consume -o jsonl`" + ` writes it: key, value, headers, timestamp, partition; bytes that are no text in key_base64 and
value_base64; a value that is not a text is taken as the JSON that it is. The topic must exist.`,
		Example: `  echo hello | bobbin produce orders --key customer-7
  bobbin produce orders orders.txt --header source=import
  bobbin consume orders --until-end -o jsonl | bobbin produce copy --format ndjson`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.hasKey = cmd.Flags().Changed("key")
			if f.format != "lines" && f.format != "ndjson" {
				return usagef(cmd, "--format %.20q is none of lines and ndjson", f.format)
			}
			if f.partition < -1 {
				return usagef(cmd, "--partition must not be negative")
			}
			headers, err := headersOf(f.headers)
			if err != nil {
				return usagef(cmd, "%w", err)
			}
			return a.withCluster(cmd.Context(), func(ctx context.Context, c *kafka.Client) error {
				if len(args) == 1 || args[1] == "-" {
					return a.produceAll(ctx, c, args[0], newInput(ctx, a.stdin), f, headers)
				}
				file, err := os.Open(filepath.Clean(args[1]))
				if err != nil {
					return err
				}
				defer file.Close()
				return a.produceAll(ctx, c, args[0], file, f, headers)
			})
		},
	}
	cmd.Flags().StringVarP(&f.key, "key", "k", "", "key of every record; of those without one in ndjson")
	cmd.Flags().StringArrayVarP(&f.headers, "header", "H", nil, "a header of every record, as NAME=VALUE; repeat it for more")
	cmd.Flags().Int32VarP(&f.partition, "partition", "p", -1, "partition of every record; the key's, or any, when -1")
	cmd.Flags().StringVar(&f.format, "format", "lines", "form of the input: lines, ndjson")
	cmd.Flags().StringVarP(&f.compression, "compression", "z", "lz4", "how batches are packed: none, gzip, snappy, lz4, zstd")
	a.complete(cmd, "format", "lines", "ndjson")
	a.complete(cmd, "compression", "none", "gzip", "snappy", "lz4", "zstd")
	return a.onCluster(cmd)
}

func headersOf(pairs []string) ([]kafka.Header, error) {
	var hs []kafka.Header
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--header %.60q has not the form NAME=VALUE", p)
		}
		hs = append(hs, kafka.Header{Key: k, Value: []byte(v)})
	}
	return hs, nil
}

// produceAll sends the records of the input and waits for their acknowledgements. After the first that failed it sends no more.
func (a *app) produceAll(ctx context.Context, c *kafka.Client, topic string, in io.Reader, f produceFlags, headers []kafka.Header) error {
	// A topic that is not there is found before the first line is read.
	t, err := c.Topic(ctx, topic)
	if err != nil {
		return err
	}
	p, err := c.NewProducer(kafka.ProducerOptions{Compression: f.compression})
	if err != nil {
		return err
	}
	defer p.Close()
	// What was sent is waited for after an interruption too; a record that failed ends the rest.
	sending, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	var mu sync.Mutex
	result := produceResult{Topic: topic}
	done := func(r kafka.Record, err error) {
		if err != nil {
			stop(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		result.Records++
		result.Bytes += int64(len(r.Key) + len(r.Value))
	}
	n, readErr := 0, error(nil)
	for line, err := range lines(in) {
		if n++; err != nil {
			readErr = err
			break
		}
		r, explicit, err := f.record(line)
		if err != nil {
			readErr = fmt.Errorf("line %d of the input: %w", n, err)
			break
		}
		if explicit && int(r.Partition) >= len(t.Partitions) {
			readErr = t.NoPartition("write to topic", r.Partition)
			break
		}
		r.Topic, r.Headers = topic, append(r.Headers, headers...)
		if explicit {
			p.SendTo(sending, r, done)
		} else {
			p.Send(sending, r, done)
		}
		if ctx.Err() != nil || sending.Err() != nil {
			break
		}
	}
	flushErr := flushSent(ctx, p)
	mu.Lock()
	defer mu.Unlock()
	for _, err := range []error{context.Cause(sending), context.Cause(ctx), readErr, flushErr} {
		if err != nil {
			return fmt.Errorf("%s acknowledged, then: %w", count(result.Records, "record"), err)
		}
	}
	return a.printOne(result, func(w io.Writer) {
		fmt.Fprintf(w, "wrote %s (%s) to %s\n", count(result.Records, "record"), count(result.Bytes, "byte"), topic)
	})
}

// flushTime is how long the records that were sent before an interruption have for their acknowledgement.
const flushTime = 5 * time.Second

// flushSent waits for the acknowledgements of what was sent, also after an interruption, but then not for long.
func flushSent(ctx context.Context, p *kafka.Producer) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
	}
	return p.Flush(ctx)
}

// record makes a record of a line, which may be used again after it.
func (f produceFlags) record(line []byte) (r kafka.Record, explicit bool, err error) {
	if f.format == "ndjson" {
		if r, explicit, err = parseRecord(line); err != nil {
			return r, false, err
		}
	} else {
		r.Value = append([]byte{}, bytes.TrimSuffix(line, []byte("\r"))...)
	}
	if r.Key == nil && f.hasKey {
		r.Key = []byte(f.key)
	}
	if f.partition >= 0 {
		r.Partition, explicit = f.partition, true
	}
	return r, explicit, nil
}
