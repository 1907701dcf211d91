package kafka

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ProducerOptions of a producer. The zero value sends at once, packs with lz4, and waits for two minutes at the most.
type ProducerOptions struct {
	Compression     string        // none, gzip, snappy, lz4 or zstd; lz4 when empty
	Linger          time.Duration // how long a record waits for company; not at all when 0
	BufferedRecords int           // how many may wait for their acknowledgement before Send blocks; 10,000 when 0
	BufferedBytes   int           // how many bytes of them; 32 MiB when 0
	DeliveryTimeout time.Duration // after Send, when a record is given up; it may be stored all the same. 2 min when 0
}

// Producer sends records, idempotently and with acks=all. Its methods are safe for concurrent use.
type Producer struct {
	client   *Client
	kgo      *kgo.Client
	patience *patience
}

// NewProducer makes a producer with its own connections.
func (c *Client) NewProducer(opts ProducerOptions) (*Producer, error) {
	codec, err := codecOf(cmp.Or(opts.Compression, "lz4"))
	if err != nil {
		return nil, err
	}
	cl, err := c.connect(
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(opts.Linger),
		kgo.MaxBufferedRecords(cmp.Or(opts.BufferedRecords, 10_000)),
		kgo.MaxBufferedBytes(cmp.Or(opts.BufferedBytes, 32<<20)),
		// Without it a record whose answer is missing would wait for ever for a broker that is gone.
		kgo.AllowIdempotentProduceCancellation(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(partitioner{kgo.UniformBytesPartitioner(64<<10, true, true, nil)}),
		kgo.UnknownTopicRetries(1),
	)
	if err != nil {
		return nil, err
	}
	return &Producer{client: c, kgo: cl, patience: newPatience(cmp.Or(opts.DeliveryTimeout, 2*time.Minute))}, nil
}

// Send sends a record to the partition of its key, or to one of the producer's choice when it has none; Record.Partition
// does not count. It waits only while too much is waiting already; the end of ctx gives the record up. done is called once, on a goroutine of the producer, with
// the record's partition, offset and time, or with an error; it must not block. The record's bytes must not be changed until then.
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

func (p *Producer) send(ctx context.Context, r Record, done func(Record, error)) {
	k := r.toKgo()
	k.Context = p.patience.context()
	p.kgo.Produce(ctx, k, func(k *kgo.Record, err error) {
		r.Partition, r.Offset, r.Time = k.Partition, k.Offset, k.Timestamp
		done(r, p.client.wrap("write to topic", r.Topic, err))
	})
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
		Op: "open a producer", Kind: Invalid, Err: fmt.Errorf("compression %.20q is none of none, gzip, snappy, lz4 and zstd", name),
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
