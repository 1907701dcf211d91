package bobbin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// While streams are written and read on a real cluster of three, a broker is killed and started again, and another one is stopped for a while and goes on as if nothing had
// happened: no error comes to the writer or a handler, nothing is lost, order holds.
func TestClusterLosesNodesUnderLiveStreams(t *testing.T) {
	home, addresses := os.Getenv("KAFKA_HOME"), os.Getenv("KAFKA_BOOTSTRAP")
	if home == "" || strings.Count(addresses, ",") != 2 {
		t.Skip("KAFKA_HOME and KAFKA_BOOTSTRAP with three nodes are not set: there is no cluster to lose nodes of")
	}
	run := func(name string, args ...string) ([]byte, error) {
		return exec.Command(filepath.Join(home, "bin", name), args...).CombinedOutput()
	}
	script := func(name string, args ...string) {
		t.Helper()
		if out, err := run(name, args...); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	c := all[2]
	c.once.Do(func() { c.err = c.start(c) })
	topic, b := c.topic(t, 6), newBoard()
	w := newWriter(t, c.producer(t, topic, &bobbin.ProducerOptions{Format: bobbin.Binary}), 24)
	opts := &bobbin.ConsumerOptions{Group: group(), Start: bobbin.Earliest()}
	x, stopX := c.run(t, topic, opts, b.handler("x"))
	y, stopY := c.run(t, topic, opts, b.handler("y"))
	w.patience = 2 * time.Minute // as long as a record may wait to be delivered: a paused leader is noticed when its answers are overdue
	write := func(until func() bool) {
		t.Helper()
		for !until() {
			w.write(t, 10)
		}
	}
	lasting := func(d time.Duration) func() bool {
		end := time.Now().Add(d)
		return func() bool { return time.Now().After(end) }
	}
	write(lasting(3 * time.Second))
	script("chaos.sh", "kill", "3")
	write(lasting(5 * time.Second))
	script("start.sh", "3")
	write(inSync(t, c))
	script("chaos.sh", "pause", "2")
	resumed := make(chan struct{})
	// By the clock: a write may be waiting for the very node that is paused.
	time.AfterFunc(12*time.Second, func() {
		defer close(resumed)
		if out, err := run("chaos.sh", "resume", "2"); err != nil {
			t.Errorf("resume node 2: %v\n%s", err, out)
		}
	})
	defer func() { <-resumed }()
	write(func() bool {
		select {
		case <-resumed:
			return true
		default:
			return false
		}
	})
	write(lasting(3 * time.Second))
	b.await(t, w.ids, w.next)
	if f := x.Stats().Failures + y.Stats().Failures; f > 0 {
		t.Errorf("%d calls of handlers failed", f)
	}
	must(t, stopX())
	must(t, stopY())
	t.Logf("%d rows of 24 streams, %d came twice", w.next, b.duplicates())
}

// inSync says whether all replicas of the cluster are in sync. Asked again within a second it says no.
func inSync(t *testing.T, c *cluster) func() bool {
	client, err := kafka.Open(kafka.Options{Brokers: c.options.Brokers})
	must(t, err)
	t.Cleanup(client.Close)
	var asked time.Time
	end := time.Now().Add(2 * patience)
	return func() bool {
		t.Helper()
		if time.Now().After(end) {
			t.Fatalf("replicas were out of sync for %v", 2*patience)
		}
		if time.Since(asked) < time.Second {
			return false
		}
		asked = time.Now()
		topics, err := client.Topics(deadline(t))
		must(t, err)
		return !slices.ContainsFunc(topics, func(topic kafka.Topic) bool {
			return slices.ContainsFunc(topic.Partitions, func(p kafka.Partition) bool { return p.Err != nil || len(p.ISR) < len(p.Replicas) })
		})
	}
}
