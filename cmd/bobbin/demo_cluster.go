package main

import (
	"context"

	"github.com/bobbinstream/bobbin/internal/demo"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// demoCluster gives the demo what it asks of a cluster.
type demoCluster struct{ client *kafka.Client }

func (c demoCluster) EnsureTopic(ctx context.Context, spec demo.TopicSpec) ([]demo.Offsets, error) {
	err := c.client.CreateTopic(ctx, kafka.NewTopic{Name: spec.Name, Partitions: spec.Partitions, Configs: spec.Config})
	if err != nil && kafka.KindOf(err) != kafka.Exists {
		return nil, err
	}
	bounds, err := c.client.Offsets(ctx, spec.Name)
	if err != nil {
		return nil, err
	}
	out := make([]demo.Offsets, 0, len(bounds))
	for _, b := range bounds {
		out = append(out, demo.Offsets{Partition: b.Partition, Start: b.Start, End: b.End})
	}
	return out, nil
}

func (c demoCluster) Writer(_ context.Context, topic string) (demo.Writer, error) {
	p, err := c.client.NewProducer(kafka.ProducerOptions{})
	if err != nil {
		return nil, err
	}
	return demoWriter{p, topic}, nil
}

func (c demoCluster) Reader(ctx context.Context, topic string, from []demo.Offsets) (demo.Reader, error) {
	starts := make(map[int32]int64, len(from))
	for _, f := range from {
		starts[f.Partition] = f.End
	}
	r, err := c.client.NewReader(ctx, kafka.ReaderOptions{Topic: topic, Starts: starts})
	if err != nil {
		return nil, err
	}
	return &demoReader{r: r}, nil
}

type demoWriter struct {
	p     *kafka.Producer
	topic string
}

func (w demoWriter) Write(ctx context.Context, r demo.Record, done func(offset int64, err error)) {
	w.p.Send(ctx, kafka.Record{Topic: w.topic, Key: r.Key, Value: r.Value}, func(k kafka.Record, err error) { done(k.Offset, err) })
}

// Close gives up what is not acknowledged; the demo has waited for it before.
func (w demoWriter) Close() { w.p.Close() }

type demoReader struct {
	r   *kafka.Reader
	buf []demo.Record
}

func (r *demoReader) Poll(ctx context.Context) ([]demo.Record, error) {
	records, err := r.r.Poll(ctx, 0)
	if err != nil {
		return nil, err
	}
	r.buf = r.buf[:0]
	for _, k := range records {
		r.buf = append(r.buf, demo.Record{Partition: k.Partition, Offset: k.Offset, Key: k.Key, Value: k.Value})
	}
	return r.buf, nil
}

func (r *demoReader) Close() { r.r.Close() }
