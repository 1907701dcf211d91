package kafka

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/agnivade/levenshtein"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Property is one of the names that Options.Properties takes, or refuses with a reason.
type Property struct {
	Name    string
	Of      string // client, producer or consumer: what takes it
	Type    string // milliseconds, bytes, kilobytes, number, text, boolean
	Default string // empty when there is none
	Valid   string // in words; empty when every value of the type is
	Doc     string
	Same    string // the property that this is another name of; empty when it is none
	Why     string // why it is refused; empty when it is not
}

// Properties returns all that are known, by name.
func Properties() []Property {
	out := make([]Property, 0, len(propertyTable))
	for _, p := range propertyTable {
		x := Property{Name: p.name, Of: p.of, Same: p.same, Doc: p.doc, Why: p.why}
		if p.same != "" {
			x.Of = propertyNamed(p.same).of
		}
		if p.why == "" {
			x.Type, x.Valid = p.described()
			x.Default = propertyNamed(cmp.Or(p.same, p.name)).def
			if p.unit == kilobytes && x.Default != "" {
				n, _ := strconv.Atoi(x.Default)
				x.Default = strconv.Itoa(n / 1024)
			}
		}
		out = append(out, x)
	}
	return out
}

type unit uint8

const (
	texts unit = iota
	numbers
	milliseconds
	inBytes
	kilobytes
	flags
)

// property is a row of the table.
type property struct {
	name     string
	of       string
	unit     unit
	min, max int64    // of numbers, in their unit; in bytes for kilobytes
	words    []string // what a text may be; any when empty
	def      string   // the default, in the unit; in bytes for kilobytes
	doc      string
	same     string // another name of that one; only name and unit count then
	why      string
}

const (
	ofClient   = "client"
	ofProducer = "producer"
	ofConsumer = "consumer"

	mostMs = math.MaxInt32
)

// The names that code asks for.
const (
	propBootstrap       = "bootstrap.servers"
	propClientID        = "client.id"
	propAPITimeout      = "default.api.timeout.ms"
	propRequestTimeout  = "request.timeout.ms"
	propSetupTimeout    = "socket.connection.setup.timeout.ms"
	propIdle            = "connections.max.idle.ms"
	propMetadataAge     = "metadata.max.age.ms"
	propBackoff         = "retry.backoff.ms"
	propBackoffMax      = "retry.backoff.max.ms"
	propSecurity        = "security.protocol"
	propMechanism       = "sasl.mechanism"
	propUser            = "sasl.username"
	propPassword        = "sasl.password"
	propAuthorities     = "ssl.truststore.certificates"
	propCertificate     = "ssl.keystore.certificate.chain"
	propKey             = "ssl.keystore.key"
	propRack            = "client.rack"
	propBatch           = "batch.size"
	propBufferBytes     = "buffer.memory"
	propBufferRecords   = "queue.buffering.max.messages"
	propCompression     = "compression.type"
	propDeliveryTimeout = "delivery.timeout.ms"
	propLinger          = "linger.ms"
	propMaxMessage      = "max.request.size"
	propAssignors       = "partition.assignment.strategy"
	propCRC             = "check.crcs"
	propFetchMax        = "fetch.max.bytes"
	propFetchMin        = "fetch.min.bytes"
	propFetchWait       = "fetch.max.wait.ms"
	propFetchPartition  = "max.partition.fetch.bytes"
	propHeartbeat       = "heartbeat.interval.ms"
	propInstance        = "group.instance.id"
	propIsolation       = "isolation.level"
	propRebalance       = "max.poll.interval.ms"
	propSession         = "session.timeout.ms"
)

