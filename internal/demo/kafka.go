package demo

import (
	"context"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// On returns the cluster that a client knows. The client stays the caller's.
func On(c *kafka.Client) Cluster { return kafkaCluster{c} }

type kafkaCluster struct{ client *kafka.Client }

func (c kafkaCluster) EnsureTopic(ctx context.Context, spec TopicSpec) ([]Offsets, error) {
	_, err := c.client.Topic(ctx, spec.Name)
	if kafka.KindOf(err) == kafka.NotFound {
		err = c.client.CreateTopic(ctx, kafka.NewTopic{Name: spec.Name, Partitions: spec.Partitions, Configs: spec.Config})
		if kafka.KindOf(err) == kafka.Exists { // another one was faster
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	bounds, err := c.client.Offsets(ctx, spec.Name)
	if err != nil {
		return nil, err
	}
	out := make([]Offsets, 0, len(bounds))
	for _, b := range bounds {
		out = append(out, Offsets{Partition: b.Partition, Start: b.Start, End: b.End})
	}
	return out, nil
}

func (c kafkaCluster) Writer(_ context.Context, topic string) (Writer, error) {
	p, err := c.client.NewProducer(kafka.ProducerOptions{})
	if err != nil {
		return nil, err
	}
	return &kafkaWriter{producer: p, topic: topic}, nil
}

type kafkaWriter struct {
	producer *kafka.Producer
	topic    string
}

func (w *kafkaWriter) Write(ctx context.Context, r Record, done func(int64, error)) {
	w.producer.Send(ctx, kafka.Record{Topic: w.topic, Key: r.Key, Value: r.Value}, func(sent kafka.Record, err error) {
		done(sent.Offset, err)
	})
}

func (w *kafkaWriter) Close() { w.producer.Close() }

func (c kafkaCluster) Reader(ctx context.Context, topic string, from []Offsets) (Reader, error) {
	partitions := make([]int32, 0, len(from))
	for _, f := range from {
		partitions = append(partitions, f.Partition)
	}
	// Nothing of this run is written before the reader stands, so the end is where from ends.
	r, err := c.client.NewReader(ctx, kafka.ReaderOptions{Topic: topic, Partitions: partitions, From: kafka.End()})
	if err != nil {
		return nil, err
	}
	return &kafkaReader{reader: r}, nil
}

type kafkaReader struct {
	reader *kafka.Reader
	buf    []Record
}

func (r *kafkaReader) Poll(ctx context.Context) ([]Record, error) {
	records, err := r.reader.Poll(ctx, 0)
	r.buf = r.buf[:0]
	for i := range records {
		k := &records[i]
		r.buf = append(r.buf, Record{Partition: k.Partition, Offset: k.Offset, Key: k.Key, Value: k.Value})
	}
	return r.buf, err
}

func (r *kafkaReader) Close() { r.reader.Close() }
