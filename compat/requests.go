package compat

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// produceTo makes a Produce request with one batch a partition, from partition 0 on; nil leaves one out. The topic stands in it by name and by id.
func (r *run) produceTo(alias string, acks int16, batches ...[]byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = acks, 10_000
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.TopicID = r.name(alias), r.known(alias)
	for i, b := range batches {
		if b == nil {
			continue
		}
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = int32(i), b
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	return req
}

// known returns the id of a topic of the run, or one that no topic has.
func (r *run) known(alias string) [16]byte {
	for id, a := range r.ids {
		if a == alias {
			return id
		}
	}
	return [16]byte{0xb0, 0xbb, 0x11, 15: 7}
}

// fill appends batches to partition 0 of a topic, one request each.
func (r *run) fill(alias string, batches ...[]byte) {
	for _, b := range batches {
		req := r.produceTo(alias, -1, b)
		req.Version = 9
		resp := must(ask[kmsg.ProduceResponse](r, req))
		if code := resp.Topics[0].Partitions[0].ErrorCode; code != 0 {
			r.out["fill "+alias] = "failed"
		}
	}
}

// part is one partition of a Fetch request.
type part struct {
	partition int32
	offset    int64
	maxBytes  int32 // 0: 1 MiB
	epoch     int32 // 0: not known, else the current leader's plus 1
}

// fetchOf makes a Fetch request of one topic outside of any session.
func (r *run) fetchOf(alias string, parts ...part) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxBytes, req.MinBytes, req.MaxWaitMillis, req.SessionEpoch = -1, 50<<20, 0, 0, -1
	r.addFetch(req, alias, parts...)
	return req
}

func (r *run) addFetch(req *kmsg.FetchRequest, alias string, parts ...part) {
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = r.name(alias), r.known(alias)
	for _, x := range parts {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition, p.FetchOffset, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LogStartOffset = x.partition, x.offset, x.maxBytes, x.epoch-1, -1
		if p.PartitionMaxBytes == 0 {
			p.PartitionMaxBytes = 1 << 20
		}
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
}

// offsetsOf makes a ListOffsets request for partition 0 of a topic.
func (r *run) offsetsOf(alias string, partition int32, time int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.TimeoutMillis = -1, 10_000
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = r.name(alias)
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp, p.CurrentLeaderEpoch = partition, time, -1
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}
