package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Finding is one step of a diagnosis: what was tried on what, what came of it, and what to change.
type Finding struct {
	Step    string // resolve, connect, speak, metadata, advertised or topics
	Subject string // an address, a broker, the cluster
	OK      bool
	Warning bool // it works, and is not as it should be
	Detail  string
	Hint    string // what to change; empty when nothing
	Took    time.Duration
}

// Diagnosis is what Diagnose found, step by step.
type Diagnosis struct {
	Findings []Finding
	Reached  bool // at least one broker answered with the cluster's metadata
}

// OK says that nothing is wrong.
func (d Diagnosis) OK() bool {
	for _, f := range d.Findings {
		if !f.OK {
			return false
		}
	}
	return true
}

// resolver finds the addresses of a name.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Diagnose goes the way of a client to a cluster: it resolves each broker's name, connects, asks what it speaks and for the metadata, and does the same with
// every address that the brokers tell their clients to use. It needs no Client, and its own errors are findings. Connections are encrypted as the options say; it does not
// log in.
func Diagnose(ctx context.Context, opts Options) Diagnosis {
	if len(opts.Brokers) == 0 {
		opts.Brokers = []string{DefaultBroker}
	}
	opts.ClientID = cmp.Or(opts.ClientID, "bobbin")
	opts.Timeout = cmp.Or(opts.Timeout, 5*time.Second)
	d := diagnosing{opts: opts, resolve: net.DefaultResolver, clusters: make(map[string]string), asked: make(map[string]bool)}
	for _, b := range opts.Brokers {
		if _, _, err := net.SplitHostPort(b); err != nil {
			b = net.JoinHostPort(strings.Trim(b, "[]"), "9092")
		}
		d.seed(ctx, b)
	}
	if d.latest != nil {
		d.advertised(ctx)
		d.topics()
	}
	return d.found
}

// diagnosing is a diagnosis under way.
type diagnosing struct {
	opts     Options
	resolve  resolver
	found    Diagnosis
	latest   *kmsg.MetadataResponse
	from     string            // who gave it
	clusters map[string]string // ids, by who said so first
	asked    map[string]bool   // addresses that have answered
}

func (d *diagnosing) add(f Finding) bool {
	d.found.Findings = append(d.found.Findings, f)
	return f.OK
}

// seed goes all steps with one of the given addresses.
func (d *diagnosing) seed(ctx context.Context, address string) {
	host, _, _ := net.SplitHostPort(address)
	if !d.lookUp(ctx, "resolve", address, host) {
		return
	}
	p := d.connect(ctx, "connect", address, "")
	if p == nil {
		return
	}
	defer p.Close()
	versions := d.speak(ctx, p, "speak", address)
	if versions == nil {
		return
	}
	began := time.Now()
	m, err := p.metadata(ctx, versions[int16(kmsg.Metadata)])
	f := Finding{Step: "metadata", Subject: address, Took: time.Since(began)}
	if err != nil {
		f.Detail, f.Hint = err.Error(), "look into the broker's log"
		d.add(f)
		return
	}
	id := "unknown"
	if m.ClusterID != nil {
		id = *m.ClusterID
	}
	f.OK, f.Detail = true, fmt.Sprintf("cluster %s, %d brokers, %d topics", id, len(m.Brokers), len(m.Topics))
	if len(m.Brokers) == 0 {
		f.OK, f.Hint = false, "the cluster has no broker that is alive: look into the controller's log"
	}
	for other, who := range d.clusters {
		if other != id {
			f.OK = false
			f.Hint = fmt.Sprintf("%s belongs to cluster %s: name brokers of one cluster only", who, other)
		}
	}
	if d.clusters[id] == "" {
		d.clusters[id] = address
	}
	d.add(f)
	d.found.Reached = true
	d.latest, d.from = m, address
}

