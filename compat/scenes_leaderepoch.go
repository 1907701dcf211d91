package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// epochEndOf makes an OffsetForLeaderEpoch request for one partition. current is the leader epoch that the client knows, or -1.
func (r *run) epochEndOf(alias string, partition, current, epoch int32) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic = r.name(alias)
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.CurrentLeaderEpoch, p.LeaderEpoch = partition, current, epoch
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}

// leaderEpochScenes are about OffsetForLeaderEpoch.
func leaderEpochScenes() []scene {
	versions := []int16{2, 3, 4}
	return []scene{
		{"leader-epoch/known", versions, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", batchSpec{values: values(3)}.bytes(), batchSpec{values: values(2)}.bytes())
			r.note("current", v, r.epochEndOf("a", 0, -1, 0))
			r.note("current, checked", v, r.epochEndOf("a", 0, 0, 0))
			r.note("of the future", v, r.epochEndOf("a", 0, -1, 1))
			r.note("of the far future", v, r.epochEndOf("a", 0, -1, 4711))
			r.note("undefined", v, r.epochEndOf("a", 0, -1, -1))
			r.note("negative", v, r.epochEndOf("a", 0, -1, -2))
			r.note("of an empty log", v, r.epochEndOf("a", 1, -1, 0))
			r.note("future of an empty log", v, r.epochEndOf("a", 1, -1, 1))
			r.note("undefined of an empty log", v, r.epochEndOf("a", 1, -1, -1))
		}},
		{"leader-epoch/fenced", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("client is ahead", v, r.epochEndOf("a", 0, 1, 0))
			r.note("client is negative", v, r.epochEndOf("a", 0, -2, 0))
		}},
		{"leader-epoch/unknown", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("topic", v, r.epochEndOf("none", 0, -1, 0))
			r.note("partition", v, r.epochEndOf("a", 5, -1, 0))
			r.note("negative partition", v, r.epochEndOf("a", -1, -1, 0))
			req := r.epochEndOf("a", 0, -1, 0)
			req.Topics[0].Topic = ""
			r.note("empty name", v, req)
			req = r.epochEndOf("a", 0, -1, 0)
			req.Topics = append(req.Topics, r.epochEndOf("none", 0, -1, 0).Topics[0])
			r.note("mixed", v, req)
		}},
		{"leader-epoch/odd", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			req := r.epochEndOf("a", 0, -1, 0)
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
			r.note("partition twice", v, req)
			req = r.epochEndOf("a", 0, -1, 0)
			req.Topics[0].Partitions = nil
			r.note("no partitions", v, req)
			req.Topics = nil
			r.note("no topics", v, req)
			for label, id := range map[string]int32{"a debugger": -2, "a follower": 1, "an unknown follower": 4711} {
				req = r.epochEndOf("a", 0, -1, 0)
				req.ReplicaID = id
				r.note("as "+label, v, req)
			}
		}},
		{"leader-epoch/after-delete-records", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes(), batchSpec{values: values(2)}.bytes())
			r.note("delete", 2, r.deleteBefore("a", part{offset: 4}))
			r.note("current", v, r.epochEndOf("a", 0, -1, 0))
			r.note("delete all", 2, r.deleteBefore("a", part{offset: -1}))
			r.note("current, empty", v, r.epochEndOf("a", 0, -1, 0))
		}},
	}
}
