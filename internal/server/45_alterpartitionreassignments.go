package server

import (
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// alterPartitionReassignments answers a request to move partitions between brokers (key 45, KIP-455). There is one broker: to give a partition to it changes
// nothing and is no error, anything else is INVALID_REPLICA_ASSIGNMENT, and no reassignment is under way that could be cancelled.
func alterPartitionReassignments(_ context.Context, r *request, req *kmsg.AlterPartitionAssignmentsRequest) *kmsg.AlterPartitionAssignmentsResponse {
	resp := kmsg.NewPtrAlterPartitionAssignmentsResponse()
	resp.Version, resp.AllowReplicationFactorChange = req.Version, req.AllowReplicationFactorChange
	if len(req.Topics) == 0 {
		resp.ErrorMessage = kmsg.StringPtr("") // as Kafka has it, not null
	}
	for i := range req.Topics {
		in := &req.Topics[i]
		out := kmsg.NewAlterPartitionAssignmentsResponseTopic()
		out.Topic = in.Topic
		for j := range in.Partitions {
			q := &in.Partitions[j]
			p := kmsg.NewAlterPartitionAssignmentsResponseTopicPartition()
			p.Partition = q.Partition
			p.ErrorCode, p.ErrorMessage = r.srv.fault(r.srv.checkReassignment(in.Topic, q))
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}

func (s *Server) checkReassignment(topic string, q *kmsg.AlterPartitionAssignmentsRequestTopicPartition) error {
	if _, err := s.partition(topic, q.Partition); err != nil {
		return err
	}
	switch {
	case q.Replicas == nil:
		return refuse(kerr.NoReassignmentInProgress, "No partition reassignment is in progress.")
	case len(q.Replicas) == 0:
		return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes an empty replica list.")
	case slices.ContainsFunc(q.Replicas, func(id int32) bool { return id != s.store.NodeID() }):
		return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a broker that is not registered.")
	case len(q.Replicas) > 1:
		return refuse(kerr.InvalidReplicaAssignment, "The manual partition assignment includes a broker more than once.")
	}
	return nil
}