const (
	whyTLSFiles  = "files are not read here: give Options.TLS, or certificates as PEM in ssl.truststore.certificates, ssl.keystore.certificate.chain and ssl.keystore.key"
	whyTLS       = "give Options.TLS, which has it"
	whyOAuth     = "give Options.SASL with a function that returns a token"
	whyKerberos  = "Kerberos is not supported; PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are"
	whyLog       = "give Options.Log"
	whySockets   = "the system's buffers are used, which adapt by themselves"
	whyCommit    = "what counts as processed is committed as the consumer is told to, never by a timer of the client"
	whyStart     = "where a consumer starts is given where it is made"
	whySerde     = "keys and values are bytes here"
	whyHooks     = "classes of Java cannot be loaded"
	whyRetries   = "what may succeed is tried again until delivery.timeout.ms is over, as Kafka advises"
	whyTxn       = "transactions are not supported yet"
	whyStats     = "counters are read from the client when they are wanted, none are pushed"
	whyReconnect = "connections are made again with the times of retry.backoff.ms and retry.backoff.max.ms"
	whyQueue     = "what is fetched ahead is one answer of each broker: fetch.max.bytes bounds it"
	whyCtx       = "the context of the call ends the wait"
)

// propertyTable is the one place where properties are defined: Kafka's names first, librdkafka's as other names of them. It is never changed.
var propertyTable = sortedTable(
	[]property{
		{name: propBootstrap, of: ofClient, def: DefaultBroker, doc: "Brokers to ask first, HOST:PORT with commas between. Options.Brokers goes before it."},
		{name: "metadata.broker.list", same: propBootstrap},
		{name: propClientID, of: ofClient, def: "bobbin", doc: "What the brokers' logs and quotas call the client. Options.ClientID goes before it."},
		{name: propAPITimeout, of: ofClient, unit: milliseconds, min: 100, max: mostMs, def: "10000", doc: "How long one question to the cluster may take, with its repetitions. Options.Timeout goes before it."},
		{name: propRequestTimeout, of: ofClient, unit: milliseconds, min: 100, max: 900_000, def: "10000", doc: "How long one request may wait for its answer before the connection is given up and the request sent again. A broker has as long for the replicas of records that are written, which goes on top: a leader that hangs is noticed after twice this."},
		{name: "socket.timeout.ms", same: propRequestTimeout, unit: milliseconds},
		{name: propSetupTimeout, of: ofClient, unit: milliseconds, min: 10, max: mostMs, def: "10000", doc: "How long it may take to connect; as long as default.api.timeout.ms when it is not given."},
		{name: propIdle, of: ofClient, unit: milliseconds, min: 100, max: 900_000, def: "30000", doc: "How long a connection may be silent before it is closed; it is made again when it is needed."},
		{name: propMetadataAge, of: ofClient, unit: milliseconds, min: 10, max: 3_600_000, def: "300000", doc: "How old what is known of leaders may get. A consumer looks for new partitions at least every five seconds, and as often as this."},
		{name: "topic.metadata.refresh.interval.ms", same: propMetadataAge, unit: milliseconds},
		{name: propBackoff, of: ofClient, unit: milliseconds, min: 1, max: mostMs, def: "250", doc: "How long to wait before something is tried again the first time; twice as long each time after that."},
		{name: propBackoffMax, of: ofClient, unit: milliseconds, min: 1, max: mostMs, def: "5000", doc: "How long to wait at the most before something is tried again."},
		{
			name: propSecurity, of: ofClient, words: []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"},
			doc: "Whether connections are encrypted and logged in on. When it is not given, both follow from Options.TLS, Options.SASL and the properties of them.",
		},
		{name: propMechanism, of: ofClient, words: []string{plainMechanism, scram256, scram512}, doc: "How to log in with sasl.username and sasl.password. OAUTHBEARER needs Options.SASL."},
		{name: "sasl.mechanisms", same: propMechanism},
		{name: propUser, of: ofClient, doc: "The user to log in as."},
		{name: propPassword, of: ofClient, doc: "The user's password. It is never shown."},
		{name: propAuthorities, of: ofClient, doc: "Certificates of the authorities that are trusted, as PEM; the system's when not given."},
		{name: "ssl.ca.pem", same: propAuthorities},
		{name: propCertificate, of: ofClient, doc: "The client's own certificate and those that lead to its authority, as PEM."},
		{name: "ssl.certificate.pem", same: propCertificate},
		{name: propKey, of: ofClient, doc: "The key of the client's certificate, as PEM, not encrypted. It is never shown."},
		{name: "ssl.key.pem", same: propKey},
		{name: propRack, of: ofConsumer, doc: "Where the client is, so that it reads from a replica that is near, when the brokers choose replicas by rack."},
		{name: "allow.auto.create.topics", of: ofClient, unit: flags, words: []string{"false"}, def: "false", doc: "No topic is made by asking for it."},

		{name: "acks", of: ofProducer, words: []string{"all", "-1"}, def: "all", doc: "A record is acknowledged when all replicas in sync have it. Less would break the promise of what an acknowledged record is."},
		{name: "request.required.acks", same: "acks"},
		{name: "enable.idempotence", of: ofProducer, unit: flags, words: []string{"true"}, def: "true", doc: "A record that is sent again is stored once."},
		{
			name: "max.in.flight.requests.per.connection", of: ofProducer, unit: numbers, min: 5, max: 5, def: "5",
			doc: "An idempotent producer has up to five requests on their way to a broker, and order is kept.",
		},
		{name: "max.in.flight", same: "max.in.flight.requests.per.connection", unit: numbers},
		{name: propBatch, of: ofProducer, unit: inBytes, min: 1, max: math.MaxInt32, def: "65536", doc: "After how many bytes records without a key go to another partition. Batches themselves grow up to max.request.size while they wait."},
		{name: propBufferBytes, of: ofProducer, unit: inBytes, min: 1024, max: math.MaxInt64, def: "33554432", doc: "How many bytes may wait for their acknowledgement before sending waits."},
		{name: "queue.buffering.max.kbytes", same: propBufferBytes, unit: kilobytes},
		{name: propBufferRecords, of: ofProducer, unit: numbers, min: 1, max: math.MaxInt32, def: "10000", doc: "How many records may wait for their acknowledgement before sending waits."},
		{name: propCompression, of: ofProducer, words: compressions, def: "lz4", doc: "How batches are compressed."},
		{name: "compression.codec", same: propCompression},
		{name: propDeliveryTimeout, of: ofProducer, unit: milliseconds, min: 1, max: mostMs, def: "120000", doc: "When a record is given up; it may be stored all the same."},
		{name: "message.timeout.ms", same: propDeliveryTimeout, unit: milliseconds},
		{name: propLinger, of: ofProducer, unit: milliseconds, min: 0, max: 60_000, def: "0", doc: "How long a record waits for company; fractions are possible."},
		{name: "queue.buffering.max.ms", same: propLinger, unit: milliseconds},
		{
			name: propMaxMessage, of: ofProducer, unit: inBytes, min: 1024, max: 1 << 30, def: "1000012",
			doc: "How large a batch, and so a record, may get before it is compressed. A larger record is refused at once; the topic's max.message.bytes is the cluster's limit.",
		},
		{name: "message.max.bytes", same: propMaxMessage, unit: inBytes},

		{
			name: propAssignors, of: ofConsumer, def: "cooperative-sticky",
			doc: "How a group shares partitions, in order of preference with commas between: cooperative-sticky, sticky, range, roundrobin. All members need one in common.",
		},
		{name: propCRC, of: ofConsumer, unit: flags, def: "true", doc: "Whether what is read is checked for damage on its way."},
		{name: propFetchMax, of: ofConsumer, unit: inBytes, min: 1024, max: 1_000_000_000, def: "52428800", doc: "How many bytes one answer of a broker may have; a first batch that is larger comes whole."},
		{name: propFetchMin, of: ofConsumer, unit: inBytes, min: 1, max: math.MaxInt32, def: "1", doc: "How many bytes a broker waits for, up to fetch.max.wait.ms."},
		{name: propFetchWait, of: ofConsumer, unit: milliseconds, min: 10, max: mostMs, def: "500", doc: "How long a broker waits for fetch.min.bytes."},
		{name: "fetch.wait.max.ms", same: propFetchWait, unit: milliseconds},
		{name: propFetchPartition, of: ofConsumer, unit: inBytes, min: 1, max: 1_000_000_000, def: "1048576", doc: "How many bytes of one partition an answer may have; a first batch that is larger comes whole."},
		{name: "fetch.message.max.bytes", same: propFetchPartition, unit: inBytes},
		{name: propHeartbeat, of: ofConsumer, unit: milliseconds, min: 10, max: mostMs, def: "3000", doc: "How often a member tells its group that it is there; at most a third of session.timeout.ms."},
		{name: propInstance, of: ofConsumer, doc: "A name that this member keeps over a restart, so that it gets its partitions back without a rebalance. No two members may have the same."},
		{name: propIsolation, of: ofConsumer, words: []string{"read_uncommitted", "read_committed"}, def: "read_uncommitted", doc: "Whether records of transactions that are open or were given up are read."},
		{name: propRebalance, of: ofConsumer, unit: milliseconds, min: 100, max: mostMs, def: "60000", doc: "How long a group waits for a member that is to give partitions up before it goes on without it."},
		{name: propSession, of: ofConsumer, unit: milliseconds, min: 100, max: mostMs, def: "45000", doc: "After how long without a sign of life a member's partitions are given to others."},
		{name: "group.protocol", of: ofConsumer, words: []string{"classic"}, def: "classic", doc: "The members share the partitions among themselves. The newer protocol is not supported yet."},
	},
	refused(ofClient, whyTLSFiles, "ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location", "ssl.truststore.location", "ssl.crl.location"),
	refused(ofClient, whyTLS, "ssl.cipher.suites", "ssl.curves.list", "ssl.enabled.protocols", "ssl.endpoint.identification.algorithm", "ssl.key.password", "ssl.keystore.password",
		"ssl.keystore.type", "ssl.protocol", "ssl.sigalgs.list", "ssl.truststore.password", "ssl.truststore.type", "enable.ssl.certificate.verification"),
	refused(ofClient, whyHooks, "ssl.engine.factory.class", "ssl.keymanager.algorithm", "ssl.provider", "ssl.secure.random.implementation", "ssl.trustmanager.algorithm",
		"sasl.client.callback.handler.class", "sasl.login.callback.handler.class", "sasl.login.class", "security.providers", "metric.reporters", "interceptor.classes"),
	refused(ofClient, "give "+propUser+" and "+propPassword+", or Options.SASL", "sasl.jaas.config"),
	refused(ofClient, whyOAuth, "sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config", "sasl.oauthbearer.extensions", "sasl.oauthbearer.method",
		"sasl.oauthbearer.scope", "sasl.oauthbearer.token.endpoint.url", "enable.sasl.oauthbearer.unsecure.jwt"),
	refused(ofClient, whyKerberos, "sasl.kerberos.kinit.cmd", "sasl.kerberos.keytab", "sasl.kerberos.principal", "sasl.kerberos.service.name", "sasl.kerberos.min.time.before.relogin"),
	refused(ofClient, whyLog, "debug", "log_level", "log.connection.close", "log.queue", "log.thread.name"),
	refused(ofClient, whySockets, "receive.buffer.bytes", "send.buffer.bytes", "socket.receive.buffer.bytes", "socket.send.buffer.bytes", "socket.keepalive.enable", "socket.nagle.disable"),
	refused(ofClient, whyStats, "statistics.interval.ms", "enable.metrics.push", "auto.include.jmx.reporter", "metrics.num.samples", "metrics.recording.level", "metrics.sample.window.ms"),
	refused(ofClient, whyReconnect, "reconnect.backoff.ms", "reconnect.backoff.max.ms", "socket.max.fails", "socket.connection.setup.timeout.max.ms"),
	refused(ofClient, "all addresses of a name are tried", "client.dns.lookup", "broker.address.family", "broker.address.ttl"),
	refused(ofClient, "what the brokers speak is asked", "api.version.request", "api.version.request.timeout.ms", "api.version.fallback.ms", "broker.version.fallback"),
	refused(ofClient, "it follows from fetch.max.bytes", "receive.message.max.bytes"),
	refused(ofClient, "a client that finds no broker any more starts again at its first addresses", "metadata.recovery.strategy", "metadata.recovery.rebootstrap.trigger.ms"),
	refused(ofProducer, whySerde, "key.serializer", "value.serializer"),
	refused(ofConsumer, whySerde, "key.deserializer", "value.deserializer"),
	refused(ofProducer, whyRetries, "retries", "message.send.max.retries"),
	refused(ofProducer, whyTxn, "transactional.id", "transaction.timeout.ms"),
	refused(ofProducer, whyCtx, "max.block.ms"),
	refused(ofProducer, "the partition of a record follows from its stream or its key", "partitioner", "partitioner.class", "partitioner.ignore.keys", "partitioner.adaptive.partitioning.enable",
		"partitioner.availability.timeout.ms", "sticky.partitioning.linger.ms"),
	refused(ofProducer, "each codec has the level that is its best compromise", "compression.level", "compression.gzip.level", "compression.lz4.level", "compression.zstd.level"),
	refused(ofProducer, "batches are bounded by their bytes, max.request.size", "batch.num.messages"),
	refused(ofConsumer, "the group is given where a consumer is made", "group.id"),
	refused(ofConsumer, whyStart, "auto.offset.reset"),
	refused(ofConsumer, whyCommit, "enable.auto.commit", "auto.commit.interval.ms", "enable.auto.offset.store"),
	refused(ofConsumer, whyQueue, "max.poll.records", "queued.max.messages.kbytes", "queued.min.messages", "fetch.queue.backoff.ms"),
	refused(ofConsumer, "the brokers of the newer group protocol decide it", "group.remote.assignor"),
	refused(ofConsumer, whyCtx, "consume.timeout.ms"),
	refused(ofConsumer, "the topic is given where a consumer is made", "exclude.internal.topics", "topic.blacklist"),
	refused(ofConsumer, whyStats, "enable.partition.eof"),
)

