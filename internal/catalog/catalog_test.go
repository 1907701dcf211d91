package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

var defaults = catalog.Defaults{Partitions: 3, Nodes: []int32{1}}

// number returns the n-th id of a test.
func number(n int) catalog.ID { return catalog.ID{0: 0xb0, 14: byte(n >> 8), 15: byte(n)} }

// started is the settings of a broker that was started without any.
var started = func() *catalog.Broker {
	b, err := catalog.NewBroker(nil)
	if err != nil {
		panic(err)
	}
	return b
}()

// describe renders the whole catalog in a few lines.
func describe(c *catalog.Catalog) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version %d epoch %d next producer id %d, %d topics, %d partitions\n",
		c.Version(), c.Epoch(), c.NextProducerID(), c.Len(), c.Partitions())
	for _, t := range c.Topics() {
		fmt.Fprintf(&b, "  %s: id %d, %d partitions, leader epoch %d, created at version %d",
			t.Name, int(t.ID[14])<<8+int(t.ID[15]), t.Partitions, c.LeaderEpoch(t), t.CreatedVersion)
		for _, s := range catalog.TopicSettings() {
			if v, ok := t.Configs[s.Name]; ok {
				fmt.Fprintf(&b, " %s=%s", s.Name, v)
			}
		}
		b.WriteString("\n")
	}
	inForce := c.Broker(started)
	for _, s := range catalog.BrokerSettings() {
		if r, _ := inForce.Resolve(s.Name); r.Source < catalog.FromBroker {
			fmt.Fprintf(&b, "  broker: %s", s.Name)
			for _, y := range r.Synonyms {
				fmt.Fprintf(&b, " %s(%d)", y.Value, y.Source)
			}
			b.WriteString("\n")
		}
	}
	if inForce.Durability() != started.Durability() {
		fmt.Fprintf(&b, "  broker: durability %v\n", inForce.Durability())
	}
	return b.String()
}

// changesIn reads lines of set, delete, append or subtract, a name, and perhaps = and a value.
func changesIn(lines string) []catalog.ConfigChange {
	var changes []catalog.ConfigChange
	for line := range strings.Lines(lines) {
		op, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		name, value, ok := strings.Cut(rest, "=")
		ch := catalog.ConfigChange{Name: name, Op: catalog.ConfigOp(slices.Index([]string{"set", "delete", "append", "subtract"}, op))}
		if ok {
			ch.Value = &value
		}
		changes = append(changes, ch)
	}
	return changes
}

// valuesIn reads lines of a name and perhaps = and a value.
func valuesIn(lines string) []catalog.ConfigValue {
	var configs []catalog.ConfigValue
	for line := range strings.Lines(lines) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		configs = append(configs, catalog.ConfigValue{Name: name})
		if ok {
			configs[len(configs)-1].Value = &value
		}
	}
	return configs
}

