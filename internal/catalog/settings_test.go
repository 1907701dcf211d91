package catalog_test

import (
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// lines reads a file of testdata without its comments.
func lines(t *testing.T, name string) (out []string) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

func broker(t testing.TB, set map[string]string) *catalog.Broker {
	t.Helper()
	b, err := catalog.NewBroker(set)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// try asks whether a topic may have a setting.
func try(name, value string) (canonical string, err error) {
	ch, err := (&catalog.Catalog{}).DecideCreate(catalog.NewTopic{
		Name: "t", ID: number(1), Partitions: 1, ReplicationFactor: 1,
		Configs: []catalog.ConfigValue{{Name: name, Value: &value}},
	}, defaults)
	return ch.Configs[name], err
}

func TestTables(t *testing.T) {
	for what, table := range map[string][]catalog.Setting{"topic": catalog.TopicSettings(), "broker": catalog.BrokerSettings()} {
		last := ""
		for _, s := range table {
			if s.Name <= last {
				t.Errorf("%s setting %s comes after %s: not in order, or twice", what, s.Name, last)
			}
			last = s.Name
			if !strings.HasSuffix(s.Doc, ".") || strings.Contains(s.Doc, "\n") {
				t.Errorf("%s setting %s: its documentation is not one line that ends in a period: %q", what, s.Name, s.Doc)
			}
			if (s.Effect == catalog.NoEffect) != (s.Why != "") {
				t.Errorf("%s setting %s: a reason goes with having no effect, and with nothing else", what, s.Name)
			}
			if s.Unset && s.Default != "" {
				t.Errorf("%s setting %s: has a default and has none", what, s.Name)
			}
			for _, r := range s.Refuse {
				if r.Why == "" {
					t.Errorf("%s setting %s: %s is refused without a reason", what, s.Name, r.Value)
				}
			}
			if s.Unset {
				continue
			}
			// A default is valid, and in the form in which it would be stored.
			if what == "topic" {
				if got, err := try(s.Name, s.Default); err != nil || got != s.Default {
					t.Errorf("topic setting %s: default %q is stored as %q, %v", s.Name, s.Default, got, err)
				}
			} else if b, err := catalog.NewBroker(map[string]string{s.Name: s.Default}); err != nil || s.Name != "log.flush.interval.messages" && b.Text(s.Name) != s.Default {
				t.Errorf("broker setting %s: default %q: %v", s.Name, s.Default, err)
			}
		}
	}
}

// What a topic's setting names as its origin has a row among the broker's, and through it the same default.
func TestDefaultsOfTopicsAreTheBrokers(t *testing.T) {
	b := broker(t, map[string]string{"bobbin.durability": "os"})
	for _, s := range catalog.TopicSettings() {
		for _, o := range s.Broker {
			if _, ok := b.Resolve(o.Name); !ok {
				t.Errorf("%s: the broker has no setting %s", s.Name, o.Name)
			}
		}
		r, ok := (&catalog.Topic{}).Resolve(b, s.Name)
		if !ok || r.Value != s.Default || r.Source != catalog.FromDefault {
			t.Errorf("%s resolves to %q from %d, want its default %q", s.Name, r.Value, r.Source, s.Default)
		}
	}
}

var typeNames = map[catalog.Type]string{
	catalog.Boolean: "BOOLEAN", catalog.String: "STRING", catalog.Int: "INT", catalog.Short: "SHORT", catalog.Long: "LONG", catalog.Double: "DOUBLE", catalog.List: "LIST",
}

func TestTopicSettingsAreKafkas(t *testing.T) {
	var got []string
	for _, s := range catalog.TopicSettings() {
		got = append(got, strings.TrimSpace(s.Name+" "+typeNames[s.Type]+" "+s.Default))
	}
	if diff := cmp.Diff(lines(t, "kafka-topic-settings.txt"), got); diff != "" {
		t.Fatalf("(-Kafka +here):\n%s", diff)
	}
}

func TestBrokerSettingsAreKafkas(t *testing.T) {
	known := map[string]string{ // name to type and default in Kafka
		"bobbin.durability": "STRING ?", // there is none
	}
	for _, line := range lines(t, "kafka-broker-settings.txt") {
		name, rest, _ := strings.Cut(line, " ")
		known[name] = rest
	}
	for _, s := range catalog.BrokerSettings() {
		want, ok := known[s.Name]
		if !ok {
			t.Errorf("%s: not a setting of Kafka's", s.Name)
			continue
		}
		value := s.Default
		if s.Unset {
			value = "<null>"
		}
		if strings.HasSuffix(want, " ?") {
			value = "?"
		}
		if got := typeNames[s.Type] + " " + value; got != want {
			t.Errorf("%s: %s here, %s in Kafka", s.Name, got, want)
		}
	}
}

// Values are valid where they are in Kafka, but for those listed.
func TestValuesAreKafkas(t *testing.T) {
	stricter := map[string]string{
		"internal.segment.bytes=1":       "internal to Kafka's tests",
		"min.cleanable.dirty.ratio=0.5f": "Java's spelling",
		"min.cleanable.dirty.ratio=NaN":  "no ratio",
	}
	for _, line := range lines(t, "kafka-values.txt") {
		verdict, setting, _ := strings.Cut(line, " ")
		name, value, _ := strings.Cut(setting, "=")
		want := verdict == "valid"
		if _, ok := stricter[setting]; ok {
			if !want {
				t.Errorf("%s is not valid in Kafka either", setting)
			}
			want = false
		}
		_, err := try(name, value)
		if e, ok := errors.AsType[*catalog.Error](err); err != nil && (!ok || e.Kind != catalog.InvalidConfig) {
			t.Errorf("%s: %v, want kind %v", setting, err, catalog.InvalidConfig)
		}
		if (err == nil) != want {
			t.Errorf("%s: %v, want valid %v", setting, err, want)
		}
	}
}

func TestBrokerRefusesAllFaultsAtOnce(t *testing.T) {
	_, err := catalog.NewBroker(map[string]string{
		"nope": "1", "num.partitions": "0", "log.cleanup.policy": "shrink", "node.id": "3", "broker.id": "4",
		"bobbin.durability": "os", "log.flush.interval.messages": "1",
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"nope", "num.partitions", "log.cleanup.policy", "broker.id is 4", "bobbin.durability is os"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in:\n%v", want, err)
		}
	}
	if _, err := catalog.NewBroker(map[string]string{"bobbin.durability": "interval:2h"}); err == nil {
		t.Error("an interval in hours was accepted")
	}
}

func TestNodeIDByEitherName(t *testing.T) {
	for _, name := range []string{"node.id", "broker.id"} {
		b := broker(t, map[string]string{name: "7"})
		if b.Int("node.id") != 7 || b.Int("broker.id") != 7 {
			t.Errorf("%s=7: node.id %d, broker.id %d", name, b.Int("node.id"), b.Int("broker.id"))
		}
	}
}

// resolved is a value, where it comes from, and all places that could have given it.
func resolved(r catalog.Resolved) string {
	var b strings.Builder
	b.WriteString(r.Value)
	for _, s := range r.Synonyms {
		b.WriteString(" | " + map[catalog.Source]string{catalog.FromTopic: "topic", catalog.FromBroker: "broker", catalog.FromDefault: "default"}[s.Source] +
			" " + s.Name + "=" + s.Value)
	}
	return b.String()
}

// A value is the topic's, else the broker's, else the default.
func TestResolve(t *testing.T) {
	none, max := map[string]string(nil), "9223372036854775807"
	for _, test := range []struct {
		topic, broker map[string]string
		name, want    string
	}{
		{none, none, "segment.bytes", "1073741824 | default log.segment.bytes=1073741824"},
		{none, map[string]string{"log.segment.bytes": "1048576"}, "segment.bytes", "1048576 | broker log.segment.bytes=1048576 | default log.segment.bytes=1073741824"},
		{map[string]string{"segment.bytes": "2097152"}, map[string]string{"log.segment.bytes": "1048576"}, "segment.bytes",
			"2097152 | topic segment.bytes=2097152 | broker log.segment.bytes=1048576 | default log.segment.bytes=1073741824"},
		{none, none, "remote.storage.enable", "false | default remote.storage.enable=false"},

		// Hours give way to minutes, and those to milliseconds; below zero is without limit in all of them.
		{none, none, "retention.ms", "604800000 | default log.retention.hours=604800000"},
		{none, map[string]string{"log.retention.hours": "24"}, "retention.ms", "86400000 | broker log.retention.hours=86400000 | default log.retention.hours=604800000"},
		{none, map[string]string{"log.retention.hours": "24", "log.retention.minutes": "1"}, "retention.ms",
			"60000 | broker log.retention.minutes=60000 | broker log.retention.hours=86400000 | default log.retention.hours=604800000"},
		{none, map[string]string{"log.retention.hours": "-1"}, "retention.ms", "-1 | broker log.retention.hours=-1 | default log.retention.hours=604800000"},

		// The broker's durability, in Kafka's terms.
		{none, none, "flush.messages", "1 | default bobbin.durability=1 | default log.flush.interval.messages=" + max},
		{none, none, "flush.ms", max + " | default flush.ms=" + max},
		{none, map[string]string{"bobbin.durability": "interval:100ms"}, "flush.ms", "100 | broker bobbin.durability=100 | default flush.ms=" + max},
		{none, map[string]string{"bobbin.durability": "interval:100ms"}, "flush.messages", max + " | default log.flush.interval.messages=" + max},
		{none, map[string]string{"log.flush.interval.messages": "1"}, "flush.messages", "1 | broker log.flush.interval.messages=1 | default log.flush.interval.messages=" + max},

		// A topic that chooses its durability by one of them has the default of the other.
		{map[string]string{"flush.ms": "50"}, none, "flush.messages", max + " | default flush.messages=" + max},
		{map[string]string{"flush.messages": "1"}, map[string]string{"bobbin.durability": "interval:100ms"}, "flush.ms", max + " | default flush.ms=" + max},
	} {
		topic := &catalog.Topic{Name: "t", Configs: test.topic}
		r, ok := topic.Resolve(broker(t, test.broker), test.name)
		if got := resolved(r); !ok || got != test.want {
			t.Errorf("%s with topic %v, broker %v:\ngot  %s\nwant %s", test.name, test.topic, test.broker, got, test.want)
		}
	}
	if _, ok := (&catalog.Topic{}).Resolve(broker(t, nil), "nope"); ok {
		t.Error("a setting that is none was resolved")
	}
	if r, ok := broker(t, nil).Resolve("log.retention.ms"); !ok || !r.Null || r.Source != catalog.FromDefault {
		t.Errorf("a setting without a value: %+v, %v", r, ok)
	}
}

func TestDurability(t *testing.T) {
	max := "9223372036854775807"
	for _, test := range []struct {
		broker       string
		messages, ms string // of the topic; empty when not set
		want         string
		internal     bool
	}{
		{broker: "sync", want: "sync"},
		{broker: "interval:2s", want: "interval:2000ms"},
		{broker: "os", want: "os"},
		{broker: "os", messages: "1", want: "sync"},
		{broker: "sync", ms: "50", want: "interval:50ms"},
		{broker: "sync", messages: max, ms: "50", want: "interval:50ms"},
		{broker: "sync", messages: max, ms: max, want: "os"},
		{broker: "sync", messages: max, want: "sync"},
		{broker: "interval:100ms", ms: max, want: "interval:100ms"},
		// Never weaker than what was asked for.
		{broker: "os", messages: "10000", want: "sync"},
		{broker: "os", ms: "0", want: "sync"},
		{broker: "os", messages: "10000", ms: "50", want: "sync"},
		{broker: "os", ms: "86400000", want: "interval:3600000ms"},
		// The broker's own records are always synced.
		{broker: "os", messages: max, ms: max, internal: true, want: "sync"},
	} {
		topic := &catalog.Topic{Name: "t", Configs: map[string]string{}}
		if test.internal {
			topic.Name = "__consumer_offsets"
		}
		if test.messages != "" {
			topic.Configs["flush.messages"] = test.messages
		}
		if test.ms != "" {
			topic.Configs["flush.ms"] = test.ms
		}
		got := topic.Settings(broker(t, map[string]string{"bobbin.durability": test.broker})).Durability
		if got.String() != test.want {
			t.Errorf("broker %s, flush.messages=%s, flush.ms=%s: %v, want %s", test.broker, test.messages, test.ms, got, test.want)
		}
	}
	for _, test := range []struct{ messages, ms, want string }{
		{"", "", "sync"}, {"1", "", "sync"}, {"", "100", "interval:100ms"}, {max, max, "os"}, {max, "", "sync"},
	} {
		set := map[string]string{"log.flush.interval.messages": test.messages, "log.flush.interval.ms": test.ms}
		for name, value := range set {
			if value == "" {
				delete(set, name)
			}
		}
		if got := broker(t, set).Durability(); got.String() != test.want {
			t.Errorf("broker with %v: %v, want %s", set, got, test.want)
		}
	}
}

func TestDurabilityAsText(t *testing.T) {
	for text, want := range map[string]string{
		"sync": "sync", "os": "os", "interval:1ms": "interval:1ms", "interval:3600s": "interval:3600000ms",
		"": "", "fsync": "", "interval": "", "interval:": "", "interval:ms": "", "interval:0ms": "", "interval:-1ms": "", "interval:3601s": "",
		"interval:5": "", "interval:5m": "", "interval:5mss": "", "interval:99999999999s": "", "interval:1.5s": "", "interval:+5ms": "",
	} {
		got, err := catalog.ParseDurability(text)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v; want %q", text, got, err, want)
		}
	}
}

func TestSettings(t *testing.T) {
	plain := catalog.Settings{
		SegmentBytes: 1 << 30, SegmentMs: 7 * 24 * 3600 * 1000, IndexInterval: 4096,
		Delete: true, RetentionBytes: -1, RetentionMs: 7 * 24 * 3600 * 1000, DeleteDelayMs: 60 * 1000,
		MinDirtyRatio: 0.5, MaxCompactionMs: math.MaxInt64, DeleteRetentionMs: 24 * 3600 * 1000,
		MaxMessageBytes: 1048588, TimestampBeforeMs: math.MaxInt64, TimestampAfterMs: 3600 * 1000, Compression: "producer",
	}
	if diff := cmp.Diff(plain, (&catalog.Topic{Name: "t"}).Settings(broker(t, nil))); diff != "" {
		t.Errorf("nothing set (-want +got):\n%s", diff)
	}
	topic := &catalog.Topic{Name: "t", Configs: map[string]string{
		"cleanup.policy": "compact", "retention.ms": "5", "min.cleanable.dirty.ratio": "0.25", "min.compaction.lag.ms": "7", "max.compaction.lag.ms": "9", "message.timestamp.type": "LogAppendTime", "compression.type": "zstd",
	}}
	want := plain
	want.Delete, want.RetentionMs = false, -1
	want.Compact, want.MinDirtyRatio, want.MinCompactionMs, want.MaxCompactionMs = true, 0.25, 7, 9
	want.LogAppendTime, want.Compression, want.CompressionLevel, want.MaxMessageBytes = true, "zstd", 7, 2000
	got := topic.Settings(broker(t, map[string]string{"compression.zstd.level": "7", "message.max.bytes": "2000"}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("some set (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	valid := []string{"a", "Z9", "a.b_c-d", "...", "__consumer_offsets", "-", strings.Repeat("x", 249)}
	invalid := []string{"", ".", "..", "a b", "a/b", "a\x00", "ä", "a\n", "a:b", "\xff", strings.Repeat("x", 250)}
	for _, name := range slices.Concat(valid, invalid) {
		err := catalog.CheckName(name)
		if slices.Contains(valid, name) {
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		e, ok := errors.AsType[*catalog.Error](err)
		if !ok || e.Kind != catalog.InvalidName || !strings.HasPrefix(e.Detail, "Topic name is invalid: ") || len(e.Error()) > 1500 {
			t.Errorf("%.20q: %v, want kind %v", name, err, catalog.InvalidName)
		}
	}
}

func TestErrorsNameTopicAndKind(t *testing.T) {
	_, err := (&catalog.Catalog{}).DecideDelete("orders")
	if want := "topic orders: unknown topic: This broker has no such topic."; err == nil || err.Error() != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	for k := catalog.InvalidName; k <= catalog.LimitExceeded; k++ {
		if k.String() == "" || k.String() == "unknown kind" {
			t.Errorf("kind %d has no words", k)
		}
	}
}
