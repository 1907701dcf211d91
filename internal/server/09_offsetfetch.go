package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// offsetFetch answers with the offsets that groups have committed: one group up to version 7, many from then on. A group that nobody knows has none, which is no
// error. Offsets that a transaction has not decided on do not exist: transactions are not served.
func offsetFetch(ctx context.Context, r *request, req *kmsg.OffsetFetchRequest) *kmsg.OffsetFetchResponse {
	resp := kmsg.NewPtrOffsetFetchResponse()
	resp.Version = req.Version
	if req.Version >= 8 {
		for i := range req.Groups {
			resp.Groups = append(resp.Groups, r.srv.fetchOffsets(ctx, r, req, &req.Groups[i]))
		}
		return resp
	}
	q := kmsg.NewOffsetFetchRequestGroup()
	q.Group = req.Group
	if req.Topics != nil {
		q.Topics = make([]kmsg.OffsetFetchRequestGroupTopic, len(req.Topics))
		for i := range req.Topics {
			q.Topics[i] = kmsg.OffsetFetchRequestGroupTopic{Topic: req.Topics[i].Topic, Partitions: req.Topics[i].Partitions}
		}
	}
	g := r.srv.fetchOffsets(ctx, r, req, &q)
	resp.ErrorCode = g.ErrorCode
	for i := range g.Topics {
		in := &g.Topics[i]
		out := kmsg.NewOffsetFetchResponseTopic()
		out.Topic = in.Topic
		for _, p := range in.Partitions {
			out.Partitions = append(out.Partitions, kmsg.OffsetFetchResponseTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch, Metadata: p.Metadata, ErrorCode: p.ErrorCode,
			})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

// fetchOffsets answers for one group.
func (s *Server) fetchOffsets(ctx context.Context, r *request, req *kmsg.OffsetFetchRequest, q *kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	var unknown []kmsg.OffsetFetchResponseGroupTopic // by id
	ev := group.Fetch{Group: q.Group, MemberID: q.MemberID, MemberEpoch: q.MemberEpoch, RequireStable: req.RequireStable, TopicID: s.topicID}
	if q.Topics != nil {
		ev.Topics = make([]group.TopicPartitions, 0, len(q.Topics))
	}
	for i := range q.Topics {
		in := &q.Topics[i]
		if req.Version >= 10 {
			t := s.store.TopicByID(in.TopicID)
			if t == nil {
				unknown = append(unknown, refusedOffsets(in, kerr.UnknownTopicID.Code))
				continue
			}
			in.Topic = t.Name
		}
		ev.Topics = append(ev.Topics, group.TopicPartitions{Topic: in.Topic, TopicID: in.TopicID, Partitions: in.Partitions})
	}
	answer, err := askGroup[*kmsg.OffsetFetchResponseGroup](ctx, r, q.Group, func(t group.Token) group.Event {
		ev.Token = t
		return ev
	})
	if err != nil {
		answer = &kmsg.OffsetFetchResponseGroup{}
		answer.ErrorCode = s.groupFault(err)
	}
	answer.Group = q.Group
	if answer.ErrorCode != 0 && req.Version < 2 { // there is no other place for it
		for i := range q.Topics {
			answer.Topics = append(answer.Topics, refusedOffsets(&q.Topics[i], answer.ErrorCode))
		}
	}
	if req.Version >= 10 && answer.ErrorCode == 0 {
		known := answer.Topics[:0]
		for i := range answer.Topics {
			if t := s.store.Topic(answer.Topics[i].Topic); t != nil { // offsets of a topic that is gone have no id to be named by
				answer.Topics[i].TopicID = t.ID
				known = append(known, answer.Topics[i])
			}
		}
		answer.Topics = append(known, unknown...)
	}
	return *answer
}

// topicID is the id of the topic that has this name now, zero when none has.
func (s *Server) topicID(topic string) (id [16]byte) {
	if t := s.store.Topic(topic); t != nil {
		id = t.ID
	}
	return id
}

// refusedOffsets answers for all partitions of a topic with an error.
func refusedOffsets(q *kmsg.OffsetFetchRequestGroupTopic, code int16) kmsg.OffsetFetchResponseGroupTopic {
	out := kmsg.NewOffsetFetchResponseGroupTopic()
	out.Topic, out.TopicID = q.Topic, q.TopicID
	for _, p := range q.Partitions {
		x := kmsg.NewOffsetFetchResponseGroupTopicPartition()
		x.Partition, x.Offset, x.ErrorCode, x.Metadata = p, -1, code, kmsg.StringPtr("")
		out.Partitions = append(out.Partitions, x)
	}
	return out
}
