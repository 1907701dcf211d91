package kafka

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// DefaultBroker is where a cluster is looked for when nothing else is said.
const DefaultBroker = "localhost:9092"

// Options of a client. The zero value looks for a broker on this machine.
type Options struct {
	Brokers  []string // HOST:PORT each, the port 9092 when it is missing; DefaultBroker when empty
	ClientID string   // what the broker's logs and quotas call us; "bobbin" when empty
	// Dial makes connections; a TCP connection when nil. A broker in the same process gives its own.
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Timeout time.Duration // of one connection, and of one question with its repetitions; 10 s when 0
	Log     *slog.Logger  // silent when nil
	TLS     *tls.Config   // encrypts connections; ServerName is the broker's host when it is empty
	SASL    *SASL         // logs in on connections
	// Properties are settings by the names of Kafka and of librdkafka, for the client, its producers and its consumers: see [Properties]. Fields of options go
	// before them.
	Properties map[string]string
}

// Client knows a cluster. Its methods are safe for concurrent use.
type Client struct {
	opts   Options
	set    settings // the properties
	base   *kgo.Client
	admin  *kadm.Client
	unpack kgo.Decompressor
}

// Open makes a client. It connects when something is asked for. All that is wrong with the options is told at once.
func Open(opts Options) (*Client, error) {
	set, err := parseProperties(opts.Properties)
	if err = errors.Join(err, opts.secure(set)); err != nil {
		return nil, &Error{Op: "open a client", Kind: Invalid, Err: err, Hint: "docs/reference/client-properties.md has all properties"}
	}
	if len(opts.Brokers) == 0 {
		for b := range strings.SplitSeq(set.text(propBootstrap), ",") {
			opts.Brokers = append(opts.Brokers, strings.TrimSpace(b))
		}
	}
	opts.ClientID = cmp.Or(opts.ClientID, set.text(propClientID))
	opts.Timeout = cmp.Or(opts.Timeout, set.duration(propAPITimeout))
	c := &Client{opts: opts, set: set, unpack: kgo.DefaultDecompressor()}
	if opts.SASL != nil && opts.TLS == nil && (opts.SASL.Mechanism == plainMechanism || opts.SASL.Mechanism == oauthBearer) {
		c.log().Warn("secrets are sent without encryption", "mechanism", opts.SASL.Mechanism)
	}
	if c.base, err = c.connect(kgo.RetryTimeout(opts.Timeout)); err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(c.base)
	c.admin.SetTimeoutMillis(int32(opts.Timeout.Milliseconds()))
	return c, nil
}

// connect makes a client of the library below with what all of ours share.
func (c *Client) connect(more ...kgo.Opt) (*kgo.Client, error) {
	opts := append(
		c.set.common(c.opts.Timeout),
		kgo.SeedBrokers(c.opts.Brokers...), kgo.ClientID(c.opts.ClientID), kgo.DisableClientMetrics(), kgo.Dialer(c.opts.dial),
	)
	if c.opts.SASL != nil {
		opts = append(opts, kgo.SASL(c.opts.SASL.mechanism()))
	}
	if c.opts.Log != nil {
		opts = append(opts, kgo.WithLogger(logger{c.opts.Log}))
	}
	if inBubble() {
		opts = append(opts, kgo.WithDecompressor(newBubbleDecompressor()))
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		return nil, &Error{Op: "open a client", Kind: Invalid, Err: err}
	}
	return cl, nil
}

// Ping asks a broker whether it is there.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	return c.wrap("connect", "", c.base.Ping(ctx))
}

// Close ends the connections. Producers and readers have their own and must be closed before.
func (c *Client) Close() { c.base.Close() }

// log is never nil.
func (c *Client) log() *slog.Logger {
	if c.opts.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.opts.Log
}

// bound gives one question its time.
func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// Cluster is what a cluster says about itself.
type Cluster struct {
	ID         string
	Controller int32 // -1 when there is none
	Brokers    []Broker
}

// Broker is one node of a cluster.
type Broker struct {
	ID   int32
	Host string
	Port int32
	Rack string // empty when not set
}

// Cluster returns the cluster's id and its brokers.
func (c *Client) Cluster(ctx context.Context) (Cluster, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	m, err := c.admin.BrokerMetadata(ctx)
	if err != nil {
		return Cluster{}, c.wrap("describe the cluster", "", err)
	}
	out := Cluster{ID: m.Cluster, Controller: m.Controller}
	for _, b := range m.Brokers {
		nb := Broker{ID: b.NodeID, Host: b.Host, Port: b.Port}
		if b.Rack != nil {
			nb.Rack = *b.Rack
		}
		out.Brokers = append(out.Brokers, nb)
	}
	return out, nil
}

// wrap makes an error of the library below one of ours.
func (c *Client) wrap(op, topic string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	return newError(op, topic, strings.Join(c.opts.Brokers, ","), err)
}

// Patience is how long a record waits for its acknowledgement before it is given up.
func (c *Client) Patience() time.Duration { return c.set.duration(propDeliveryTimeout) }
