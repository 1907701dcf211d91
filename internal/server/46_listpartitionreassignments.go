package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// listPartitionReassignments answers which partitions are on their way to other brokers (key 46, KIP-455): none ever is. What does not exist is no error, as in
// Kafka.
func listPartitionReassignments(_ context.Context, _ *request, req *kmsg.ListPartitionReassignmentsRequest) *kmsg.ListPartitionReassignmentsResponse {
	resp := kmsg.NewPtrListPartitionReassignmentsResponse()
	resp.Version = req.Version
	return resp
}
