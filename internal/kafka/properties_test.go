package kafka

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var _ = flag.Bool("rewrite", false, "write the pages that are made from tables")

const generated = "<!-- Made from internal/kafka: go test ./internal/kafka -run TestReference -args -rewrite -->\n\n"

// The page about properties is what the table says. -rewrite writes it.
func TestReferenceIsFresh(t *testing.T) {
	name, text := filepath.Join("..", "..", "docs", "reference", "client-properties.md"), propertyPage()
	if flag.Lookup("rewrite").Value.String() == "true" {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != text {
		t.Errorf("%s is not what the table says (%v); run: go test ./internal/kafka -run TestReference -args -rewrite", name, err)
	}
}

func propertyPage() string {
	var b strings.Builder
	b.WriteString("# Properties of clients\n\n" + generated)
	b.WriteString(`Settings of a client, its producers and its consumers by the names of Apache Kafka's clients and of librdkafka. They are checked whole when the client is opened: an unknown name is an error that names the nearest
one, a value out of range says what is valid, and all that is wrong is told at once. Options of the same meaning go before properties. Each has one value: two names of one setting with different values are refused.
`)
	all := Properties()
	others := make(map[string][]string)
	for _, p := range all {
		if p.Same != "" {
			x := "`" + p.Name + "`"
			if p.Type == "kilobytes" {
				x += " (in kilobytes)"
			}
			others[p.Same] = append(others[p.Same], x)
		}
	}
	for _, of := range []string{ofClient, ofProducer, ofConsumer} {
		fmt.Fprintf(&b, "\n## Of a %s\n\n| property | also | type | default | valid | what it does |\n|---|---|---|---|---|---|\n", of)
		for _, p := range all {
			if p.Of == of && p.Same == "" && p.Why == "" {
				def := "–"
				if p.Default != "" {
					def = "`" + p.Default + "`"
				}
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", p.Name, strings.Join(others[p.Name], ", "), p.Type, def, p.Valid, p.Doc)
			}
		}
	}
	b.WriteString("\n## Refused\n\nNames that are known and are not taken, with the reason.\n\n| reason | properties |\n|---|---|\n")
	why := make(map[string][]string)
	for _, p := range all {
		if p.Why != "" {
			why[p.Why] = append(why[p.Why], "`"+p.Name+"`")
		}
	}
	reasons := make([]string, 0, len(why))
	for r := range why {
		reasons = append(reasons, r)
	}
	slices.SortFunc(reasons, func(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, r := range reasons {
		fmt.Fprintf(&b, "| %s | %s |\n", r, strings.Join(why[r], ", "))
	}
	return b.String()
}

func TestTheTableOfPropertiesIsWhole(t *testing.T) {
	for i, p := range propertyTable {
		if i > 0 && propertyTable[i-1].name >= p.name {
			t.Errorf("%s is there twice", p.name)
		}
		switch {
		case p.why != "":
			if p.doc != "" || p.same != "" {
				t.Errorf("%s is refused and described", p.name)
			}
		case p.same != "":
			if of := propertyNamed(p.same); of == nil || of.same != "" || of.why != "" {
				t.Errorf("%s is another name of %s", p.name, p.same)
			}
		default:
			if !strings.HasSuffix(p.doc, ".") || !slices.Contains([]string{ofClient, ofProducer, ofConsumer}, p.of) {
				t.Errorf("%s: %q of %q", p.name, p.doc, p.of)
			}
			if p.def != "" {
				if _, _, err := p.parse(p.def); err != nil {
					t.Errorf("its own default: %v", err)
				}
			}
		}
	}
}

func TestPropertiesAreCheckedWhole(t *testing.T) {
	_, err := Open(Options{Properties: map[string]string{
		"linger.mss": "5", "acks": "1", "fetch.min.bytes": "0", "transactional.id": "x", "buffer.memory": "33554432", "queue.buffering.max.kbytes": "1",
		"compression.type": "lzma", "heartbeat.interval.ms": "9000", "session.timeout.ms": "9000", "partition.assignment.strategy": "range,mine", "linger.ms": "NaN", "client.id": "",
	}})
	if KindOf(err) != Invalid {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"linger.mss" is no property; did you mean linger.ms?`,
		`acks="1": it has to be one of all, -1`,
		`fetch.min.bytes="0": it has to be at least 1`,
		`transactional.id is not supported: transactions`,
		`buffer.memory and queue.buffering.max.kbytes mean the same and are given different values`,
		`compression.type="lzma": it has to be one of none, gzip, snappy, lz4, zstd`,
		`heartbeat.interval.ms (9s) has to be less than session.timeout.ms (9s)`,
		`partition.assignment.strategy: "mine" is none of`,
		`linger.ms="NaN": it has to be 0 to 60000`,
		`client.id: it has to have between 1`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != 10 {
		t.Errorf("%d errors:\n%v", n, err)
	}
}

// What properties say reaches the client library.
func TestPropertiesAreInForce(t *testing.T) {
	c, err := Open(Options{Properties: map[string]string{
		"bootstrap.servers": "a:1, b:2", "client.id": "me", "request.timeout.ms": "1234", "socket.connection.setup.timeout.ms": "321", "connections.max.idle.ms": "5000",
		"topic.metadata.refresh.interval.ms": "7000", "default.api.timeout.ms": "4000", "retry.backoff.ms": "10", "retry.backoff.max.ms": "20",
		"queue.buffering.max.ms": "0.5", "message.max.bytes": "2000000", "queue.buffering.max.kbytes": "8192", "queue.buffering.max.messages": "77", "message.timeout.ms": "9000",
		"fetch.min.bytes": "11", "fetch.max.bytes": "200000000", "fetch.wait.max.ms": "12", "fetch.message.max.bytes": "13", "session.timeout.ms": "6000", "heartbeat.interval.ms": "500",
		"max.poll.interval.ms": "8000", "group.instance.id": "one", "partition.assignment.strategy": "org.apache.kafka.clients.consumer.RangeAssignor, roundrobin",
		"isolation.level": "READ_COMMITTED", "client.rack": "r", "check.crcs": "false", "acks": "-1", "enable.idempotence": "true",
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := fmt.Sprint(c.opts.Brokers, " ", c.opts.ClientID, " ", c.opts.Timeout); got != "[a:1 b:2] me 4s" {
		t.Error(got)
	}
	p, err := c.NewProducer(ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if p.MaxRecordBytes() > 2_000_000 || p.MaxRecordBytes() < 1_999_000 || p.patience.limit != 9*time.Second {
		t.Errorf("%d bytes, %v", p.MaxRecordBytes(), p.patience.limit)
	}
	reading, err := c.connect(append(append(c.set.consuming(0), c.set.joining()...), kgo.ConsumerGroup("g"))...)
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	for _, x := range []struct {
		in   *kgo.Client
		opt  any
		want string
	}{
		{c.base, kgo.RequestTimeoutOverhead, "1.234s"}, {c.base, kgo.DialTimeout, "321ms"}, {c.base, kgo.ConnIdleTimeout, "5s"}, {c.base, kgo.MetadataMaxAge, "7s"},
		{p.kgo, kgo.ProducerLinger, "500µs"}, {p.kgo, kgo.MaxBufferedBytes, "8388608"}, {p.kgo, kgo.MaxBufferedRecords, "77"},
		{reading, kgo.FetchMinBytes, "11"}, {reading, kgo.FetchMaxBytes, "200000000"}, {reading, kgo.FetchMaxWait, "12ms"}, {reading, kgo.FetchMaxPartitionBytes, "13"},
		{reading, kgo.BrokerMaxReadBytes, "225000000"}, {reading, kgo.SessionTimeout, "6s"}, {reading, kgo.HeartbeatInterval, "500ms"}, {reading, kgo.RebalanceTimeout, "8s"},
		{reading, kgo.InstanceID, "one"}, {reading, kgo.FetchIsolationLevel, "1"}, {reading, kgo.Rack, "r"}, {reading, kgo.DisableFetchCRCValidation, "true"},
	} {
		got := x.in.OptValue(x.opt)
		if s, ok := got.(*string); ok {
			got = *s
		}
		if fmt.Sprint(got) != x.want {
			t.Errorf("%v, not %s", got, x.want)
		}
	}
	if b := reading.OptValue(kgo.Balancers).([]kgo.GroupBalancer); len(b) != 2 || b[0].ProtocolName() != "range" || b[1].ProtocolName() != "roundrobin" {
		t.Errorf("%v", b)
	}
	if d := c.base.OptValue(kgo.RetryBackoffFn).(func(int) time.Duration)(9); d > 20*time.Millisecond || d < 16*time.Millisecond {
		t.Errorf("%v", d)
	}
}

func FuzzProperties(f *testing.F) {
	for _, p := range propertyTable {
		f.Add(p.name, cmp.Or(p.def, "1"))
	}
	f.Add("queue.buffering.max.kbytes", "9223372036854775807")
	f.Add("linger.ms", "1e309")
	f.Fuzz(func(t *testing.T, name, value string) {
		if s, err := parseProperties(map[string]string{name: value}); err == nil {
			s.common(time.Second)
			s.consuming(0)
			s.joining()
		}
	})
}