func refused(of, why string, names ...string) []property {
	var out []property
	for _, n := range names {
		out = append(out, property{name: n, of: of, why: why})
	}
	return out
}

func sortedTable(parts ...[]property) []property {
	all := slices.Concat(parts...)
	slices.SortFunc(all, func(a, b property) int { return cmp.Compare(a.name, b.name) })
	return all
}

// propertyNamed returns a row, nil when there is none of that name.
func propertyNamed(name string) *property {
	i, ok := slices.BinarySearchFunc(propertyTable, name, func(p property, name string) int { return cmp.Compare(p.name, name) })
	if !ok {
		return nil
	}
	return &propertyTable[i]
}

// described returns the type and the valid values in words.
func (p *property) described() (kind, valid string) {
	of := p
	if p.same != "" {
		of = propertyNamed(p.same)
	}
	kind = [...]string{texts: "text", numbers: "number", milliseconds: "milliseconds", inBytes: "bytes", kilobytes: "kilobytes", flags: "boolean"}[p.unit]
	lo, hi := of.min, of.max
	if p.unit == kilobytes {
		lo, hi = (lo+1023)/1024, hi/1024
	}
	switch {
	case len(of.words) == 1:
		valid = "only " + of.words[0]
	case len(of.words) > 1:
		valid = "one of " + strings.Join(of.words, ", ")
	case p.unit == texts || p.unit == flags:
	case lo == hi:
		valid = fmt.Sprint("only ", lo)
	case hi >= math.MaxInt32:
		valid = fmt.Sprint("at least ", lo)
	default:
		valid = fmt.Sprintf("%d to %d", lo, hi)
	}
	return kind, valid
}

