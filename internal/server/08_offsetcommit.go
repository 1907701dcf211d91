package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/group"
	"github.com/bobbinstream/bobbin/internal/store"
)

// offsetCommit stores the offsets of a group. It is answered when they are durable.
//
// Partitions that do not exist are refused one by one, the others are committed. From version 10 on topics are named by their ids; one that nobody has is
// UNKNOWN_TOPIC_ID, and never looked for by name. In all versions the topic's id is stored with the offset, which is so never taken for one of a topic that is made
// again with the same name.
func offsetCommit(ctx context.Context, r *request, req *kmsg.OffsetCommitRequest) *kmsg.OffsetCommitResponse {
	version := req.Version
	ids := make(map[string]catalog.ID, len(req.Topics))
	for i := range req.Topics {
		q := &req.Topics[i]
		var t *store.Topic
		if version >= 10 {
			if t = r.srv.store.TopicByID(q.TopicID); t != nil {
				q.Topic = t.Name
			}
		} else if t = r.srv.store.Topic(q.Topic); t != nil {
			q.TopicID = t.ID // stored with the offset
		}
		if t != nil {
			ids[t.Name] = t.ID
		}
	}
	resp, err := askGroup[*kmsg.OffsetCommitResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.Commit{Token: t, Request: req, Refused: func(topic string, partition int32) int16 {
			// A topic that was deleted since, and perhaps made again, is not the one that is meant.
			if t := r.srv.store.Topic(topic); t == nil || t.ID != ids[topic] {
				return kerr.UnknownTopicOrPartition.Code
			}
			return r.srv.refusedPartition(topic, partition)
		}}
	})
	if err != nil {
		code := r.srv.groupFault(err)
		resp = kmsg.NewPtrOffsetCommitResponse()
		for i := range req.Topics {
			in := &req.Topics[i]
			out := kmsg.NewOffsetCommitResponseTopic()
			out.Topic, out.TopicID = in.Topic, in.TopicID
			for j := range in.Partitions {
				p := kmsg.NewOffsetCommitResponseTopicPartition()
				p.Partition, p.ErrorCode = in.Partitions[j].Partition, code
				out.Partitions = append(out.Partitions, p)
			}
			resp.Topics = append(resp.Topics, out)
		}
	}
	resp.Version = version
	if version >= 10 {
		r.srv.idsOfCommitted(req, resp)
	}
	return resp
}

// idsOfCommitted gives the answer the ids of the request: a topic that has none was not found.
func (s *Server) idsOfCommitted(req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse) {
	for i := range resp.Topics {
		if i >= len(req.Topics) || resp.Topics[i].Topic != req.Topics[i].Topic {
			continue
		}
		out := &resp.Topics[i]
		if out.TopicID = req.Topics[i].TopicID; out.Topic != "" {
			continue
		}
		for j := range out.Partitions {
			out.Partitions[j].ErrorCode = kerr.UnknownTopicID.Code
		}
	}
}

// refusedPartition says why offsets of a partition are not stored: Kafka's code, 0 when they are.
func (s *Server) refusedPartition(topic string, partition int32) int16 {
	if t := s.store.Topic(topic); t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return kerr.UnknownTopicOrPartition.Code
	}
	return 0
}