// TestTranscripts runs decisions against a catalog. A change goes through its bytes before it is applied, as in the
// write-ahead log.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		c := &catalog.Catalog{}
		ids := 0
		var log [][]byte
		apply := func(ch catalog.Change, err error) string {
			if err != nil {
				if e, ok := errors.AsType[*catalog.Error](err); ok {
					return fmt.Sprintf("%v: %s\n", e.Kind, e.Detail)
				}
				return err.Error() + "\n"
			}
			b := catalog.AppendChange(nil, c.Version()+1, ch)
			log = append(log, b)
			version, again, err := catalog.DecodeChange(b)
			if err != nil {
				return err.Error() + "\n"
			}
			if _, err := c.Apply(version, again); err != nil {
				return err.Error() + "\n"
			}
			return fmt.Sprintf("%d: %s\n", version, strings.TrimPrefix(fmt.Sprintf("%T", ch), "catalog."))
		}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			text := func(name, otherwise string) string {
				d.MaybeScanArgs(t, name, &otherwise)
				return otherwise
			}
			integer := func(name string, otherwise int) int {
				d.MaybeScanArgs(t, name, &otherwise)
				return otherwise
			}
			switch d.Cmd {
			case "create":
				ids++
				n := catalog.NewTopic{
					Name: text("name", ""), ID: number(integer("id", ids)),
					Partitions: int32(integer("partitions", -1)), ReplicationFactor: int16(integer("rf", -1)),
				}
				if n.Name == "" {
					n.Name = strings.Repeat("x", integer("length", 0))
				}
				for line := range strings.Lines(d.Input) {
					name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
					n.Configs = append(n.Configs, catalog.ConfigValue{Name: name})
					if ok {
						n.Configs[len(n.Configs)-1].Value = &value
					}
				}
				for _, a := range d.CmdArgs {
					if p := 0; a.Key == "assign" { // assign=(0,1) is partition 0 on broker 1
						if n.Assignments == nil {
							n.Assignments = make(map[int32][]int32)
						}
						var replicas []int32
						for i, v := range a.Vals {
							x := 0
							fmt.Sscan(v, &x)
							if i == 0 {
								p = x
							} else {
								replicas = append(replicas, int32(x))
							}
						}
						n.Assignments[int32(p)] = replicas
					}
				}
				ch, err := c.DecideCreate(n, defaults)
				return apply(ch, err)
			case "delete":
				ch, err := c.DecideDelete(text("name", ""))
				return apply(ch, err)
			case "delete-id":
				ch, err := c.DecideDeleteID(number(integer("id", 0)))
				return apply(ch, err)
			case "partitions":
				var assigned [][]int32
				for range integer("assigned", 0) {
					assigned = append(assigned, []int32{int32(integer("node", 1))})
				}
				ch, err := c.DecidePartitions(text("name", ""), int32(integer("to", 0)), assigned, defaults)
				return apply(ch, err)
			case "alter-broker", "alter-cluster":
				ch, err := c.DecideAlterBroker(d.Cmd == "alter-cluster", changesIn(d.Input))
				if err == nil && ch.Empty() {
					return "nothing changes\n"
				}
				return apply(ch, err)
			case "replace-broker", "replace-cluster":
				ch, err := c.DecideReplaceBroker(d.Cmd == "replace-cluster", valuesIn(d.Input))
				if err == nil && ch.Empty() {
					return "nothing changes\n"
				}
				return apply(ch, err)
			case "alter":
				changes := changesIn(d.Input)
				ch, err := c.DecideAlterConfigs(text("name", ""), changes)
				if err == nil && ch.Empty() {
					return "nothing changes\n"
				}
				return apply(ch, err)
			case "replace":
				ch, err := c.DecideReplaceConfigs(text("name", ""), valuesIn(d.Input))
				if err == nil && ch.Empty() {
					return "nothing changes\n"
				}
				return apply(ch, err)
			case "producers":
				first, ch, err := c.DecideProducerBlock(int64(integer("take", 0)))
				return fmt.Sprintf("first %d, ", first) + apply(ch, err)
			case "unclean-start":
				return apply(catalog.UncleanStart{}, nil)
			case "replay":
				for _, b := range log {
					version, ch, err := catalog.DecodeChange(b)
					if err != nil {
						return err.Error() + "\n"
					}
					if applied, err := c.Apply(version, ch); applied || err != nil {
						return fmt.Sprintf("change %d: applied %v, %v\n", version, applied, err)
					}
				}
				return fmt.Sprintf("%d changes skipped\n", len(log))
			case "show":
				return describe(c)
			}
			t.Fatalf("unknown command %q", d.Cmd)
			return ""
		})
	})
}

