package server

import (
	"context"
	"log/slog"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// toTheEnd as an offset stands for the high watermark.
const toTheEnd = -1

// startMoves is how many partitions of one request move their start at the same time, so that they share a sync.
const startMoves = 64

// deleteRecords moves the start of partitions (key 21): what stands before an offset is gone for readers when the answer leaves, durably, and its segments
// go as soon as no record of theirs is left. An offset below the start changes nothing and is no error. Of a partition that is named more than once
// the last offset counts, and a topic without partitions is not answered, as in Kafka.
//
// Refused are the topics in which the broker keeps groups and transactions, and those that are compacted only (POLICY_VIOLATION).
func deleteRecords(ctx context.Context, r *request, req *kmsg.DeleteRecordsRequest) *kmsg.DeleteRecordsResponse {
	ctx, cancel := within(ctx, req.TimeoutMillis)
	defer cancel()
	resp := kmsg.NewPtrDeleteRecordsResponse()
	resp.Version = req.Version
	topics, at := make(map[string]int), make(map[partKey]int) // places of topics in the response, and of partitions in their topics
	for i := range req.Topics {
		in := &req.Topics[i]
		for j := range in.Partitions {
			k, ok := topics[in.Topic]
			if !ok {
				k = len(resp.Topics)
				topics[in.Topic] = k
				resp.Topics = append(resp.Topics, kmsg.DeleteRecordsResponseTopic{Topic: in.Topic})
			}
			out := kmsg.NewDeleteRecordsResponseTopicPartition()
			out.Partition, out.LowWatermark = in.Partitions[j].Partition, in.Partitions[j].Offset // the offset for now
			t, key := &resp.Topics[k], partKey{topic: in.Topic, partition: out.Partition}
			if n, twice := at[key]; twice {
				t.Partitions[n] = out
				continue
			}
			at[key] = len(t.Partitions)
			t.Partitions = append(t.Partitions, out)
		}
	}
	var moves sync.WaitGroup
	turns := make(chan struct{}, startMoves)
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for j := range t.Partitions {
			out := &t.Partitions[j]
			turns <- struct{}{}
			moves.Go(func() {
				defer func() { <-turns }()
				low, err := r.srv.deleteBefore(ctx, t.Topic, out.Partition, out.LowWatermark)
				out.LowWatermark = low
				if err == nil {
					r.changed(slog.LevelInfo, "records deleted", "topic", t.Topic, "partition", out.Partition, "before", low)
				}
				out.ErrorCode, _ = r.srv.fault(err)
			})
		}
	}
	moves.Wait()
	return resp
}

// deleteBefore moves the start of one partition and returns it, or -1.
func (s *Server) deleteBefore(ctx context.Context, topic string, partition int32, offset int64) (int64, error) {
	l, err := s.partition(topic, partition)
	if err != nil {
		return -1, err
	}
	if catalog.IsInternal(topic) {
		return -1, refuse(kerr.InvalidTopicException, "records of the internal topic "+topic+" are not deleted by clients")
	}
	if t := s.store.Topic(topic); t != nil && t.Catalog.Configs["cleanup.policy"] == "compact" {
		return -1, refuse(kerr.PolicyViolation, "the topic's cleanup.policy is compact: its records are not deleted by offset")
	}
	b, err := l.Bounds()
	if err != nil {
		return -1, err
	}
	if offset == toTheEnd {
		offset = b.HighWatermark
	}
	if offset < 0 {
		return -1, refuse(kerr.OffsetOutOfRange, "the offset is negative")
	}
	if err := l.MoveStart(ctx, offset); err != nil {
		return -1, err
	}
	return l.Start(), nil
}
