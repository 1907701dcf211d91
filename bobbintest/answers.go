package bobbintest

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// canRefuse says whether refuse knows a kind of request.
func canRefuse(key int16) bool {
	req := kmsg.RequestForKey(key)
	req.SetVersion(req.MaxVersion())
	if m, ok := req.(*kmsg.MetadataRequest); ok {
		m.Topics = []kmsg.MetadataRequestTopic{}
	}
	return refuse(req, 0, "") != nil
}

// refuse answers a request with an error for everything that it names. nil: there is no place for an error in the answer.
func refuse(req kmsg.Request, code int16, cluster string) kmsg.Response {
	switch q := req.(type) {
	case *kmsg.ProduceRequest:
		r := kmsg.NewPtrProduceResponse()
		for _, t := range q.Topics {
			out := kmsg.NewProduceResponseTopic()
			out.Topic, out.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				x := kmsg.NewProduceResponseTopicPartition()
				x.Partition, x.ErrorCode, x.BaseOffset, x.LogAppendTime, x.LogStartOffset = p.Partition, code, -1, -1, -1
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.FetchRequest:
		r := kmsg.NewPtrFetchResponse()
		for _, t := range q.Topics {
			out := kmsg.NewFetchResponseTopic()
			out.Topic, out.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				x := kmsg.NewFetchResponseTopicPartition()
				x.Partition, x.ErrorCode, x.HighWatermark, x.LastStableOffset, x.LogStartOffset = p.Partition, code, -1, -1, -1
				x.RecordBatches = []byte{}
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.ListOffsetsRequest:
		r := kmsg.NewPtrListOffsetsResponse()
		for _, t := range q.Topics {
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				x := kmsg.NewListOffsetsResponseTopicPartition()
				x.Partition, x.ErrorCode, x.Offset, x.Timestamp, x.LeaderEpoch = p.Partition, code, -1, -1, -1
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.OffsetForLeaderEpochRequest:
		r := kmsg.NewPtrOffsetForLeaderEpochResponse()
		for _, t := range q.Topics {
			out := kmsg.NewOffsetForLeaderEpochResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				x := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				x.Partition, x.ErrorCode, x.LeaderEpoch, x.EndOffset = p.Partition, code, -1, -1
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.DeleteRecordsRequest:
		r := kmsg.NewPtrDeleteRecordsResponse()
		for _, t := range q.Topics {
			out := kmsg.NewDeleteRecordsResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				x := kmsg.NewDeleteRecordsResponseTopicPartition()
				x.Partition, x.ErrorCode, x.LowWatermark = p.Partition, code, -1
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.MetadataRequest:
		return refuseMetadata(q, code, cluster)
	case *kmsg.CreateTopicsRequest, *kmsg.DeleteTopicsRequest, *kmsg.CreatePartitionsRequest:
		return refuseChange(req, code)
	}
	return refuseGroup(req, code)
}

// refuseMetadata tells of the broker, so that clients know where to ask again. A question about all topics has no place for an error.
func refuseMetadata(q *kmsg.MetadataRequest, code int16, cluster string) kmsg.Response {
	if q.Topics == nil {
		return nil
	}
	r := kmsg.NewPtrMetadataResponse()
	r.ClusterID, r.ControllerID = &cluster, nodeID
	r.Brokers = append(r.Brokers, kmsg.MetadataResponseBroker{NodeID: nodeID, Host: memoryHost, Port: memoryPort})
	for _, t := range q.Topics {
		out := kmsg.NewMetadataResponseTopic()
		out.Topic, out.TopicID, out.ErrorCode = t.Topic, t.TopicID, code
		r.Topics = append(r.Topics, out)
	}
	return r
}

// What the broker calls itself on connections in memory.
const (
	nodeID     = 1
	memoryHost = "memory"
	memoryPort = 1
)

// refuseChange answers what changes topics.
func refuseChange(req kmsg.Request, code int16) kmsg.Response {
	why := kmsg.StringPtr("a fault of the test")
	switch q := req.(type) {
	case *kmsg.CreateTopicsRequest:
		r := kmsg.NewPtrCreateTopicsResponse()
		for _, t := range q.Topics {
			x := kmsg.NewCreateTopicsResponseTopic()
			x.Topic, x.ErrorCode, x.ErrorMessage, x.NumPartitions, x.ReplicationFactor = t.Topic, code, why, -1, -1
			r.Topics = append(r.Topics, x)
		}
		return r
	case *kmsg.DeleteTopicsRequest:
		r := kmsg.NewPtrDeleteTopicsResponse()
		for _, name := range q.TopicNames { // up to version 5
			x := kmsg.NewDeleteTopicsResponseTopic()
			x.Topic, x.ErrorCode, x.ErrorMessage = &name, code, why
			r.Topics = append(r.Topics, x)
		}
		for _, t := range q.Topics {
			x := kmsg.NewDeleteTopicsResponseTopic()
			x.Topic, x.TopicID, x.ErrorCode, x.ErrorMessage = t.Topic, t.TopicID, code, why
			r.Topics = append(r.Topics, x)
		}
		return r
	case *kmsg.CreatePartitionsRequest:
		r := kmsg.NewPtrCreatePartitionsResponse()
		for _, t := range q.Topics {
			x := kmsg.NewCreatePartitionsResponseTopic()
			x.Topic, x.ErrorCode, x.ErrorMessage = t.Topic, code, why
			r.Topics = append(r.Topics, x)
		}
		return r
	}
	return nil
}

// refuseGroup answers what groups and producers ask for.
func refuseGroup(req kmsg.Request, code int16) kmsg.Response {
	switch q := req.(type) {
	case *kmsg.FindCoordinatorRequest:
		r := kmsg.NewPtrFindCoordinatorResponse()
		r.ErrorCode, r.NodeID, r.Port = code, -1, -1 // up to version 3
		for _, key := range q.CoordinatorKeys {
			x := kmsg.NewFindCoordinatorResponseCoordinator()
			x.Key, x.ErrorCode, x.NodeID, x.Port = key, code, -1, -1
			r.Coordinators = append(r.Coordinators, x)
		}
		return r
	case *kmsg.OffsetCommitRequest:
		r := kmsg.NewPtrOffsetCommitResponse()
		for _, t := range q.Topics {
			out := kmsg.NewOffsetCommitResponseTopic()
			out.Topic, out.TopicID = t.Topic, t.TopicID
			for _, p := range t.Partitions {
				x := kmsg.NewOffsetCommitResponseTopicPartition()
				x.Partition, x.ErrorCode = p.Partition, code
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		return r
	case *kmsg.OffsetFetchRequest:
		r := kmsg.NewPtrOffsetFetchResponse()
		r.ErrorCode = code           // versions 2 to 7
		for _, t := range q.Topics { // up to version 7; before 2 there is no other place for the error
			out := kmsg.NewOffsetFetchResponseTopic()
			out.Topic = t.Topic
			for _, p := range t.Partitions {
				x := kmsg.NewOffsetFetchResponseTopicPartition()
				x.Partition, x.Offset, x.ErrorCode, x.Metadata = p, -1, code, kmsg.StringPtr("")
				out.Partitions = append(out.Partitions, x)
			}
			r.Topics = append(r.Topics, out)
		}
		for _, g := range q.Groups {
			x := kmsg.NewOffsetFetchResponseGroup()
			x.Group, x.ErrorCode = g.Group, code
			r.Groups = append(r.Groups, x)
		}
		return r
	case *kmsg.JoinGroupRequest:
		r := kmsg.NewPtrJoinGroupResponse()
		r.ErrorCode, r.Generation, r.MemberID = code, -1, q.MemberID
		if q.Version < 7 {
			r.Protocol = kmsg.StringPtr("") // not nullable there
		}
		return r
	case *kmsg.SyncGroupRequest:
		r := kmsg.NewPtrSyncGroupResponse()
		r.ErrorCode, r.MemberAssignment = code, []byte{}
		return r
	case *kmsg.HeartbeatRequest:
		r := kmsg.NewPtrHeartbeatResponse()
		r.ErrorCode = code
		return r
	case *kmsg.LeaveGroupRequest:
		r := kmsg.NewPtrLeaveGroupResponse()
		r.ErrorCode = code
		return r
	case *kmsg.InitProducerIDRequest:
		r := kmsg.NewPtrInitProducerIDResponse()
		r.ErrorCode, r.ProducerID, r.ProducerEpoch = code, -1, -1
		return r
	}
	return nil
}

// sessionEnds answers a fetch so that the client begins its session anew.
func sessionEnds() kmsg.Response {
	r := kmsg.NewPtrFetchResponse()
	r.ErrorCode = kerr.FetchSessionIDNotFound.Code
	return r
}
