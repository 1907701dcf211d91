package compat

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fields flattens a Metadata response with topics of the given names and partition counts, as a run with the tag sees it.
func fields(tag string, topics ...kmsg.MetadataResponseTopic) answers {
	r := &run{out: answers{}, names: names{tag: tag, ids: map[[16]byte]string{{1}: "a", {2}: "a"}, host: "h-" + tag, port: 9, node: 1}}
	resp := kmsg.NewPtrMetadataResponse()
	broker := kmsg.NewMetadataResponseBroker()
	broker.NodeID, broker.Host, broker.Port = r.node, r.host, r.port
	resp.Brokers, resp.Topics = append(resp.Brokers, broker), topics
	r.noteFields("ask", resp)
	return r.out
}

func topicNamed(name string, id byte, partitions int) kmsg.MetadataResponseTopic {
	t := kmsg.NewMetadataResponseTopic()
	t.Topic, t.TopicID, t.Partitions = &name, [16]byte{id}, make([]kmsg.MetadataResponseTopicPartition, partitions)
	for i := range t.Partitions {
		t.Partitions[i].Partition = int32(i)
	}
	return t
}

// What each broker chooses by itself is no difference, nor is the order of a list.
func TestOwnNamesAreEqual(t *testing.T) {
	one := fields("-x", topicNamed("a-x", 1, 2), topicNamed("b-x", 0, 1))
	other := fields("-y", topicNamed("b-y", 0, 1), topicNamed("a-y", 2, 2))
	if d := compare("s", one, other); len(d) > 0 {
		t.Errorf("differences %v, want none", d)
	}
}

// Every other field is compared, and an element that is missing is told once.
func TestDifferencesAreFound(t *testing.T) {
	wrong := topicNamed("a", 1, 1)
	wrong.ErrorCode = 3
	d := compare("s", fields("-x", topicNamed("a", 1, 1)), fields("-x", wrong))
	if len(d) != 1 || d[0] != (difference{"s", "ask: Topics[a].ErrorCode", "NONE", "UNKNOWN_TOPIC_OR_PARTITION"}) {
		t.Errorf("an error: %v", d)
	}
	d = compare("s", fields("-x", topicNamed("a", 1, 2)), fields("-x", topicNamed("a", 1, 1)))
	if len(d) != 2 || d[0].field != "ask: Topics[a].Partitions.len" || d[1] != (difference{"s", "ask: Topics[a].Partitions[1]", "listed", "absent"}) {
		t.Errorf("a missing partition: %v", d)
	}
	if d = compare("s", fields("-x"), answers{"ask": "connection closed"}); len(d) != 1 || d[0].bobbin != "connection closed" {
		t.Errorf("no answer: %v", d)
	}
}

// In an exception * stands for any characters, and nothing else is special.
func TestExceptionPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"a[b].c", "a[b].c", true},
		{"a[b].c", "ab.c", false},
		{"*[b]*", "x/y[b].z", true},
		{"a?", "ab", false},
		{"produce/*", "produce/batch/zeros", true},
		{`\d`, `\d`, true},
		{"", "", true},
		{"", "a", false},
	} {
		if got := like(c.pattern, c.text); got != c.want {
			t.Errorf("%q for %q: %v", c.pattern, c.text, got)
		}
	}
}

// FuzzDescribeBatches: whatever a broker sends as records is described, not a crash.
func FuzzDescribeBatches(f *testing.F) {
	good := batchSpec{values: values(3)}.bytes()
	f.Add(good)
	f.Add(append(good, good[:30]...))
	f.Add(batchSpec{values: values(3), damage: put32(atLength, -1)}.bytes())
	f.Add(batchSpec{values: values(3), damage: put32(atLength, 0)}.bytes())
	f.Add(legacy(1))
	f.Fuzz(func(_ *testing.T, b []byte) { describeBatches(b) })
}
