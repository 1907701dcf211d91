package catalog

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Source says where a value comes from, with the numbers of the ConfigSource of a DescribeConfigs response (KIP-226).
type Source int8

// The sources of values.
const (
	FromTopic   Source = 1 // set for the topic: DYNAMIC_TOPIC_CONFIG
	FromRunning Source = 2 // set for the broker while it runs: DYNAMIC_BROKER_CONFIG
	FromCluster Source = 3 // set for all brokers while they run: DYNAMIC_DEFAULT_BROKER_CONFIG
	FromBroker  Source = 4 // set when the broker was started: STATIC_BROKER_CONFIG
	FromDefault Source = 5 // DEFAULT_CONFIG
)

// Resolved is the value of a setting that is in force.
type Resolved struct {
	Setting  Setting
	Value    string // "" when Null
	Null     bool   // there is no value
	Source   Source
	Synonyms []Synonym // all that could have given the value, the one that did first
}

// Synonym is one place that gives a setting a value.
type Synonym struct {
	Name   string
	Value  string
	Source Source
}

// Broker is the settings of the broker: those that it was started with and, before them, those that were changed while it ran. It is immutable.
type Broker struct {
	set              map[string]string // when it was started; in canonical form, as all
	running, cluster map[string]string // while it runs: its own, and those of all brokers
	durability       Durability        // in force
	started          Durability        // when it was started
}

// NewBroker returns the broker's settings, given those that are set. It joins an [*Error] of kind InvalidConfig for
// each that is unknown or not valid.
func NewBroker(set map[string]string) (*Broker, error) {
	b := &Broker{set: make(map[string]string, len(set))}
	var errs []error
	refuse := func(format string, args ...any) {
		errs = append(errs, &Error{Kind: InvalidConfig, Detail: fmt.Sprintf(format, args...)})
	}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		s := brokerTable.byName[name]
		if s == nil {
			refuse("Unknown broker config name: %.100s", name)
			continue
		}
		value, fault := s.canonical(set[name])
		if fault != "" {
			refuse("%s", fault)
			continue
		}
		b.set[name] = value
	}
	node, hasNode := b.set[settingNodeID]
	broker, hasBroker := b.set[settingBrokerID]
	switch {
	case hasNode && hasBroker && node != broker:
		refuse("%s is %s, but %s is %s", settingNodeID, node, settingBrokerID, broker)
	case hasNode:
		b.set[settingBrokerID] = node
	case hasBroker:
		b.set[settingNodeID] = broker
	}
	flush, hasFlush := durabilityOf(number(b.set, settingFlushMessages), number(b.set, settingFlushMs))
	if text, ok := b.set[settingDurability]; ok {
		b.durability, _ = ParseDurability(text)
		if hasFlush && flush != b.durability {
			refuse("%s is %v, but %s and %s ask for %v", settingDurability, b.durability, settingFlushMessages, settingFlushMs, flush)
		}
	} else {
		b.durability = flush // Sync when nothing is asked for
	}
	b.started = b.durability
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return b, nil
}

// with returns the settings with those that were changed while the broker ran. Of the flush settings they replace the pair, as a topic's own do.
func (b *Broker) with(running, cluster map[string]string) *Broker {
	if len(running)+len(cluster) == 0 {
		return b
	}
	next := &Broker{set: b.set, running: running, cluster: cluster, durability: b.started, started: b.started}
	flush := func(name string) int64 {
		if n := number(running, name); n >= 0 {
			return n
		}
		return number(cluster, name)
	}
	if d, ok := durabilityOf(flush(settingFlushMessages), flush(settingFlushMs)); ok {
		next.durability = d
	}
	return next
}

// ForAll returns what was changed for all brokers of the cluster while they run, without what this one has besides. It reports false for a setting of
// which nothing was.
func (b *Broker) ForAll(name string) (Resolved, bool) {
	s := brokerTable.byName[name]
	value, ok := b.cluster[name]
	if s == nil || !ok {
		return Resolved{}, false
	}
	r := Resolved{Setting: *s}
	r.add(name, value, FromCluster)
	return r.settled(), true
}

// number returns a number out of canonical values, -1 when it is not set. The numbers asked for are never negative.
func number(set map[string]string, name string) int64 {
	text, ok := set[name]
	if !ok {
		return -1
	}
	return parseInt(name, text)
}

