package kafka

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/broker"
)

// cluster is what the tests run against: a broker in this process, or the Kafka that KAFKA_BOOTSTRAP names.
type cluster struct {
	t     testing.TB
	opts  Options
	name  string        // of the test's topic and group
	stop  func()        // of the broker; nil when it is not ours to stop
	again func()        // starts it again
	live  *atomic.Value // *broker.Broker

	owners sync.Map // partition to *member
}

// eachCluster runs a test against both.
func eachCluster(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("kafka", func(t *testing.T) {
		at := os.Getenv("KAFKA_BOOTSTRAP")
		if at == "" {
			t.Skip("KAFKA_BOOTSTRAP is not set")
		}
		test(t, &cluster{t: t, opts: Options{Brokers: strings.Split(at, ",")}, name: fmt.Sprintf("%s-%d", strings.NewReplacer("/", "-", "=", "-").Replace(t.Name()), time.Now().UnixNano())})
	})
}

// embedded starts a broker in a directory of the test.
func embedded(t testing.TB) *cluster {
	t.Helper()
	dir := t.TempDir()
	c := &cluster{t: t, name: "t", live: new(atomic.Value)}
	c.again = func() {
		b, err := broker.Open(context.Background(), broker.Options{Dir: dir, Settings: map[string]string{
			"log.cleaner.backoff.ms": "50", "group.initial.rebalance.delay.ms": "0", "group.min.session.timeout.ms": "100",
		}})
		if err != nil {
			t.Fatal(err)
		}
		c.live.Store(b)
	}
	c.stop = func() { c.live.Load().(*broker.Broker).Close() }
	c.again()
	t.Cleanup(c.stop)
	c.opts = Options{Brokers: []string{"memory:9092"}, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return c.live.Load().(*broker.Broker).Dial(ctx)
	}}
	return c
}

// open makes a client, with more options when some are given.
func (c *cluster) open(change ...func(*Options)) *Client {
	c.t.Helper()
	o := c.opts
	for _, f := range change {
		f(&o)
	}
	if o.Properties == nil {
		o.Properties = make(map[string]string)
	}
	o.Properties["metadata.max.age.ms"] = "100"
	client, err := Open(o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(client.Close)
	return client
}

// topic makes the test's topic.
func (c *cluster) topic(client *Client, partitions int32, configs ...string) string {
	c.t.Helper()
	set := make(map[string]string)
	for _, kv := range configs {
		k, v, _ := strings.Cut(kv, "=")
		set[k] = v
	}
	if err := client.CreateTopic(c.t.Context(), NewTopic{Name: c.name, Partitions: partitions, Configs: set}); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { client.DeleteTopic(context.Background(), c.name) })
	return c.name
}

// within is how long something may take that has to happen.
const within = time.Minute

func (c *cluster) context() context.Context {
	ctx, cancel := context.WithTimeout(c.t.Context(), within)
	c.t.Cleanup(cancel)
	return ctx
}

// send sends values to a partition and waits until they are there.
func send(t testing.TB, client *Client, topic string, partition int32, values ...string) {
	t.Helper()
	var records []Record
	for _, v := range values {
		records = append(records, Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
	sendRecords(t, client, records...)
}

func sendRecords(t testing.TB, client *Client, records ...Record) {
	t.Helper()
	p, err := client.NewProducer(ProducerOptions{Linger: 5 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, r := range records {
		p.SendTo(t.Context(), r, func(_ Record, err error) {
			if err != nil {
				t.Errorf("record %s: %v", r.Value, err)
			}
		})
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v still not so: %s", within, what)
		}
	}
}
