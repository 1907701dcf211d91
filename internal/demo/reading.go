package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin"
)

// An instance is one of the readers that share the topic as a group, with a client of its own.
type instance struct {
	name     string
	client   *bobbin.Client
	consumer *bobbin.Consumer
	line     *cutter
	running  sync.WaitGroup
	stop     context.CancelFunc
	err      error // of Run; valid when running is over

	mu     sync.Mutex
	killed bool
}

// instances is how many share the reading.
const instances = 2

// groupOf is the group of a run: it starts where the topic ended before, and is deleted at the end.
func groupOf(run string) string { return "demo-" + run }

// startInstance makes a reader and runs it until stop.
func startInstance(ctx context.Context, o Options, name, run string, toBeKilled bool, t *tracker, moved func()) (*instance, error) {
	i := &instance{name: name, line: newCutter(o.Cluster.Dial)}
	options := o.Cluster
	options.Dial = i.line.dial
	options.ClientID = "bobbin-demo-" + name
	if toBeKilled {
		options.Log = nil // its complaints would be the last thing that people read
	}
	// A member that dies is missed after 6 s, as soon as Kafka allows.
	options.Properties = map[string]string{"session.timeout.ms": "6000", "heartbeat.interval.ms": "1000"}
	var err error
	if i.client, err = bobbin.Open(ctx, &options); err != nil {
		return nil, err
	}
	i.consumer, err = i.client.Consumer(Topic, &bobbin.ConsumerOptions{
		Group: groupOf(run), Start: bobbin.Committed(), Commit: bobbin.CommitPolicy{Every: time.Second}, Leave: 2 * time.Second,
	})
	if err != nil {
		return nil, errors.Join(err, i.client.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	i.stop = stop
	i.running.Go(func() {
		err := i.consumer.Run(running, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
			return i.serve(s, t, moved)
		}))
		if running.Err() == nil && err == nil {
			err = errors.New("it ended early")
		}
		i.err = err
	})
	return i, nil
}

// serve reads one stream into the tracker.
func (i *instance) serve(s *bobbin.StreamReader, t *tracker, moved func()) error {
	run := s.Tag(runTag)
	for p, err := range s.Packets() {
		if err != nil {
			return err
		}
		if i.wasKilled() {
			return errors.New("this instance was killed") // what a killed process reads counts for nobody
		}
		now := time.Now()
		switch p := p.(type) {
		case *bobbin.Rows:
			for _, v := range p.All() {
				r, err := readRow(v, run)
				if err != nil {
					t.stranger()
					continue
				}
				t.observe(s.ID(), int32(s.Position().Partition), r, now)
			}
		case *bobbin.Event:
			if s.Properties().Metadata["run"] == t.run {
				t.happened(now, p.ID, p.Value)
			}
		case *bobbin.Raw:
			t.stranger()
		}
		moved()
	}
	return nil
}

// kill ends the instance as SIGKILL would: its connections break, it says goodbye to nobody, and what it has not committed is read again by the other.
func (i *instance) kill() {
	i.mu.Lock()
	i.killed = true
	i.mu.Unlock()
	i.line.cut()
	i.stop()
}

// wasKilled says whether the instance was killed.
func (i *instance) wasKilled() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.killed
}

// close ends the instance and waits for it.
func (i *instance) close() error {
	i.stop()
	i.running.Wait()
	err := i.client.Close()
	if i.wasKilled() {
		return nil // nobody hears what a killed one has to say
	}
	if i.err != nil {
		err = errors.Join(fmt.Errorf("demo: %s: %w", i.name, i.err), err)
	}
	return err
}

// A cutter makes connections until it cuts them all.
type cutter struct {
	make func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	conns []net.Conn
	gone  bool
}

func newCutter(dial func(ctx context.Context, network, address string) (net.Conn, error)) *cutter {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return &cutter{make: dial}
}

func (c *cutter) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.make(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = true
	for _, conn := range c.conns {
		conn.Close()
	}
	c.conns = nil
}