// Durability returns the level of topics that set none.
func (b *Broker) Durability() Durability { return b.durability }

// Int returns the value of a setting with a number. The name must be one of BrokerSettings that has a value; so must
// those of Float, Bool and Text. All parse at each call: a hot path keeps the value.
func (b *Broker) Int(name string) int64 { return parseInt(name, b.mustResolve(name).Value) }

// Float returns the value of a setting with a real number.
func (b *Broker) Float(name string) float64 { return parseFloat(name, b.mustResolve(name).Value) }

// Bool returns the value of a setting that is true or false.
func (b *Broker) Bool(name string) bool { return b.mustResolve(name).Value == "true" }

// Text returns the value of a setting in its textual form, "" when it has none.
func (b *Broker) Text(name string) string { return b.mustResolve(name).Value }

func (b *Broker) mustResolve(name string) Resolved {
	r, ok := b.Resolve(name)
	invariant.Check(ok, "broker setting %s is not defined", name)
	return r
}

// Resolve returns the value of one of the broker's settings that is in force. It reports false when there is no
// setting of that name.
func (b *Broker) Resolve(name string) (Resolved, bool) {
	s := brokerTable.byName[name]
	if s == nil {
		return Resolved{}, false
	}
	r := Resolved{Setting: *s}
	if value, ok := b.running[name]; ok {
		r.add(name, value, FromRunning)
	}
	if value, ok := b.cluster[name]; ok {
		r.add(name, value, FromCluster)
	}
	if value, ok := b.set[name]; ok {
		r.add(name, value, FromBroker)
	} else if value, ok := b.flush(name); ok {
		r.add(settingDurability, value, b.durabilitySource())
	}
	if !s.Unset {
		r.add(name, s.Default, FromDefault)
	}
	return r.settled(), true
}

// flush returns what the durability that the broker was started with says about one of the two flush settings; it reports false for all others, and
// where it says no more than their defaults.
func (b *Broker) flush(name string) (string, bool) {
	messages, ms := b.started.flush()
	switch {
	case name == settingFlushMessages && messages != math.MaxInt64:
		return strconv.FormatInt(messages, 10), true
	case name == settingFlushMs && ms != math.MaxInt64:
		return strconv.FormatInt(ms, 10), true
	}
	return "", false
}

func (b *Broker) durabilitySource() Source {
	if _, ok := b.set[settingDurability]; ok {
		return FromBroker
	}
	return FromDefault
}

// Resolve returns the value of one of the topic's settings that is in force: the topic's own, else that of the broker,
// else the default. A topic that sets its durability by one of flush.messages and flush.ms takes the other's default,
// not the broker's value. Resolve reports false when there is no setting of that name.
func (t *Topic) Resolve(b *Broker, name string) (Resolved, bool) {
	s := topicTable.byName[name]
	if s == nil {
		return Resolved{}, false
	}
	r := Resolved{Setting: *s}
	if value, ok := t.Configs[name]; ok {
		r.add(name, value, FromTopic)
	}
	if _, own := t.ownDurability(); !own || name != flushMessages && name != flushMs {
		for _, o := range s.Broker {
			from, _ := b.Resolve(o.Name)
			for _, y := range from.Synonyms {
				y.Value = scale(y.Value, o.Factor)
				r.Synonyms = append(r.Synonyms, y)
			}
		}
	}
	slices.SortStableFunc(r.Synonyms, func(x, y Synonym) int { return int(x.Source) - int(y.Source) })
	if !slices.ContainsFunc(r.Synonyms, func(y Synonym) bool { return y.Source == FromDefault }) {
		r.add(name, s.Default, FromDefault)
	}
	return r.settled(), true
}

// scale multiplies a number; what is below zero means "without limit" in any unit. Texts have factor 1.
func scale(value string, factor int64) string {
	if factor == 1 {
		return value
	}
	n, err := strconv.ParseInt(value, 10, 32)
	invariant.Check(err == nil, "setting with a factor has the value %q", value)
	if n < 0 {
		return "-1"
	}
	return strconv.FormatInt(n*factor, 10)
}

func (r *Resolved) add(name, value string, source Source) {
	r.Synonyms = append(r.Synonyms, Synonym{name, value, source})
}