// randomChange draws a change that fits the catalog, or reports that none was found.
func randomChange(t *rapid.T, c *catalog.Catalog) (catalog.Change, bool) {
	topics := c.Topics()
	value := func(s string) *string { return &s }
	configs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) catalog.ConfigChange {
		op := catalog.ConfigOp(rapid.IntRange(0, 1).Draw(t, "op"))
		switch rapid.IntRange(0, 2).Draw(t, "setting") {
		case 0:
			return catalog.ConfigChange{Name: "retention.ms", Op: op, Value: value(fmt.Sprint(rapid.Int64Range(-1, 100).Draw(t, "value")))}
		case 1:
			return catalog.ConfigChange{Name: "message.timestamp.type", Op: op, Value: value("LogAppendTime")}
		default:
			return catalog.ConfigChange{Name: "cleanup.policy", Op: op, Value: value("")}
		}
	}), 0, 2).Draw(t, "configs")
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	if len(topics) == 0 && kind >= 2 && kind <= 4 {
		kind = 0
	}
	topic := func() string { return rapid.SampledFrom(topics).Draw(t, "topic").Name }
	switch kind {
	case 0, 1:
		n := catalog.NewTopic{
			Name:              rapid.StringMatching(`[ab][._][ab]?`).Draw(t, "name"),
			ID:                number(int(c.Version()) + 2),
			Partitions:        rapid.Int32Range(1, 9).Draw(t, "partitions"),
			ReplicationFactor: 1,
		}
		for _, cfg := range configs {
			n.Configs = append(n.Configs, catalog.ConfigValue{Name: cfg.Name, Value: cfg.Value})
		}
		ch, err := c.DecideCreate(n, defaults)
		return ch, err == nil
	case 2:
		ch, err := c.DecideDelete(topic())
		return ch, err == nil
	case 3:
		name := topic()
		ch, err := c.DecidePartitions(name, c.Topic(name).Partitions+1, nil, defaults)
		return ch, err == nil
	case 4:
		ch, err := c.DecideAlterConfigs(topic(), configs)
		return ch, err == nil && !ch.Empty()
	case 5:
		_, ch, err := c.DecideProducerBlock(rapid.Int64Range(1, 1000).Draw(t, "ids"))
		return ch, err == nil
	case 6:
		name := rapid.SampledFrom([]string{"log.retention.ms", "max.connections"}).Draw(t, "broker's setting")
		op := catalog.ConfigOp(rapid.IntRange(0, 1).Draw(t, "op"))
		ch, err := c.DecideAlterBroker(rapid.Bool().Draw(t, "all"), []catalog.ConfigChange{{Name: name, Op: op, Value: value("7")}})
		return ch, err == nil && !ch.Empty()
	default:
		return catalog.UncleanStart{}, true
	}
}

// TestSnapshotAndChangesAgree: a catalog restored from a snapshot at any point, and brought up to date from a log that
// starts at or before it, is the catalog that never stopped.
func TestSnapshotAndChangesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		live := &catalog.Catalog{}
		var log [][]byte
		snapshot, at := live.AppendSnapshot(nil), 0
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			ch, ok := randomChange(t, live)
			if !ok {
				continue
			}
			log = append(log, catalog.AppendChange(nil, live.Version()+1, ch))
			if applied, err := live.Apply(live.Version()+1, ch); !applied || err != nil {
				t.Fatalf("decided %+v, but applied %v, %v", ch, applied, err)
			}
			if rapid.IntRange(0, 4).Draw(t, "checkpoint") == 0 {
				snapshot, at = live.AppendSnapshot(nil), len(log)
			}
		}
		restored, err := catalog.DecodeSnapshot(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range log[rapid.IntRange(0, at).Draw(t, "start"):] {
			version, ch, err := catalog.DecodeChange(b)
			if err != nil {
				t.Fatal(err)
			}
			if again := catalog.AppendChange(nil, version, ch); string(again) != string(b) {
				t.Fatalf("change %d: read and written again:\n%x\n%x", version, b, again)
			}
			if _, err := restored.Apply(version, ch); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := string(restored.AppendSnapshot(nil)), string(live.AppendSnapshot(nil)); got != want {
			t.Fatalf("restored\n%s\nlive\n%s", describe(restored), describe(live))
		}
		if diff := cmp.Diff(live.Topics(), restored.Topics()); diff != "" {
			t.Fatalf("topics differ (-live +restored):\n%s", diff)
		}
		partitions := int64(0)
		for _, topic := range restored.Topics() {
			partitions += int64(topic.Partitions)
			if restored.TopicByID(topic.ID) != topic || restored.Topic(topic.Name) != topic {
				t.Fatalf("topic %s is not found by its id or name", topic.Name)
			}
		}
		if restored.Partitions() != partitions || live.Partitions() != partitions {
			t.Fatalf("%d and %d partitions counted, want %d", restored.Partitions(), live.Partitions(), partitions)
		}
	})
}

