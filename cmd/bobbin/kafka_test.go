package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// memoryCluster is a client of a broker in this process, without a port.
func memoryCluster(t *testing.T) *kafka.Client {
	t.Helper()
	b, err := broker.Open(t.Context(), broker.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	c, err := kafka.Open(kafka.Options{
		Brokers: []string{"memory:9092"},
		Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func create(t *testing.T, c *kafka.Client, topic string, partitions int32) {
	t.Helper()
	if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: topic, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
}

// send sends records to their partitions and waits for all.
func send(t *testing.T, c *kafka.Client, records ...kafka.Record) {
	t.Helper()
	p, err := c.NewProducer(kafka.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var acked atomic.Int64
	for _, r := range records {
		p.SendTo(t.Context(), r, func(_ kafka.Record, err error) {
			if err != nil {
				t.Errorf("record %s: %v", r.Value, err)
			}
			acked.Add(1)
		})
	}
	if err := p.Flush(t.Context()); err != nil || acked.Load() != int64(len(records)) {
		t.Fatalf("%d of %d called back, %v", acked.Load(), len(records), err)
	}
}

func readAll(t *testing.T, c *kafka.Client, o kafka.ReaderOptions) []string {
	t.Helper()
	r, err := c.NewReader(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := []string{}
	for {
		records, err := r.Poll(t.Context(), 2)
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range records {
			got = append(got, fmt.Sprintf("%d/%d %s", k.Partition, k.Offset, k.Value))
		}
	}
}

func TestAReaderStartsWhereItIsTold(t *testing.T) {
	c := memoryCluster(t)
	create(t, c, "t", 3)
	at := func(s int64) time.Time { return time.UnixMilli(1_795_500_000_000 + 1000*s) }
	send(
		t, c,
		kafka.Record{Topic: "t", Partition: 1, Value: []byte("a"), Time: at(1)},
		kafka.Record{Topic: "t", Partition: 1, Value: []byte("b"), Time: at(2)},
		kafka.Record{Topic: "t", Partition: 1, Value: []byte("c"), Time: at(3)},
	)
	for _, x := range []struct {
		name string
		o    kafka.ReaderOptions
		want []string
	}{
		{"start", kafka.ReaderOptions{}, []string{"1/0 a", "1/1 b", "1/2 c"}},
		{"end", kafka.ReaderOptions{From: kafka.End()}, []string{}},
		{"offset", kafka.ReaderOptions{From: kafka.At(2)}, []string{"1/2 c"}},
		{"offset behind the end", kafka.ReaderOptions{From: kafka.At(99)}, []string{}},
		{"time", kafka.ReaderOptions{From: kafka.Since(at(2))}, []string{"1/1 b", "1/2 c"}},
		{"time behind the end", kafka.ReaderOptions{From: kafka.Since(at(4))}, []string{}},
		{"partition", kafka.ReaderOptions{Partitions: []int32{0}}, []string{}},
		{"single starts", kafka.ReaderOptions{From: kafka.End(), Starts: map[int32]int64{1: 1}}, []string{"1/1 b", "1/2 c"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			x.o.Topic, x.o.UntilEnd = "t", true
			if d := cmp.Diff(x.want, readAll(t, c, x.o)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestAReaderGetsWhatComesLater(t *testing.T) {
	c := memoryCluster(t)
	create(t, c, "t", 1)
	r, err := c.NewReader(t.Context(), kafka.ReaderOptions{Topic: "t", From: kafka.End()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	send(t, c, kafka.Record{Topic: "t", Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "h", Value: []byte("x")}}})
	got, err := r.Poll(t.Context(), 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	got[0].Time = time.Time{}
	want := kafka.Record{Topic: "t", Key: []byte("k"), Value: []byte("v"), Headers: []kafka.Header{{Key: "h", Value: []byte("x")}}}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Error(d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Poll(ctx, 0); kafka.KindOf(err) != kafka.Interrupted {
		t.Errorf("after an interruption: %v", err)
	}
}

func TestAKeyKeepsItsPartition(t *testing.T) {
	c := memoryCluster(t)
	create(t, c, "t", 4)
	p, err := c.NewProducer(kafka.ProducerOptions{Compression: "zstd"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var partitions [4]atomic.Int64
	for i := range 100 {
		p.Send(t.Context(), kafka.Record{Topic: "t", Partition: 3, Key: []byte("customer-7"), Value: fmt.Append(nil, i)}, func(r kafka.Record, err error) {
			if err != nil || r.Offset < 0 {
				t.Errorf("%+v: %v", r, err)
			}
			partitions[r.Partition].Add(1)
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	full := 0
	for i := range partitions {
		if n := partitions[i].Load(); n == 100 {
			full++
		} else if n != 0 {
			t.Errorf("partition %d has %d of the key's records", i, n)
		}
	}
	if full != 1 {
		t.Errorf("%d partitions have all", full)
	}
}

func TestARecordThatCannotBeWrittenIsCalledBackWithTheReason(t *testing.T) {
	c := memoryCluster(t)
	create(t, c, "t", 1)
	p, err := c.NewProducer(kafka.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for name, x := range map[string]struct {
		r    kafka.Record
		want kafka.Kind
	}{
		"no such topic":      {kafka.Record{Topic: "nope"}, kafka.NotFound},
		"negative partition": {kafka.Record{Topic: "t", Partition: -2}, kafka.Invalid},
		"too large":          {kafka.Record{Topic: "t", Value: make([]byte, 2<<20)}, kafka.TooLarge},
	} {
		got := make(chan error, 1)
		p.SendTo(t.Context(), x.r, func(_ kafka.Record, err error) { got <- err })
		if err := <-got; err == nil || kafka.KindOf(err) != x.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.NewProducer(kafka.ProducerOptions{Compression: "rar"}); kafka.KindOf(err) != kafka.Invalid {
		t.Errorf("compression: %v", err)
	}
}

func TestARecordIsGivenUpWhenTheBrokerIsGone(t *testing.T) {
	b, err := broker.Open(t.Context(), broker.Options{Memory: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := kafka.Open(kafka.Options{
		Brokers: []string{"memory:9092"},
		Dial:    func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	create(t, c, "t", 1)
	p, err := c.NewProducer(kafka.ProducerOptions{DeliveryTimeout: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	got := make(chan error, 2)
	p.Send(t.Context(), kafka.Record{Topic: "t"}, func(_ kafka.Record, err error) { got <- err })
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	p.Send(t.Context(), kafka.Record{Topic: "t"}, func(_ kafka.Record, err error) { got <- err })
	if err := <-got; err == nil {
		t.Error("a record was acknowledged by a broker that is closed")
	}
}

func TestWhatAClusterSaysAboutItself(t *testing.T) {
	c := memoryCluster(t)
	create(t, c, "b", 2)
	create(t, c, "a", 1)
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	cluster, err := c.Cluster(t.Context())
	if err != nil || cluster.ID == "" || len(cluster.Brokers) != 1 {
		t.Errorf("%+v, %v", cluster, err)
	}
	topics, err := c.Topics(t.Context())
	if err != nil || len(topics) != 2 || topics[0].Name != "a" || len(topics[1].Partitions) != 2 || len(topics[0].ID) != 22 {
		t.Errorf("%+v, %v", topics, err)
	}
	if err := c.DeleteTopic(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	for i, ask := range []func() error{
		func() error { _, err := c.Topic(t.Context(), "a"); return err },
		func() error { _, err := c.Offsets(t.Context(), "a"); return err },
		func() error { _, err := c.TopicConfigs(t.Context(), "a"); return err },
		func() error { return c.DeleteTopic(t.Context(), "a") },
		func() error { _, err := c.NewReader(t.Context(), kafka.ReaderOptions{Topic: "a"}); return err },
	} {
		if err := ask(); err == nil || kafka.KindOf(err) != kafka.NotFound {
			t.Errorf("question %d about a topic that is gone: %v", i, err)
		}
	}
	if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: "b"}); kafka.KindOf(err) != kafka.Exists {
		t.Errorf("%v", err)
	}
}
