package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/producers"
)

// describeProducers answers which idempotent producers partitions know (key 61, KIP-664): those whose sequences are remembered, until
// producer.id.expiration.ms after their last batch. No transaction is ever open.
func describeProducers(_ context.Context, r *request, req *kmsg.DescribeProducersRequest) *kmsg.DescribeProducersResponse {
	resp := kmsg.NewPtrDescribeProducersResponse()
	resp.Version = req.Version
	for i := range req.Topics {
		in := &req.Topics[i]
		out := kmsg.NewDescribeProducersResponseTopic()
		out.Topic = in.Topic
		for _, n := range in.Partitions {
			p := kmsg.NewDescribeProducersResponseTopicPartition()
			p.Partition = n
			p.ErrorCode, p.ErrorMessage = r.srv.fault(r.srv.producers(in.Topic, &p))
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (s *Server) producers(topic string, out *kmsg.DescribeProducersResponseTopicPartition) error {
	if err := catalog.CheckName(topic); err != nil {
		return err
	}
	l, err := s.partition(topic, out.Partition)
	if err != nil {
		return err
	}
	if _, err := l.Bounds(); err != nil {
		return err
	}
	l.Producers(func(p producers.Producer) bool {
		a := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
		a.ProducerID, a.ProducerEpoch, a.LastSequence, a.LastTimestamp, a.CoordinatorEpoch = p.ID, int32(p.Epoch), p.LastSequence, p.LastTimestamp, -1
		out.ActiveProducers = append(out.ActiveProducers, a)
		return true
	})
	return nil
}
