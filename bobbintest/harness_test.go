package bobbintest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// open makes a client of the protocol, which is closed with the test.
func open(t testing.TB, b *bobbintest.Broker) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(kafka.Options{Dial: b.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// franz makes a client of franz-go, which is closed with the test.
func franz(t testing.TB, b *bobbintest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.Dialer(b.Dial), kgo.DisableClientMetrics(), kgo.MetadataMinAge(100 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseAllowingRebalance)
	return c
}

// write writes values into partition 0 of a topic and returns the errors by value.
func write(t testing.TB, c *kafka.Client, topic string, patience time.Duration, values ...string) map[string]error {
	t.Helper()
	p, err := c.NewProducer(kafka.ProducerOptions{DeliveryTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	type answer struct {
		value string
		err   error
	}
	answers := make(chan answer, len(values))
	for _, v := range values {
		p.SendTo(context.Background(), kafka.Record{Topic: topic, Value: []byte(v)}, func(_ kafka.Record, err error) { answers <- answer{v, err} })
	}
	errs := make(map[string]error)
	for range values {
		if a := <-answers; a.err != nil {
			errs[a.value] = a.err
		}
	}
	return errs
}

// mustWrite writes values, each of which must be acknowledged.
func mustWrite(t testing.TB, c *kafka.Client, topic string, values ...string) {
	t.Helper()
	for v, err := range write(t, c, topic, 30*time.Second, values...) {
		t.Fatalf("%s: %v", v, err)
	}
}

// read returns all values of a topic up to its end.
func read(t testing.TB, c *kafka.Client, topic string) (values []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := c.NewReader(ctx, kafka.ReaderOptions{Topic: topic, UntilEnd: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		recs, err := r.Poll(ctx, 0)
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			values = append(values, string(rec.Value))
		}
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
}

// numbered returns n values.
func numbered(prefix string, n int) (values []string) {
	for i := range n {
		values = append(values, fmt.Sprint(prefix, i))
	}
	return values
}
