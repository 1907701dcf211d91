package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// partitionsOf makes a DescribeTopicPartitions request.
func (r *run) partitionsOf(limit int32, aliases ...string) *kmsg.DescribeTopicPartitionsRequest {
	req := kmsg.NewPtrDescribeTopicPartitionsRequest()
	req.ResponsePartitionLimit = limit
	for _, a := range aliases {
		req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: r.name(a)})
	}
	return req
}

// topicPartitionsScenes are about DescribeTopicPartitions.
func topicPartitionsScenes() []scene {
	versions := []int16{0}
	from := func(req *kmsg.DescribeTopicPartitionsRequest, topic string, partition int32) *kmsg.DescribeTopicPartitionsRequest {
		req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: topic, Partition: partition}
		return req
	}
	return []scene{
		{"topic-partitions/plain", versions, func(r *run, v int16) {
			r.topic("b", 2)
			r.topic("a", 3)
			r.note("two", v, r.partitionsOf(2000, "b", "a"))
			r.note("unknown", v, r.partitionsOf(2000, "none"))
			r.note("mixed", v, r.partitionsOf(2000, "a", "none", "b"))
			r.note("twice", v, r.partitionsOf(2000, "a", "a"))
			req := r.partitionsOf(2000, "a")
			req.Topics = append(req.Topics, kmsg.DescribeTopicPartitionsRequestTopic{Topic: "a/b"}, kmsg.DescribeTopicPartitionsRequestTopic{Topic: ""})
			r.note("invalid names", v, req)
		}},
		{"topic-partitions/limit", versions, func(r *run, v int16) {
			r.topic("a", 3)
			r.topic("b", 3)
			for _, n := range []int32{0, -1, 1, 2, 3, 4, 6, 7} {
				r.note("limit "+string(rune('a'+n)), v, r.partitionsOf(n, "a", "b"))
			}
			r.note("limit, unknown between", v, r.partitionsOf(3, "a", "an-unknown", "b"))
			r.note("limit, unknown behind", v, r.partitionsOf(3, "a", "none"))
		}},
		{"topic-partitions/cursor", versions, func(r *run, v int16) {
			a, b := r.topic("a", 3), r.topic("b", 3)
			r.note("within a", v, from(r.partitionsOf(2, "a", "b"), a, 1))
			r.note("at the end of a", v, from(r.partitionsOf(2, "a", "b"), a, 2))
			r.note("behind a", v, from(r.partitionsOf(2, "a", "b"), a, 3))
			r.note("far behind a", v, from(r.partitionsOf(2, "a", "b"), a, 9))
			r.note("at b", v, from(r.partitionsOf(9, "a", "b"), b, 0))
			r.note("negative", v, from(r.partitionsOf(9, "a", "b"), a, -1))
			r.note("a topic that is not asked for", v, from(r.partitionsOf(9, "a"), r.name("aa"), 1))
			r.note("a topic that is gone", v, from(r.partitionsOf(9, "aa", "b"), r.name("aa"), 1))
			r.note("behind all", v, from(r.partitionsOf(9, "a", "b"), "zzz", 0))
		}},
		{"topic-partitions/all", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			req := kmsg.NewPtrDescribeTopicPartitionsRequest()
			req.ResponsePartitionLimit = 2000
			resp := must(ask[kmsg.DescribeTopicPartitionsResponse](r, req))
			for _, t := range resp.Topics {
				if t.Topic != nil && *t.Topic == a {
					r.out["the topic among all"] = "found"
				}
			}
		}},
	}
}
