package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ProducerOptions of a producer. What is 0 is as the client's properties say; by default it sends at once, packs with lz4, and waits for two minutes at the most.
type ProducerOptions struct {
	Compression     string        // none, gzip, snappy, lz4 or zstd
	Linger          time.Duration // how long a record waits for company
	BufferedRecords int           // how many may wait for their acknowledgement before Send blocks; 10,000 by default
	BufferedBytes   int           // how many bytes of them; 32 MiB by default
	BatchBytes      int           // how large a batch, and so a record, may get before it is compressed; 1,000,012 by default, at least 1024, at most 1 GiB
	DeliveryTimeout time.Duration // after Send, when a record is given up; it may be stored all the same
}

// Producer sends records, idempotently and with acks=all. Its methods are safe for concurrent use.
type Producer struct {
	client   *Client
	kgo      *kgo.Client
	patience *patience
	room     *room
	batch    int
	finish   func(*kgo.Record, error)
}

// NewProducer makes a producer with its own connections.
func (c *Client) NewProducer(opts ProducerOptions) (*Producer, error) {
	codec, err := codecOf(cmp.Or(opts.Compression, c.set.text(propCompression)))
	if err != nil {
		return nil, err
	}
	batch := cmp.Or(opts.BatchBytes, int(c.set.number(propMaxMessage)))
	if batch < 1024 || batch > 1<<30 {
		return nil, &Error{Op: "open a producer", Kind: Invalid, Err: fmt.Errorf("a batch of %d bytes is not between 1 KiB and 1 GiB", batch)}
	}
	most := int(max(cmp.Or(int64(opts.BufferedBytes), c.set.number(propBufferBytes)), int64(batch)))
	records := cmp.Or(opts.BufferedRecords, int(c.set.number(propBufferRecords)))
	cl, err := c.connect(
		kgo.ProducerBatchCompression(codec), kgo.WithCompressor(compressorOf(codec)),
		kgo.ProducerLinger(cmp.Or(opts.Linger, c.set.duration(propLinger))),
		kgo.MaxBufferedRecords(records),
		kgo.MaxBufferedBytes(most),
		kgo.ProducerBatchMaxBytes(int32(batch)),
		kgo.BrokerMaxWriteBytes(int32(max(100<<20, min(batch+1<<20, 1<<30)))),
		kgo.ProduceRequestTimeout(c.set.duration(propRequestTimeout)),
		// Without it a record whose answer is missing would wait for ever for a broker that is gone.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(partitioner{kgo.UniformBytesPartitioner(int(c.set.number(propBatch)), true, true, nil)}),
		kgo.UnknownTopicRetries(1),
		// A broker that dies right behind a connection is not taken for one that expects TLS: whoever makes a producer has asked the cluster before.
		kgo.AlwaysRetryEOF(),
	)
	if err != nil {
		return nil, err
	}
	p := &Producer{client: c, kgo: cl, batch: batch, room: newRoom(records, most), patience: newPatience(cmp.Or(opts.DeliveryTimeout, c.set.duration(propDeliveryTimeout)))}
	p.finish = p.finished
	return p, nil
}

// MaxRecordBytes returns how many bytes the key, the value and the headers of a record may have together so that it is not refused at once, as long as it has at most
// sixteen headers. The cluster may take less: a topic's max.message.bytes, of the whole batch after compression.
func (p *Producer) MaxRecordBytes() int { return p.batch - recordOverhead }

// recordOverhead is the most that a batch and a record with sixteen headers have beside their bytes.
const recordOverhead = 61 + 5 + 1 + 10 + 5 + 5 + 5 + 5 + 16*10

// Send sends a record to the partition of its key, or to one of the producer's choice when it has none; Record.Partition
// does not count. It waits only while too much is waiting already, until ctx ends; a record that was taken is sent whatever becomes of ctx then. done is called once, on a goroutine of the producer or
// by Send itself, with the record's partition, offset and time, or with an error; it must not block. The record's bytes must not be changed until then.
func (p *Producer) Send(ctx context.Context, r Record, done func(Record, error)) {
	r.Partition = -1
	p.send(ctx, r, done)
}

