package compat

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestFranzGo writes and reads with franz-go's client: every compression, idempotent, several partitions, and each record comes back as it was, in order.
func TestFranzGo(t *testing.T) {
	addr := startBobbin(t).addr
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			const partitions, each = 3, 2000
			topic := "franz-" + name
			makeTopic(t, addr, topic, partitions)
			writer := franz(t, addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner()))
			for i := range partitions * each {
				r := record(int32(i%partitions), i/partitions)
				writer.Produce(ctx, r, func(r *kgo.Record, err error) {
					if err != nil {
						t.Errorf("write to partition %d: %v", r.Partition, err)
					}
				})
			}
			if err := writer.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			reader := franz(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			next := make([]int, partitions)
			for n := 0; n < partitions*each; {
				fetches := reader.PollFetches(ctx)
				if err := fetches.Err(); err != nil {
					t.Fatalf("after %d records: %v", n, err)
				}
				fetches.EachRecord(func(r *kgo.Record) {
					n++
					sameRecord(t, r, record(r.Partition, next[r.Partition]), int64(next[r.Partition]))
					next[r.Partition]++
				})
				if t.Failed() {
					return
				}
			}
			for p, n := range next {
				if n != each {
					t.Errorf("partition %d has %d records, want %d", p, n, each)
				}
			}
		})
	}
}

// record is the i-th record of a partition: each has its own content, some no key, some no value, some headers.
func record(partition int32, i int) *kgo.Record {
	r := &kgo.Record{
		Partition: partition, Key: fmt.Appendf(nil, "key-%d", i%17), Value: bytes.Repeat(fmt.Appendf(nil, "%d/%d ", partition, i), 1+i%50),
		Timestamp: time.UnixMilli(baseTime + int64(i)),
	}
	switch i % 7 {
	case 1:
		r.Key = nil
	case 2:
		r.Value = nil
	case 3:
		r.Headers = []kgo.RecordHeader{{Key: "number", Value: fmt.Append(nil, i)}, {Key: "empty", Value: []byte{}}}
	}
	return r
}

func sameRecord(t *testing.T, got, want *kgo.Record, offset int64) {
	t.Helper()
	same := got.Offset == offset && bytes.Equal(got.Key, want.Key) && (got.Key == nil) == (want.Key == nil) && bytes.Equal(got.Value, want.Value) &&
		(got.Value == nil) == (want.Value == nil) && got.Timestamp.Equal(want.Timestamp) && fmt.Sprint(got.Headers) == fmt.Sprint(want.Headers)
	if !same {
		t.Errorf("partition %d offset %d: read %q=%q %v at %v, want offset %d %q=%q %v at %v", got.Partition, got.Offset, got.Key, got.Value, got.Headers,
			got.Timestamp, offset, want.Key, want.Value, want.Headers, want.Timestamp)
	}
}

func franz(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// makeTopic creates a topic.
func makeTopic(t *testing.T, addr, topic string, partitions int32, configs ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := franz(t, addr)
	resp, err := createOf(topic, partitions, 1, configs...).RequestWith(ctx, c)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", topic, err)
	}
}