func TestTopicsHandedOutDoNotChange(t *testing.T) {
	c := &catalog.Catalog{}
	configs := map[string]string{"retention.ms": "1"}
	step := func(ch catalog.Change) {
		t.Helper()
		if _, err := c.Apply(c.Version()+1, ch); err != nil {
			t.Fatal(err)
		}
	}
	step(catalog.TopicCreated{Name: "t", ID: number(1), Partitions: 1, Configs: configs})
	before := c.Topic("t")
	step(catalog.ConfigsChanged{Name: "t", ID: number(1), Set: map[string]string{"retention.ms": "2"}})
	step(catalog.PartitionsAdded{Name: "t", ID: number(1), Partitions: 2})
	configs["retention.ms"] = "3"
	want := catalog.Topic{Name: "t", ID: number(1), Partitions: 1, Configs: map[string]string{"retention.ms": "1"}, CreatedVersion: 1}
	if diff := cmp.Diff(want, *before); diff != "" {
		t.Fatalf("the topic that was handed out changed (-want +got):\n%s", diff)
	}
}

func TestApplyRefusesGapsAndContradictions(t *testing.T) {
	c := &catalog.Catalog{}
	if _, err := c.Apply(1, catalog.TopicCreated{Name: "a.b", ID: number(1), Partitions: 2}); err != nil {
		t.Fatal(err)
	}
	before := string(c.AppendSnapshot(nil))
	for _, test := range []struct {
		why     string
		version uint64
		change  catalog.Change
		want    error
	}{
		{"a change is missing", 3, catalog.UncleanStart{}, catalog.ErrGap},
		{"the name is taken", 2, catalog.TopicCreated{Name: "a.b", ID: number(2), Partitions: 1}, catalog.ErrConflict},
		{"the name collides", 2, catalog.TopicCreated{Name: "a_b", ID: number(2), Partitions: 1}, catalog.ErrConflict},
		{"the id is taken", 2, catalog.TopicCreated{Name: "c", ID: number(1), Partitions: 1}, catalog.ErrConflict},
		{"no such topic", 2, catalog.TopicDeleted{Name: "c", ID: number(3)}, catalog.ErrConflict},
		{"the id is another topic's", 2, catalog.TopicDeleted{Name: "c", ID: number(1)}, catalog.ErrConflict},
		{"no such topic to set", 2, catalog.ConfigsChanged{Name: "c", ID: number(3)}, catalog.ErrConflict},
		{"fewer partitions", 2, catalog.PartitionsAdded{Name: "a.b", ID: number(1), Partitions: 1}, catalog.ErrConflict},
		{"producer ids go back", 2, catalog.ProducerBlock{Next: 0}, catalog.ErrConflict},
	} {
		if applied, err := c.Apply(test.version, test.change); applied || !errors.Is(err, test.want) {
			t.Errorf("%s: applied %v, %v; want %v", test.why, applied, err, test.want)
		}
	}
	if after := string(c.AppendSnapshot(nil)); after != before {
		t.Errorf("refused changes left a trace:\n%s", describe(c))
	}
	if applied, err := c.Apply(1, catalog.UncleanStart{}); applied || err != nil {
		t.Errorf("a version that was reached: applied %v, %v; want it skipped", applied, err)
	}
}

func TestIDsAsText(t *testing.T) {
	id := catalog.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255}
	text := id.String() // as Kafka's Uuid.toString
	if text != "AAECAwQFBgcICQoLDA0O_w" {
		t.Fatalf("got %s", text)
	}
	if again, err := catalog.ParseID(text); err != nil || again != id {
		t.Fatalf("read back as %v, %v", again, err)
	}
	for _, bad := range []string{"", "AAECAwQFBgcICQoLDA0O", "AAECAwQFBgcICQoLDA0O_x", "AAECAwQFBgcICQoLDA0O/w", "AAECAwQFBgcICQoLDA0O_w=="} {
		if id, err := catalog.ParseID(bad); err == nil {
			t.Errorf("%q was read as %v", bad, id)
		}
	}
	if !(catalog.ID{}).IsReserved() || !(catalog.ID{15: 1}).IsReserved() || id.IsReserved() {
		t.Error("ids 0 and 1 are reserved, and no other")
	}
}

func BenchmarkCreate(b *testing.B) {
	c := &catalog.Catalog{}
	for i := 0; b.Loop(); i++ {
		ch, err := c.DecideCreate(catalog.NewTopic{
			Name: fmt.Sprintf("topic.%d", i), ID: catalog.ID{1, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}, Partitions: 1, ReplicationFactor: 1,
		}, defaults)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Apply(c.Version()+1, ch); err != nil {
			b.Fatal(err)
		}
	}
}
