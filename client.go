package bobbin

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Options of a Client. The zero value, or nil, is for a broker on this machine.
type Options struct {
	Brokers  []string // HOST:PORT of some brokers of the cluster; localhost:9092 when empty
	ClientID string   // what the brokers' logs and quotas call us; "bobbin" when empty

	// Dial makes connections; TCP when nil. An embedded broker gives its own, then nothing listens on a port.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	TLS  *tls.Config // encrypts connections when it is set
	SASL *SASL       // says who we are when it is set

	// Properties are settings of Kafka's clients by their own names, such as linger.ms, fetch.max.bytes or session.timeout.ms. A name
	// that is not known, or one that cannot be kept here, is an error. docs/reference/client-properties.md lists them.
	Properties map[string]string

	Log *slog.Logger // nothing is logged when nil
}

// SASL is a login to a cluster.
type SASL struct {
	Mechanism string // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER
	User      string
	Password  string
	Token     func(ctx context.Context) (string, error) // for OAUTHBEARER: asked before each login
}

// Client is what a program has of a cluster: producers and consumers come from it. Its methods are safe for concurrent use.
type Client struct {
	kafka *kafka.Client
	log   *slog.Logger

	closing context.Context // ends when Close begins
	close   context.CancelFunc

	mu       sync.Mutex
	users    []user // producers and consumers that are not closed
	closed   bool
	starting sync.WaitGroup // producers that are not users yet
}

// user is what a client closes before it is closed itself.
type user interface {
	closeWithClient(ctx context.Context) error
}

// closeTime bounds how long Client.Close waits for what was written.
const closeTime = 10 * time.Second

// Open makes a client and asks the cluster whether it is there. ctx bounds the opening only.
func Open(ctx context.Context, opts *Options) (*Client, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	k := kafka.Options{Brokers: slices.Clone(o.Brokers), ClientID: o.ClientID, Dial: o.Dial, TLS: o.TLS, Properties: o.Properties, Log: o.Log}
	if o.SASL != nil {
		k.SASL = &kafka.SASL{Mechanism: o.SASL.Mechanism, User: o.SASL.User, Password: o.SASL.Password, Token: o.SASL.Token}
	}
	c := &Client{log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	c.closing, c.close = context.WithCancel(context.Background())
	var err error
	if c.kafka, err = kafka.Open(k); err != nil {
		return nil, fail("open a client", "", "", err)
	}
	if err := c.kafka.Ping(ctx); err != nil {
		c.kafka.Close()
		return nil, fail("open a client", "", "", err)
	}
	return c, nil
}

// CreateTopic makes a topic with so many partitions, or as many as the cluster likes when it is 0. Settings have Kafka's names, such as
// retention.ms. One that is there already is ErrTopicExists, and is left as it is.
func (c *Client) CreateTopic(ctx context.Context, name string, partitions int, settings map[string]string) error {
	const op = "create topic"
	if partitions < 0 || partitions > 1<<20 {
		return &Error{Op: op, Topic: name, Err: invalidf("%d partitions", partitions)}
	}
	return fail(op, name, "", c.kafka.CreateTopic(ctx, kafka.NewTopic{Name: name, Partitions: int32(partitions), Configs: settings}))
}

// Close ends all producers and consumers of the client and its connections. It waits for what was written, 10 s at the most; an error says what was
// not acknowledged. Nothing of the client runs when it returns. Closing again does nothing.
func (c *Client) Close() error {
	c.mu.Lock()
	users, closed := c.users, c.closed
	c.users, c.closed = nil, true
	c.mu.Unlock()
	if closed {
		return nil
	}
	c.close()
	c.starting.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	var errs []error
	var group sync.WaitGroup
	var mu sync.Mutex
	for _, u := range users {
		group.Go(func() {
			if err := u.closeWithClient(ctx); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	group.Wait()
	c.kafka.Close()
	return errors.Join(errs...)
}

// Stats are the counts of a client's producers and consumers that are not closed.
type Stats struct {
	Producers []ProducerStats
	Consumers []ConsumerStats
}

// Stats returns what the client's producers and consumers did so far. The package metrics gives them to Prometheus.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	users := slices.Clone(c.users)
	c.mu.Unlock()
	var st Stats
	for _, u := range users {
		switch u := u.(type) {
		case *Producer:
			st.Producers = append(st.Producers, u.Stats())
		case *Consumer:
			st.Consumers = append(st.Consumers, u.Stats())
		}
	}
	return st
}

// start counts a producer that begins, whose end Close waits for. The context ends with Close, and when the cluster has kept it waiting for as long as a record may wait.
func (c *Client) start() (ctx context.Context, done func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, ErrClosed
	}
	c.starting.Add(1)
	ctx, cancel := context.WithTimeout(c.closing, c.kafka.Patience())
	return ctx, func() { cancel(); c.starting.Done() }, nil
}

// add makes the client close u when it is closed.
func (c *Client) add(u user) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.users = append(c.users, u)
	return nil
}

func (c *Client) remove(u user) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(c.users, u); i >= 0 {
		c.users = slices.Delete(c.users, i, i+1)
	}
}
