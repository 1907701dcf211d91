package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of elections.
const (
	preferredElection = 0
	uncleanElection   = 1
)

// electLeaders answers a request for elections (key 43, KIP-460). Each partition has its one replica as leader, so none is needed. When all partitions are
// asked for, those that need none are left out and the topics are listed, as in Kafka.
func electLeaders(_ context.Context, r *request, req *kmsg.ElectLeadersRequest) *kmsg.ElectLeadersResponse {
	resp := kmsg.NewPtrElectLeadersResponse()
	resp.Version = req.Version
	var whole error
	if req.Version >= 1 && req.ElectionType != preferredElection && req.ElectionType != uncleanElection {
		whole = refuse(kerr.InvalidRequest, "Unknown type of election")
		resp.ErrorCode, _ = r.srv.fault(whole)
	}
	if req.Topics == nil {
		for _, t := range r.srv.store.Topics() {
			resp.Topics = append(resp.Topics, kmsg.ElectLeadersResponseTopic{Topic: t.Name})
		}
		return resp
	}
	for i := range req.Topics {
		in := &req.Topics[i]
		out := kmsg.NewElectLeadersResponseTopic()
		out.Topic = in.Topic
		for _, n := range in.Partitions {
			err := whole
			if err == nil {
				if _, err = r.srv.partition(in.Topic, n); err == nil {
					err = refuse(kerr.ElectionNotNeeded, "Leader election not needed for topic partition.")
				}
			}
			p := kmsg.NewElectLeadersResponseTopicPartition()
			p.Partition = n
			p.ErrorCode, p.ErrorMessage = r.srv.fault(err)
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	return resp
}