// parse checks a value and returns it as a number (of nanoseconds for milliseconds), or as a text.
func (p *property) parse(v string) (n int64, s string, err error) {
	of := p
	if p.same != "" {
		of = propertyNamed(p.same)
	}
	_, valid := p.described()
	bad := fmt.Errorf("%s=%.40q: it has to be %s", p.name, v, cmp.Or(valid, "true or false"))
	switch p.unit {
	case texts:
		if len(of.words) > 0 {
			i := slices.IndexFunc(of.words, func(w string) bool { return strings.EqualFold(w, v) })
			if i < 0 {
				return 0, "", bad
			}
			return 0, of.words[i], nil
		}
		if v == "" || len(v) > maxPropertyText {
			return 0, "", fmt.Errorf("%s: it has to have between 1 and %d bytes", p.name, maxPropertyText)
		}
		return 0, v, nil
	case flags:
		b, err := strconv.ParseBool(v)
		if err != nil || len(of.words) > 0 && !slices.Contains(of.words, strconv.FormatBool(b)) {
			return 0, "", bad
		}
		if b {
			n = 1
		}
		return n, "", nil
	case milliseconds:
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f >= float64(of.min) && f <= float64(of.max)) {
			return 0, "", bad
		}
		return int64(f * float64(time.Millisecond)), "", nil
	}
	n, err = strconv.ParseInt(v, 10, 64)
	if p.unit == kilobytes && err == nil {
		if n < 0 || n > math.MaxInt64/1024 {
			return 0, "", bad
		}
		n *= 1024
	}
	if err != nil || n < of.min || n > of.max {
		return 0, "", bad
	}
	return n, "", nil
}

