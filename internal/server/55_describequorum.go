package server

import (
	"context"
	"encoding/base64"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describeQuorum answers who decides on metadata (key 55, KIP-595): this broker alone. The offsets are the number of changes of the catalog, and the leader's
// epoch that of the unclean starts; the times of the one voter are now. The only endpoint shown is the one that the client came to, under the name that Kafka
// gives to its controllers'.
//
// Kafka answers only a request for partition 0 of its log of metadata and for nothing else; so does this.
func describeQuorum(_ context.Context, r *request, req *kmsg.DescribeQuorumRequest) *kmsg.DescribeQuorumResponse {
	st := r.srv.store
	resp := kmsg.NewPtrDescribeQuorumResponse()
	resp.Version, resp.ErrorMessage = req.Version, kmsg.StringPtr("")
	good := len(req.Topics) == 1 && req.Topics[0].Topic == metadataTopic && len(req.Topics[0].Partitions) == 1 && req.Topics[0].Partitions[0].Partition == 0
	for i := range req.Topics {
		in := &req.Topics[i]
		out := kmsg.NewDescribeQuorumResponseTopic()
		out.Topic = in.Topic
		for j := range in.Partitions {
			p := kmsg.NewDescribeQuorumResponseTopicPartition()
			if p.Partition = in.Partitions[j].Partition; good {
				r.srv.quorum(&p)
			} else {
				p.ErrorCode, p.ErrorMessage = r.srv.fault(refuse(kerr.UnknownTopicOrPartition, "only partition 0 of "+metadataTopic+" has a quorum"))
			}
			out.Partitions = append(out.Partitions, p)
		}
		resp.Topics = append(resp.Topics, out)
	}
	if good {
		n := kmsg.NewDescribeQuorumResponseNode()
		n.NodeID = st.NodeID()
		n.Listeners = append(n.Listeners, kmsg.DescribeQuorumResponseNodeListener{Name: "CONTROLLER", Host: r.host, Port: uint16(r.port)})
		resp.Nodes = append(resp.Nodes, n)
	}
	return resp
}

func (s *Server) quorum(p *kmsg.DescribeQuorumResponseTopicPartition) {
	changes, epoch := s.store.Version()
	now := s.now().UnixMilli()
	p.ErrorMessage = kmsg.StringPtr("")
	p.LeaderID, p.LeaderEpoch, p.HighWatermark = s.store.NodeID(), epoch+1, int64(changes)
	v := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
	v.ReplicaID, v.LogEndOffset, v.LastFetchTimestamp, v.LastCaughtUpTimestamp = p.LeaderID, p.HighWatermark, now, now
	if id, err := base64.RawURLEncoding.DecodeString(s.store.DirectoryID()); err == nil && len(id) == len(v.ReplicaDirectoryID) {
		v.ReplicaDirectoryID = [16]byte(id)
	}
	p.CurrentVoters = append(p.CurrentVoters, v)
}
