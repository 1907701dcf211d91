package group

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetch shows committed offsets. A group or a partition without any has offset -1. Who asks need not be a member: the member id and epoch of the request are for
// groups of the newer protocol, and RequireStable for offsets of transactions.
func (m *Machine) fetch(ev Fetch) {
	resp := kmsg.NewOffsetFetchResponseGroup()
	resp.Group = ev.Group
	g := m.groups[ev.Group]
	if ev.Topics == nil {
		if g != nil {
			for _, topic := range slices.Sorted(maps.Keys(g.offsets)) {
				t := kmsg.OffsetFetchResponseGroupTopic{Topic: topic}
				id := ev.topicID(topic)
				for _, p := range slices.Sorted(maps.Keys(g.offsets[topic])) {
					if o := g.offsets[topic][p]; !otherTopic(o.topicID, id) {
						t.Partitions = append(t.Partitions, fetched(p, o))
					}
				}
				if len(t.Partitions) > 0 {
					resp.Topics = append(resp.Topics, t)
				}
			}
		}
		m.reply(ev.Token, g, &resp)
		return
	}
	for _, want := range ev.Topics {
		t := kmsg.OffsetFetchResponseGroupTopic{Topic: want.Topic, TopicID: want.TopicID}
		id := want.TopicID
		if id == [16]byte{} {
			id = ev.topicID(want.Topic)
		}
		for _, p := range want.Partitions {
			o, ok := offset{at: -1, epoch: -1}, false
			if g != nil {
				if o, ok = g.offsets[want.Topic][p]; !ok || otherTopic(o.topicID, id) {
					o = offset{at: -1, epoch: -1}
				}
			}
			t.Partitions = append(t.Partitions, fetched(p, o))
		}
		resp.Topics = append(resp.Topics, t)
	}
	m.reply(ev.Token, g, &resp)
}

func (ev *Fetch) topicID(topic string) (id [16]byte) {
	if ev.TopicID != nil {
		id = ev.TopicID(topic)
	}
	return id
}

func fetched(partition int32, o offset) kmsg.OffsetFetchResponseGroupTopicPartition {
	return kmsg.OffsetFetchResponseGroupTopicPartition{Partition: partition, Offset: o.at, LeaderEpoch: o.epoch, Metadata: text(o.metadata)}
}

// otherTopic says whether two ids are of different topics; one that is zero may be any.
func otherTopic(a, b [16]byte) bool {
	var none [16]byte
	return a != none && b != none && a != b
}