// maxPropertyText bounds texts; the longest are certificates.
const maxPropertyText = 1 << 20

// settings are properties that were checked, by Kafka's names.
type settings struct {
	numbers map[string]int64
	texts   map[string]string
}

// parseProperties checks all, and returns all that is wrong at once.
func parseProperties(given map[string]string) (settings, error) {
	s := settings{numbers: make(map[string]int64), texts: make(map[string]string)}
	said := make(map[string]string) // the name that was given for each of Kafka's
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p := propertyNamed(name)
		switch {
		case p == nil:
			errs = append(errs, fmt.Errorf("%.60q is no property; did you mean %s?", name, nearestProperty(name)))
			continue
		case p.why != "":
			errs = append(errs, fmt.Errorf("%s is not supported: %s", name, p.why))
			continue
		}
		n, words, err := p.parse(given[name])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		of := cmp.Or(p.same, p.name)
		if other, twice := said[of]; twice && (s.numbers[of] != n || s.texts[of] != words) {
			errs = append(errs, fmt.Errorf("%s and %s mean the same and are given different values", other, name))
			continue
		}
		said[of] = name
		if p.unit == texts {
			s.texts[of] = words
		} else {
			s.numbers[of] = n
		}
	}
	if _, err := assignors(s.text(propAssignors)); err != nil {
		errs = append(errs, err)
	}
	if hb, session := s.duration(propHeartbeat), s.duration(propSession); hb >= session {
		errs = append(errs, fmt.Errorf("%s (%v) has to be less than %s (%v)", propHeartbeat, hb, propSession, session))
	}
	if first, most := s.duration(propBackoff), s.duration(propBackoffMax); first > most {
		errs = append(errs, fmt.Errorf("%s (%v) has to be at most %s (%v)", propBackoff, first, propBackoffMax, most))
	}
	return s, errors.Join(errs...)
}

