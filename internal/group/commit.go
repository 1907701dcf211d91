package group

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// unknownGroupVersion is the version of OffsetCommit from which on a group that is not there is told from a wrong generation.
const unknownGroupVersion = 9

// commit stores offsets: those of a member in its generation, or, while the group has no members, those of anybody who does not name one.
func (m *Machine) commit(ev Commit) {
	req := ev.Request
	resp := kmsg.NewPtrOffsetCommitResponse()
	resp.Version = req.Version
	topics := map[topicKey]int{}
	accepted := refuse(ev, resp, topics)
	if len(accepted) == 0 {
		m.reply(ev.Token, m.groups[req.Group], resp)
		return
	}
	code := m.checkCommit(req)
	for _, t := range accepted {
		at := topicOf(resp, topics, t)
		for _, p := range t.Partitions {
			code := code
			if code == 0 {
				code = m.commitOne(req, t, p)
			}
			at.Partitions = append(at.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
		}
	}
	m.reply(ev.Token, m.groups[req.Group], resp)
}

// refuse answers for what the caller refused, and returns the rest.
func refuse(ev Commit, resp *kmsg.OffsetCommitResponse, topics map[topicKey]int) []kmsg.OffsetCommitRequestTopic {
	var accepted []kmsg.OffsetCommitRequestTopic
	for _, t := range ev.Request.Topics {
		var rest []kmsg.OffsetCommitRequestTopicPartition
		for _, p := range t.Partitions {
			code := int16(0)
			if ev.Refused != nil {
				code = ev.Refused(t.Topic, p.Partition)
			}
			if code == 0 {
				rest = append(rest, p)
				continue
			}
			at := topicOf(resp, topics, t)
			at.Partitions = append(at.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: p.Partition, ErrorCode: code})
		}
		if len(rest) > 0 {
			accepted = append(accepted, kmsg.OffsetCommitRequestTopic{Topic: t.Topic, TopicID: t.TopicID, Partitions: rest})
		}
	}
	return accepted
}

type topicKey struct {
	name string
	id   [16]byte
}

// topicOf returns the topic's place in an answer, which is made when it is missing: what was refused stands first, as in Kafka. Topics are the places by topic.
func topicOf(resp *kmsg.OffsetCommitResponse, topics map[topicKey]int, t kmsg.OffsetCommitRequestTopic) *kmsg.OffsetCommitResponseTopic {
	key := topicKey{t.Topic, t.TopicID}
	i, ok := topics[key]
	if !ok {
		i = len(resp.Topics)
		topics[key] = i
		resp.Topics = append(resp.Topics, kmsg.OffsetCommitResponseTopic{Topic: t.Topic, TopicID: t.TopicID})
	}
	return &resp.Topics[i]
}

// checkCommit says whether the one who commits may do so. A commit keeps the session of the member.
func (m *Machine) checkCommit(req *kmsg.OffsetCommitRequest) int16 {
	g := m.groups[req.Group]
	switch {
	case hostile(req.Group):
		return invalidGroup
	case g == nil && req.Generation < 0:
		return 0 // the first offset makes the group
	case g == nil && req.Version >= unknownGroupVersion:
		return groupNotFound
	case g == nil:
		return illegalGeneration
	case g.state == empty && req.Generation < 0:
		return 0
	}
	if req.Generation >= 0 || req.MemberID != "" || req.InstanceID != nil {
		if code := g.validate(req.MemberID, req.InstanceID); code != 0 {
			return code
		}
		if req.Generation != g.generation {
			return illegalGeneration
		}
	} else {
		return unknownMember
	}
	if g.state == completing {
		return rebalanceInProgress // the member knows the new generation, but not its assignment in it
	}
	m.startSession(g.byID[req.MemberID])
	return 0
}

// commitOne stores one offset.
func (m *Machine) commitOne(req *kmsg.OffsetCommitRequest, t kmsg.OffsetCommitRequestTopic, p kmsg.OffsetCommitRequestTopicPartition) int16 {
	metadata := stringOf(p.Metadata)
	if utf16Len(metadata) > m.config.MaxMetadata || hostile(metadata, t.Topic) {
		return metadataTooLarge
	}
	c := &offsetSet{id: req.Group, topic: t.Topic, partition: p.Partition, offset: offset{
		at: p.Offset, epoch: p.LeaderEpoch, metadata: strings.Clone(metadata), committed: m.wall(), expires: -1, topicID: t.TopicID,
	}}
	if p.Timestamp != -1 {
		c.committed = p.Timestamp
	}
	if req.RetentionTimeMillis != -1 {
		c.expires = m.wall() + req.RetentionTimeMillis
	}
	m.write(c)
	return 0
}

// utf16Len is the length of a text as Java counts it.
func utf16Len(s string) int {
	n := 0
	for _, r := range s {
		if n++; r >= 1<<16 {
			n++
		}
	}
	return n
}

// needCommit bounds the records of a Commit by the request alone.
func needCommit(ev Commit) int {
	need := 0
	for _, t := range ev.Request.Topics {
		for _, p := range t.Partitions {
			need += offsetSize(ev.Request.Group, t.Topic, stringOf(p.Metadata))
		}
	}
	return need
}