// SendTo is like Send and takes Record.Partition.
func (p *Producer) SendTo(ctx context.Context, r Record, done func(Record, error)) {
	if r.Partition < 0 {
		done(r, &Error{Op: "write to topic", Topic: r.Topic, Kind: Invalid, Err: fmt.Errorf("partition %d is negative", r.Partition)})
		return
	}
	p.send(ctx, r, done)
}

// sent is a record on its way, in one piece of memory. It is the context of its record, so that finished finds it again.
type sent struct {
	context.Context
	record  kgo.Record
	headers [4]kgo.RecordHeader
	given   []Header
	size    int
	done    func(Record, error)
}

func (p *Producer) send(ctx context.Context, r Record, done func(Record, error)) {
	size := len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		size += len(h.Key) + len(h.Value)
	}
	if err := p.room.take(ctx, p.patience.parent, size); err != nil {
		done(r, p.client.wrap("write to topic", r.Topic, err))
		return
	}
	s := &sent{Context: p.patience.context(), given: r.Headers, size: size, done: done}
	s.record = kgo.Record{Topic: r.Topic, Partition: r.Partition, Timestamp: r.Time, Key: r.Key, Value: r.Value, Context: s}
	if len(r.Headers) > 0 {
		s.record.Headers = s.headers[:0]
		for _, h := range r.Headers {
			s.record.Headers = append(s.record.Headers, kgo.RecordHeader(h))
		}
	}
	p.kgo.Produce(s, &s.record, p.finish)
}

// finished is called by the client library when a record was acknowledged or given up.
func (p *Producer) finished(k *kgo.Record, err error) {
	s := k.Context.(*sent)
	p.room.give(s.size)
	r := Record{Topic: k.Topic, Partition: k.Partition, Offset: k.Offset, Time: k.Timestamp, Key: k.Key, Value: k.Value, Headers: s.given}
	if errors.Is(err, context.DeadlineExceeded) && s.Err() != nil {
		err = &Error{Op: "write to topic", Topic: r.Topic, Kind: Timeout, Err: fmt.Errorf("it was not acknowledged within delivery.timeout.ms, %v: %w", p.patience.limit, err),
			Hint: "the partition's leader does not answer or refuses, for example since its disk is full: see its log"}
	}
	s.done(r, p.client.wrap("write to topic", r.Topic, err))
}

// Flush waits until all that was sent has been acknowledged or given up.
func (p *Producer) Flush(ctx context.Context) error {
	return p.client.wrap("flush", "", p.kgo.Flush(ctx))
}

// Close gives up what is not acknowledged yet; Flush before it.
func (p *Producer) Close() {
	p.kgo.Close()
	p.patience.end()
}

// compressions are the names that codecOf knows.
var compressions = []string{"none", "gzip", "snappy", "lz4", "zstd"}

func codecOf(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "none":
		return kgo.NoCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.CompressionCodec{}, &Error{
		Op: "open a producer", Kind: Invalid, Err: fmt.Errorf("compression %.20q is none of %s", name, strings.Join(compressions, ", ")),
	}
}

// partitioner takes a partition that was chosen already, and else leaves the choice to another.
type partitioner struct{ auto kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{p.auto.ForTopic(topic).(kgo.TopicBackupPartitioner)}
}

// topicPartitioner stands before a partitioner that looks at what waits for each partition.
type topicPartitioner struct{ kgo.TopicBackupPartitioner }

func (p *topicPartitioner) RequiresConsistency(r *kgo.Record) bool {
	return r.Partition >= 0 || p.TopicBackupPartitioner.RequiresConsistency(r)
}

func (p *topicPartitioner) PartitionByBackup(r *kgo.Record, n int, backup kgo.TopicBackupIter) int {
	if r.Partition >= 0 {
		return int(r.Partition)
	}
	return p.TopicBackupPartitioner.PartitionByBackup(r, n, backup)
}
