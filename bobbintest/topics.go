package bobbintest

import (
	"context"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// ownID is the client id of what the Broker itself asks for, which no Fault meets.
const ownID = "bobbintest"

// CreateTopic makes a topic; config is settings by Kafka's names, such as "retention.ms=60000".
func (b *Broker) CreateTopic(t testing.TB, name string, partitions int, config ...string) {
	t.Helper()
	n := kafka.NewTopic{Name: name, Partitions: int32(partitions), Configs: make(map[string]string)}
	for _, c := range config {
		k, v, ok := strings.Cut(c, "=")
		if !ok {
			t.Fatalf("bobbintest: create topic %s: %q is not NAME=VALUE", name, c)
		}
		n.Configs[k] = v
	}
	b.ask(t, func(ctx context.Context, c *kafka.Client) error { return c.CreateTopic(ctx, n) })
}

// AddPartitions raises the number of a topic's partitions to total.
func (b *Broker) AddPartitions(t testing.TB, topic string, total int) {
	t.Helper()
	b.ask(t, func(ctx context.Context, c *kafka.Client) error { return c.SetPartitions(ctx, topic, total) })
}

// DeleteTopic deletes a topic and all its records.
func (b *Broker) DeleteTopic(t testing.TB, name string) {
	t.Helper()
	b.ask(t, func(ctx context.Context, c *kafka.Client) error { return c.DeleteTopic(ctx, name) })
}

// ask asks the broker for something, as any client would.
func (b *Broker) ask(t testing.TB, what func(context.Context, *kafka.Client) error) {
	t.Helper()
	if !b.up() {
		t.Fatal("bobbintest: the broker is down: Restart it first")
	}
	c, err := kafka.Open(kafka.Options{Dial: b.Dial, ClientID: ownID})
	if err == nil {
		err = what(context.Background(), c)
		c.Close()
	}
	if err != nil {
		t.Fatalf("bobbintest: %v", err)
	}
}
