package server

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What franz-go's idempotent producer sends comes back once, in order, with every compression.
func TestClientRoundTrip(t *testing.T) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			b := start(t, Limits{})
			b.create("t", 3, "message.timestamp.after.max.ms=9223372036854775807")
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			p := b.client(kgo.ProducerBatchCompression(codec), kgo.DefaultProduceTopic("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
			const n = 3000
			for i := range n {
				p.Produce(ctx, &kgo.Record{Partition: int32(i % 3), Value: fmt.Appendf(nil, "%d some text that compresses, compresses, compresses", i)}, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Errorf("produce: %v", err)
					}
				})
			}
			if err := p.Flush(ctx); err != nil {
				t.Fatal(err)
			}
			c := b.client(kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
			next := []int{0, 1, 2}
			for got := 0; got < n; {
				f := c.PollFetches(ctx)
				if err := f.Err(); err != nil {
					t.Fatal(err)
				}
				f.EachRecord(func(r *kgo.Record) {
					var i int
					fmt.Sscan(string(r.Value), &i)
					if i != next[r.Partition] || r.Offset != int64(i/3) {
						t.Errorf("partition %d: got record %d at offset %d, want %d", r.Partition, i, r.Offset, next[r.Partition])
					}
					next[r.Partition] += 3
					got++
				})
			}
		})
	}
}
