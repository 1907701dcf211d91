package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// offsetForLeaderEpoch answers where a leader epoch ended (key 23, KIP-101, KIP-320): the start of the next one, or the end of what can be read.
// Clients ask it after a change of the leader epoch, which here an unclean start makes, to find out whether what they have read is still so.
//
// Whoever asks gets the same answer, also with the number of a replica: there are no others.
func offsetForLeaderEpoch(_ context.Context, r *request, req *kmsg.OffsetForLeaderEpochRequest) *kmsg.OffsetForLeaderEpochResponse {
	resp := kmsg.NewPtrOffsetForLeaderEpochResponse()
	resp.Version = req.Version
	resp.Topics = make([]kmsg.OffsetForLeaderEpochResponseTopic, len(req.Topics))
	for i := range req.Topics {
		in, out := &req.Topics[i], &resp.Topics[i]
		out.Topic = in.Topic
		out.Partitions = make([]kmsg.OffsetForLeaderEpochResponseTopicPartition, len(in.Partitions))
		for j := range in.Partitions {
			a := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
			a.Partition = in.Partitions[j].Partition
			err := r.srv.epochEnd(in.Topic, &in.Partitions[j], &a)
			a.ErrorCode, _ = r.srv.fault(err)
			out.Partitions[j] = a
		}
	}
	return resp
}

func (s *Server) epochEnd(topic string, q *kmsg.OffsetForLeaderEpochRequestTopicPartition, a *kmsg.OffsetForLeaderEpochResponseTopicPartition) error {
	l, err := s.partition(topic, q.Partition)
	if err != nil {
		return err
	}
	if err := checkKnownEpoch(l, q.CurrentLeaderEpoch); err != nil {
		return err
	}
	a.LeaderEpoch, a.EndOffset = l.EpochEnd(q.LeaderEpoch)
	return nil
}
