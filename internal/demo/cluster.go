package demo

import (
	"context"

	"github.com/bobbinstream/bobbin/connect/host"
)

// Topic is where the demo's rows go.
const Topic = "host-metrics"

// A TopicSpec says which topic the demo needs.
type TopicSpec struct {
	Name       string
	Partitions int32
	Config     map[string]string // Kafka's names
}

func topicSpec() TopicSpec {
	return TopicSpec{Name: Topic, Partitions: 4, Config: map[string]string{
		"retention.bytes": "67108864", // 64 MiB a partition
		"segment.bytes":   "16777216",
	}}
}

// Offsets are where one partition starts and ends: End is the offset of its next record.
type Offsets struct {
	Partition  int32
	Start, End int64
}

// A Record is one record as it is written, or with its place as it is read.
type Record struct {
	Partition  int32 // only when read
	Offset     int64 // only when read
	Key, Value []byte
}

// A Cluster is what the demo asks of a Kafka-compatible cluster.
type Cluster interface {
	// EnsureTopic creates the topic unless it is there, and returns the offsets of its partitions.
	EnsureTopic(ctx context.Context, spec TopicSpec) ([]Offsets, error)
	// Writer writes with acks=all, by key, keeping the order of a key.
	Writer(ctx context.Context, topic string) (Writer, error)
	// Reader reads all partitions, each from the End that is given.
	Reader(ctx context.Context, topic string, from []Offsets) (Reader, error)
}

// A Writer sends records without waiting for them. It may slow the caller down. It keeps key and value until done is called,
// once for each record, from any goroutine: with the offset, or with why the record was not acknowledged.
type Writer interface {
	Write(ctx context.Context, r Record, done func(offset int64, err error))
	Close()
}

// A Reader returns what has arrived, at least one record, or the context's error. Within a partition records come by offset.
// They are valid until the next call.
type Reader interface {
	Poll(ctx context.Context) ([]Record, error)
	Close()
}

// A Sampler is where rows come from: a host.Reader.
type Sampler interface {
	// Read waits for the next samples; they are valid until the next call.
	Read(ctx context.Context) ([]host.Sample, error)
	// Cost is the share of a core that reading takes.
	Cost() float64
}
