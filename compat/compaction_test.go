package compat

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestCompactionLeavesWhatKafkasLeaves writes the same batches of keyed records and tombstones to both, has both compact them, and compares what readers see: which
// offsets are left, with which keys and values.
func TestCompactionLeavesWhatKafkasLeaves(t *testing.T) {
	kafka := os.Getenv("KAFKA_BOOTSTRAP")
	if kafka == "" {
		t.Skip("KAFKA_BOOTSTRAP is not set: no real Kafka to compare with")
	}
	bobbin := startBobbin(t, "log.cleaner.backoff.ms=500").addr
	topic := fmt.Sprintf("compaction-%d", time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	defer func() { // the real Kafka is not ours alone
		req := kmsg.NewPtrDeleteTopicsRequest()
		one := kmsg.NewDeleteTopicsRequestTopic()
		one.Topic = &topic
		req.TopicNames, req.Topics, req.TimeoutMillis = []string{topic}, []kmsg.DeleteTopicsRequestTopic{one}, 10_000
		if _, err := req.RequestWith(context.Background(), franz(t, kafka)); err != nil {
			t.Error(err)
		}
	}()
	written := 0
	for _, addr := range []string{kafka, bobbin} {
		makeTopic(t, addr, topic, 1, "cleanup.policy=compact", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0.0")
		r := rand.New(rand.NewPCG(4, 4))
		c := franz(t, addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		written = 0
		for range 300 {
			batch := make([]*kgo.Record, 1+r.IntN(60))
			for i := range batch {
				x := &kgo.Record{Key: fmt.Appendf(nil, "key %d", r.IntN(900)), Timestamp: time.UnixMilli(time.Now().UnixMilli()), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}}
				if r.IntN(5) > 0 {
					x.Value = make([]byte, r.IntN(1200))
					for j := range x.Value {
						x.Value[j] = byte('a' + r.IntN(26))
					}
				}
				batch[i] = x
			}
			if err := c.ProduceSync(ctx, batch...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			written += len(batch)
		}
	}
	var ours, theirs []string
	began := time.Now()
	for stable := 0; stable < 2; time.Sleep(5 * time.Second) { // Kafka looks every 15 s
		ours, theirs = left(ctx, t, bobbin, topic, written), left(ctx, t, kafka, topic, written)
		stable++
		if len(theirs) > written/2 || len(ours) > written/2 || !slices.Equal(ours, theirs) {
			stable = 0
		}
		if time.Since(began) > patience+2*time.Minute {
			break
		}
	}
	t.Logf("of %d records %d are left here, %d in Kafka", written, len(ours), len(theirs))
	if len(theirs) == written {
		t.Fatal("Kafka has compacted nothing")
	}
	if !slices.Equal(ours, theirs) {
		i := 0
		for i < min(len(ours), len(theirs)) && ours[i] == theirs[i] {
			i++
		}
		t.Fatalf("they differ from record %d on: here %.80q, in Kafka %.80q", i, ours[min(i, len(ours)-1)], theirs[min(i, len(theirs)-1)])
	}
}

// left is all records that a reader sees, as text.
func left(ctx context.Context, t *testing.T, addr, topic string, end int) (all []string) {
	t.Helper()
	c := franz(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer c.Close()
	for next := int64(0); next < int64(end); {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			all = append(all, fmt.Sprintf("%d %q=%q null %v headers %v", r.Offset, r.Key, r.Value, r.Value == nil, r.Headers))
			next = r.Offset + 1
		})
	}
	return all
}
