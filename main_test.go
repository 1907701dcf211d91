package bobbin_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
)

// The suite runs against the embedded broker in memory, against a process of `bobbin serve`, and against the cluster that KAFKA_BOOTSTRAP names.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, c := range all {
		if err := c.stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// cluster is something to test against, started when it is first needed.
type cluster struct {
	name    string
	start   func(c *cluster) error
	once    sync.Once
	err     error
	options bobbin.Options
	closers []func() error
}

var all = []*cluster{{name: "memory", start: startMemory}, {name: "serve", start: startServe}, {name: "kafka", start: findKafka}}

var errNotHere = errors.New("KAFKA_BOOTSTRAP is not set: no real cluster to test against")

func startMemory(c *cluster) error {
	b, err := broker.Open(context.Background(), broker.Options{Memory: true})
	if err != nil {
		return err
	}
	c.closers = append(c.closers, b.Close)
	c.options.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }
	return nil
}

func startServe(c *cluster) error {
	dir, err := os.MkdirTemp("", "bobbin-suite-")
	if err != nil {
		return err
	}
	c.closers = append(c.closers, func() error { return os.RemoveAll(dir) })
	program := filepath.Join(dir, "bobbin")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/bobbin").CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	cmd := exec.Command(program, "serve", "--data", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		return errors.Join(err, cmd.Wait())
	}
	var drain sync.WaitGroup
	drain.Go(func() { io.Copy(io.Discard, lines) })
	c.closers = append([]func() error{func() error {
		err := cmd.Process.Signal(os.Interrupt)
		drain.Wait()
		return errors.Join(err, cmd.Wait())
	}}, c.closers...)
	for field := range strings.FieldsSeq(line) {
		if at, ok := strings.CutPrefix(field, "kafka="); ok {
			c.options.Brokers = []string{at}
		}
	}
	return nil
}

func findKafka(c *cluster) error {
	at := os.Getenv("KAFKA_BOOTSTRAP")
	if at == "" {
		return errNotHere
	}
	c.options.Brokers = strings.Split(at, ",")
	return nil
}

func (c *cluster) stop() error {
	var errs []error
	for _, f := range c.closers {
		errs = append(errs, f())
	}
	return errors.Join(errs...)
}

// onEach runs a test against each cluster.
func onEach(t *testing.T, test func(t *testing.T, c *cluster)) {
	t.Helper()
	t.Parallel()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "serve" && !withServe {
				t.SkipNow()
			}
			c.once.Do(func() { c.err = c.start(c) })
			if errors.Is(c.err, errNotHere) {
				t.Skip(c.err)
			}
			if c.err != nil {
				t.Fatal(c.err)
			}
			t.Parallel()
			test(t, c)
		})
	}
}

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// client opens a client that is closed with the test.
func (c *cluster) client(t *testing.T) *bobbin.Client {
	t.Helper()
	o := c.options
	client, err := bobbin.Open(deadline(t), &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close the client: %v", err)
		}
	})
	return client
}

// deadline is a context that ends with the test or after patience.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

var topics atomic.Int64

// topic makes a topic with a name of its own.
func (c *cluster) topic(t *testing.T, partitions int) string {
	t.Helper()
	name := fmt.Sprintf("t%d-%d", time.Now().UnixNano(), topics.Add(1))
	if err := c.client(t).CreateTopic(deadline(t), name, partitions, nil); err != nil {
		t.Fatal(err)
	}
	return name
}

// producer makes a producer of a new client.
func (c *cluster) producer(t *testing.T, topic string, opts *bobbin.ProducerOptions) *bobbin.Producer {
	t.Helper()
	p, err := c.client(t).Producer(topic, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// run reads a topic until the test ends, or the returned function is called.
func (c *cluster) run(t *testing.T, topic string, opts *bobbin.ConsumerOptions, h bobbin.HandlerFunc) (x *bobbin.Consumer, stop func() error) {
	t.Helper()
	x, err := c.client(t).Consumer(topic, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- x.Run(ctx, h) }()
	stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { stop() })
	return x, stop
}

// receive takes the next thing of a channel.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("%s did not come in %v", what, patience)
		panic("unreachable")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