// lookUp resolves a name. Where connections are made by somebody else, names are too.
func (d *diagnosing) lookUp(ctx context.Context, step, subject, host string) bool {
	if d.opts.Dial != nil {
		return true
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	began := time.Now()
	addrs, err := d.resolve.LookupNetIP(ctx, "ip", host)
	f := Finding{Step: step, Subject: subject, Took: time.Since(began)}
	if err != nil {
		f.Detail, f.Hint = err.Error(), fmt.Sprintf("this computer does not know the name %s: use an address that it knows, or add the name to its DNS or hosts file", host)
		return d.add(f)
	}
	var list []string
	for _, a := range addrs {
		list = append(list, a.Unmap().String())
	}
	f.OK, f.Detail = true, host+" is "+strings.Join(list, ", ")
	return d.add(f)
}

func (d *diagnosing) connect(ctx context.Context, step, address, hint string) *probe {
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	began := time.Now()
	p, err := d.opts.dialProbe(ctx, address)
	f := Finding{Step: step, Subject: address, Took: time.Since(began)}
	if err != nil {
		f.Detail = err.Error()
		switch {
		case hint != "":
			f.Hint = hint
		case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
			f.Hint = "nothing answers at that address: check it, and the firewalls between"
		default:
			f.Hint = "nothing listens at that port: start the broker (`bobbin serve`), or use its listener's port"
		}
		d.add(f)
		return nil
	}
	f.OK, f.Detail = true, "connected to "+p.RemoteAddr().String()
	if step == "connect" {
		d.add(f)
	}
	return p
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

func (d *diagnosing) speak(ctx context.Context, p *probe, step, subject string) map[int16]int16 {
	ctx, cancel := context.WithTimeout(ctx, d.opts.Timeout)
	defer cancel()
	began := time.Now()
	versions, err := p.versions(ctx)
	f := Finding{Step: step, Subject: subject, Took: time.Since(began)}
	if err == nil {
		d.asked[subject] = true
		f.OK, f.Detail = true, fmt.Sprintf("the Kafka protocol, %d kinds of requests", len(versions))
		if step == "speak" {
			d.add(f)
		}
		return versions
	}
	if (errors.Is(err, errClosed) || isTimeout(err)) && d.opts.speaksHTTP(context.WithoutCancel(ctx), subject) {
		err = errHTTP
	}
	f.Detail = err.Error()
	switch {
	case errors.Is(err, errTLS):
		f.Hint = "this listener expects TLS: use a listener without, or a client with security.protocol=SSL"
	case errors.Is(err, errHTTP):
		f.Hint = "this is the address of a web server: use the broker's Kafka listener, by default port 9092"
	case errors.Is(err, errClosed):
		f.Hint = "does it expect TLS or a login, or is it no Kafka broker? Its log says why it closed the connection"
	case isTimeout(err):
		f.Hint = "something listens there and does not answer: a listener with TLS waits so, and so does a broker that hangs"
	default:
		f.Hint = "is it a Kafka broker? Look into its log"
	}
	d.add(f)
	return nil
}

// advertised connects to every address that the brokers tell their clients.
func (d *diagnosing) advertised(ctx context.Context) {
	for _, b := range d.latest.Brokers {
		address := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		subject := fmt.Sprintf("broker %d at %s", b.NodeID, address)
		began := time.Now()
		if d.asked[address] {
			d.add(Finding{Step: "advertised", Subject: subject, OK: true, Detail: "the address that was given"})
			continue
		}
		hint := fmt.Sprintf("%s tells its clients to use %s, which cannot be reached from here: set advertised.listeners on that broker to an address that clients reach", d.from, address)
		if loopback(b.Host) && !loopback(hostOf(d.from)) {
			hint = fmt.Sprintf("%s tells its clients to use %s, which is each client's own computer: set advertised.listeners on that broker to its name in the network", d.from, address)
		}
		before := len(d.found.Findings)
		if !d.lookUp(ctx, "advertised", subject, b.Host) {
			d.found.Findings[before].Hint = hint
			continue
		}
		d.found.Findings = d.found.Findings[:before] // one line for each broker
		p := d.connect(ctx, "advertised", address, hint)
		if p == nil {
			d.found.Findings[before].Subject = subject
			continue
		}
		versions := d.speak(ctx, p, "advertised", address)
		p.Close()
		if versions == nil {
			d.found.Findings[before].Subject = subject
			continue
		}
		f := Finding{Step: "advertised", Subject: subject, OK: true, Detail: "reached", Took: time.Since(began)}
		if loopback(b.Host) && !loopback(hostOf(d.from)) {
			f.Warning, f.Hint = true, hint
		}
		d.add(f)
	}
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

func loopback(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().IsLoopback()
	}
	return host == "localhost"
}

// topics looks for partitions that do not serve.
func (d *diagnosing) topics() {
	f := Finding{Step: "topics", Subject: "all", OK: true}
	partitions, bad, under := 0, 0, 0
	first := ""
	for _, t := range d.latest.Topics {
		for _, p := range t.Partitions {
			partitions++
			if p.Leader < 0 || p.ErrorCode != 0 {
				if bad++; first == "" && t.Topic != nil {
					first = fmt.Sprintf("%s-%d: %v", *t.Topic, p.Partition, kerr.ErrorForCode(p.ErrorCode))
				}
			} else if len(p.ISR) < len(p.Replicas) {
				under++
			}
		}
	}
	f.Detail = fmt.Sprintf("%d topics, %d partitions, all with a leader", len(d.latest.Topics), partitions)
	switch {
	case bad > 0:
		f.OK, f.Detail = false, fmt.Sprintf("%d of %d partitions have no leader, the first is %s", bad, partitions, first)
		f.Hint = "the broker's log says why; `bobbin topic describe` shows a topic, and `bobbin verify` a stopped broker's directory"
	case under > 0:
		f.Warning, f.Detail = true, fmt.Sprintf("%d of %d partitions have replicas that are not in sync", under, partitions)
		f.Hint = "a broker is down or slow: see its log"
	}
	d.add(f)
}