func (s settings) has(name string) bool {
	_, n := s.numbers[name]
	_, t := s.texts[name]
	return n || t
}

// number returns a value, or the default of the table.
func (s settings) number(name string) int64 {
	if n, ok := s.numbers[name]; ok {
		return n
	}
	p := propertyNamed(name)
	if p.def == "" {
		return 0
	}
	n, _, _ := p.parse(p.def)
	return n
}

func (s settings) duration(name string) time.Duration { return time.Duration(s.number(name)) }

func (s settings) text(name string) string {
	if t, ok := s.texts[name]; ok {
		return t
	}
	return propertyNamed(name).def
}

// nearestProperty is the name that needs the fewest changes of letters.
func nearestProperty(name string) string {
	if len(name) > 100 {
		name = name[:100]
	}
	best, least := "", math.MaxInt
	for _, p := range propertyTable {
		if d := levenshtein.ComputeDistance(name, p.name); d < least {
			best, least = p.name, d
		}
	}
	return best
}

// common are the settings of the client library that all of our clients share.
func (s settings) common(timeout time.Duration) []kgo.Opt {
	request, age := s.duration(propRequestTimeout), s.duration(propMetadataAge)
	setup := timeout
	if s.has(propSetupTimeout) {
		setup = s.duration(propSetupTimeout)
	}
	opts := []kgo.Opt{
		kgo.DialTimeout(setup), kgo.RequestTimeoutOverhead(request), kgo.ConnIdleTimeout(s.duration(propIdle)), kgo.MetadataMaxAge(age),
		// A leader that moved is found again soon; the default waits for 5 s.
		kgo.MetadataMinAge(min(250*time.Millisecond, age)),
	}
	if s.has(propBackoff) || s.has(propBackoffMax) {
		first, most := s.duration(propBackoff), s.duration(propBackoffMax)
		opts = append(opts, kgo.RetryBackoffFn(func(tries int) time.Duration {
			d := min(first<<min(max(tries-1, 0), 20), most)
			return d - time.Duration(rand.Int64N(int64(d)/5+1)) // so that not all come back at once
		}))
	}
	return opts
}

