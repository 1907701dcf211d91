package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Read returns the one record at an offset, by a question of its own that moves nothing. It is an Error of the kind NotFound when there is none: retention or
// compaction took it, it is a marker, or the partition does not reach so far. Errors that pass are retried until ctx ends.
func (f *Feed) Read(ctx context.Context, partition int32, offset int64) (Record, error) {
	const op = "read a record of topic"
	if offset < 0 {
		return Record{}, f.noRecord(op, partition, offset)
	}
	for attempt := 0; ; attempt++ {
		r, err := f.readOnce(ctx, op, partition, offset)
		err = f.client.wrap(op, f.opts.Topic, err)
		if err == nil || !passing(err) {
			return r, err
		}
		f.look()
		if failed := f.failure(); failed != nil {
			return Record{}, failed
		}
		if f.isClosed() || !backoff(ctx, attempt) {
			return Record{}, err
		}
	}
}

func (f *Feed) noRecord(op string, partition int32, offset int64) error {
	return &Error{Op: op, Topic: f.opts.Topic, Kind: NotFound, Err: fmt.Errorf("partition %d has no record at offset %d", partition, offset)}
}

func (f *Feed) readOnce(ctx context.Context, op string, partition int32, offset int64) (Record, error) {
	ctx, cancel := f.client.bound(ctx)
	defer cancel()
	t := f.topic.Load()
	if int(partition) >= len(t.Partitions) && int(partition) < f.Partitions() {
		return Record{}, kerr.LeaderNotAvailable // it was assigned before it was seen
	}
	if partition < 0 || int(partition) >= len(t.Partitions) {
		return Record{}, t.NoPartition(op, partition)
	}
	batch, next, err := f.client.fetchAt(ctx, t, partition, offset)
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		return Record{}, f.noRecord(op, partition, offset)
	case err != nil:
		return Record{}, err
	case len(batch.Records) > 0 && batch.Records[0].Offset == offset:
		return recordsOf(partition, batch.Records[:1]).Records[0], nil
	case len(batch.Records) > 0, next > offset, offset >= batch.HighWatermark:
		return Record{}, f.noRecord(op, partition, offset)
	default:
		return Record{}, kerr.RequestTimedOut // nothing came, though there is something
	}
}

// fetchAt asks the leader for the batch that holds an offset or comes behind it. It returns its records from the offset on, without markers, and the offset behind the batch: at least the given one, and not more
// when nothing came.
func (c *Client) fetchAt(ctx context.Context, t *Topic, partition int32, offset int64) (kgo.FetchPartition, int64, error) {
	leader := t.Partitions[partition].Leader
	if leader < 0 {
		return kgo.FetchPartition{}, offset, kerr.LeaderNotAvailable
	}
	id, err := base64.RawURLEncoding.DecodeString(t.ID)
	if err != nil {
		return kgo.FetchPartition{}, offset, err
	}
	// A batch is answered whole, whatever the limit; a broker that does not do so is asked for more.
	for limit := int32(1); ; limit = maxBatch {
		req := kmsg.NewPtrFetchRequest()
		req.MaxBytes = limit
		req.SessionEpoch = -1
		of := kmsg.NewFetchRequestTopic()
		of.Topic = t.Name
		copy(of.TopicID[:], id)
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, limit
		of.Partitions = append(of.Partitions, p)
		req.Topics = append(req.Topics, of)
		answer, err := c.base.Broker(int(leader)).Request(ctx, req)
		if err != nil {
			return kgo.FetchPartition{}, offset, err
		}
		resp := answer.(*kmsg.FetchResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			return kgo.FetchPartition{}, offset, err
		}
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 || resp.Topics[0].Partitions[0].Partition != partition {
			return kgo.FetchPartition{}, offset, kerr.UnknownServerError
		}
		got := &resp.Topics[0].Partitions[0]
		batch, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: offset, Topic: t.Name, Partition: partition}, got, c.unpack, nil)
		next = max(next, offset)
		if batch.Err != nil || next > offset || offset >= got.HighWatermark || len(got.RecordBatches) == 0 || limit == maxBatch {
			return batch, next, batch.Err
		}
	}
}

// maxBatch is the most that is asked for to get one batch.
const maxBatch = 64 << 20
