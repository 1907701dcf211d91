package bobbin_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin"
)

// While streams are written and read on a real cluster of three, a broker is killed and started again, and another one is stopped for a while and goes on as if nothing had
// happened: no error comes to the writer or a handler, nothing is lost, order holds.
func TestClusterLosesNodesUnderLiveStreams(t *testing.T) {
	home, addresses := os.Getenv("KAFKA_HOME"), os.Getenv("KAFKA_BOOTSTRAP")
	if home == "" || strings.Count(addresses, ",") != 2 {
		t.Skip("KAFKA_HOME and KAFKA_BOOTSTRAP with three nodes are not set: there is no cluster to lose nodes of")
	}
	script := func(name string, args ...string) {
		t.Helper()
		cmd := exec.Command(filepath.Join(home, "bin", name), args...)
		if out, err := cmd.CombinedOutput(); err != nil {
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
	writeFor := func(d time.Duration) {
		t.Helper()
		for end := time.Now().Add(d); time.Now().Before(end); {
			w.write(t, 10)
		}
	}
	writeFor(3 * time.Second)
	script("chaos.sh", "kill", "3")
	writeFor(5 * time.Second)
	script("start.sh", "3")
	writeFor(6 * time.Second)
	script("chaos.sh", "pause", "2")
	resume := func() { script("chaos.sh", "resume", "2") }
	resumed := false
	defer func() {
		if !resumed {
			resume()
		}
	}()
	writeFor(12 * time.Second)
	resume()
	resumed = true
	writeFor(3 * time.Second)
	b.await(t, w.ids, w.next)
	if f := x.Stats().Failures + y.Stats().Failures; f > 0 {
		t.Errorf("%d calls of handlers failed", f)
	}
	must(t, stopX())
	must(t, stopY())
	t.Logf("%d rows of 24 streams, %d came twice", w.next, b.duplicates())
}