func (s settings) readsCommitted() bool { return s.text(propIsolation) == "read_committed" }

// consuming are those of all that read.
func (s settings) consuming(maxBytes int32) []kgo.Opt {
	most := cmp.Or(int64(maxBytes), s.number(propFetchMax))
	opts := []kgo.Opt{
		kgo.FetchMinBytes(int32(s.number(propFetchMin))), kgo.FetchMaxWait(s.duration(propFetchWait)), kgo.FetchMaxBytes(int32(most)),
		kgo.FetchMaxPartitionBytes(int32(s.number(propFetchPartition))), kgo.BrokerMaxReadBytes(int32(max(100<<20, min(most+most/8, 1<<30)))), kgo.Rack(s.text(propRack)),
	}
	if s.readsCommitted() {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if s.number(propCRC) == 0 {
		opts = append(opts, kgo.DisableFetchCRCValidation())
	}
	return opts
}

// joining are those of members of groups.
func (s settings) joining() []kgo.Opt {
	balancers, _ := assignors(s.text(propAssignors))
	opts := []kgo.Opt{
		kgo.Balancers(balancers...), kgo.SessionTimeout(s.duration(propSession)), kgo.HeartbeatInterval(s.duration(propHeartbeat)), kgo.RebalanceTimeout(s.duration(propRebalance)),
	}
	if id := s.text(propInstance); id != "" {
		opts = append(opts, kgo.InstanceID(id))
	}
	return opts
}

// assignors reads the names of ways to share partitions, Java's classes included.
func assignors(list string) ([]kgo.GroupBalancer, error) {
	var out []kgo.GroupBalancer
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		switch strings.TrimPrefix(name, "org.apache.kafka.clients.consumer.") {
		case "cooperative-sticky", "CooperativeStickyAssignor":
			out = append(out, kgo.CooperativeStickyBalancer())
		case "sticky", "StickyAssignor":
			out = append(out, kgo.StickyBalancer())
		case "range", "RangeAssignor":
			out = append(out, kgo.RangeBalancer())
		case "roundrobin", "RoundRobinAssignor":
			out = append(out, kgo.RoundRobinBalancer())
		default:
			return nil, fmt.Errorf("%s: %.60q is none of cooperative-sticky, sticky, range and roundrobin", propAssignors, name)
		}
	}
	return out, nil
}