// settled takes the first synonym's value.
func (r Resolved) settled() Resolved {
	if len(r.Synonyms) == 0 {
		r.Null, r.Source = true, FromDefault
		return r
	}
	r.Value, r.Source = r.Synonyms[0].Value, r.Synonyms[0].Source
	return r
}

// Settings is what is in force for one topic, in the types that the log works with. Times are in milliseconds.
type Settings struct {
	Durability Durability

	SegmentBytes  int64
	SegmentMs     int64
	IndexInterval int64 // bytes

	Delete         bool  // old segments are deleted
	RetentionBytes int64 // negative: without limit; so always when Delete is false
	RetentionMs    int64 // negative: without limit; so always when Delete is false
	DeleteDelayMs  int64 // how long files that are no longer part of the log stay

	Compact           bool    // the last record of each key is kept; each record must have one
	MinDirtyRatio     float64 // above which a log is compacted again
	MinCompactionMs   int64   // how long a record stays out of compaction at least
	MaxCompactionMs   int64   // and at most
	DeleteRetentionMs int64   // how long the marker of a deleted key is kept

	MaxMessageBytes   int64
	LogAppendTime     bool  // records carry the broker's time
	TimestampBeforeMs int64 // how far a record's own timestamp may lie before the broker's time
	TimestampAfterMs  int64 // and after it

	Compression      string // "producer": batches stay as they are; else "uncompressed", "gzip", "snappy", "lz4" or "zstd"
	CompressionLevel int    // of gzip, lz4 or zstd; 0 with the others
}

// Settings resolves all that the log needs to know. It parses; keep the result for as long as the topic is the same.
func (t *Topic) Settings(b *Broker) Settings {
	text := func(name string) string {
		r, ok := t.Resolve(b, name)
		invariant.Check(ok, "topic setting %s is not defined", name)
		return r.Value
	}
	long := func(name string) int64 { return parseInt(name, text(name)) }

	policy := elements(text("cleanup.policy"))
	s := Settings{
		Durability:        t.durability(b),
		SegmentBytes:      long("segment.bytes"),
		SegmentMs:         long("segment.ms"),
		IndexInterval:     long("index.interval.bytes"),
		Delete:            slices.Contains(policy, "delete"),
		RetentionBytes:    -1,
		RetentionMs:       -1,
		DeleteDelayMs:     long("file.delete.delay.ms"),
		Compact:           slices.Contains(policy, "compact"),
		MinDirtyRatio:     parseFloat("min.cleanable.dirty.ratio", text("min.cleanable.dirty.ratio")),
		MinCompactionMs:   long("min.compaction.lag.ms"),
		MaxCompactionMs:   long("max.compaction.lag.ms"),
		DeleteRetentionMs: long("delete.retention.ms"),
		MaxMessageBytes:   long("max.message.bytes"),
		LogAppendTime:     text("message.timestamp.type") == "LogAppendTime",
		TimestampBeforeMs: long("message.timestamp.before.max.ms"),
		TimestampAfterMs:  long("message.timestamp.after.max.ms"),
		Compression:       text("compression.type"),
	}
	if s.Delete {
		s.RetentionBytes, s.RetentionMs = long("retention.bytes"), long("retention.ms")
	}
	switch s.Compression {
	case "gzip", "lz4", "zstd":
		s.CompressionLevel = int(long("compression." + s.Compression + ".level"))
	}
	return s
}

// durability returns the topic's level. The records of the broker's own topics are always synced.
func (t *Topic) durability(b *Broker) Durability {
	if t.Internal() {
		return Durability{Level: Sync}
	}
	if d, own := t.ownDurability(); own {
		return d
	}
	return b.durability
}

// ownDurability returns the level that the topic sets, and reports whether it sets one.
func (t *Topic) ownDurability() (Durability, bool) {
	return durabilityOf(number(t.Configs, flushMessages), number(t.Configs, flushMs))
}

func parseInt(name, value string) int64 {
	n, err := strconv.ParseInt(value, 10, 64)
	invariant.Check(err == nil, "setting %s has the value %q, which is no number", name, value)
	return n
}

func parseFloat(name, value string) float64 {
	f, err := strconv.ParseFloat(value, 64)
	invariant.Check(err == nil, "setting %s has the value %q, which is no number", name, value)
	return f
}
