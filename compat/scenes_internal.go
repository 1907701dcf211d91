package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// internalTopicScenes are about what may be done to the topic in which groups are kept. Nothing is asked that would change it.
func internalTopicScenes() []scene {
	const offsets = "__consumer_offsets"
	once := []int16{0}
	return []scene{
		{"internal-topics", once, func(r *run, _ int16) {
			r.group("g") // the first look for a coordinator makes the topic, with the partitions that the broker wants: one made by hand with fewer leaves most groups without a coordinator
			create := kmsg.NewPtrCreateTopicsRequest()
			create.Version, create.TimeoutMillis = 7, 10_000
			t := kmsg.NewCreateTopicsRequestTopic()
			t.Topic, t.NumPartitions, t.ReplicationFactor = offsets, 1, 1
			create.Topics = append(create.Topics, t)
			r.note("create", 7, create)
			named := func(req *kmsg.DeleteRecordsRequest) *kmsg.DeleteRecordsRequest {
				req.Topics[0].Topic = offsets
				return req
			}
			r.note("delete records", 2, named(r.deleteBefore("a", part{offset: 0})))
			r.note("delete all records", 2, named(r.deleteBefore("a", part{offset: -1})))
			produce := r.produceTo("a", -1, batchSpec{values: values(1)}.bytes())
			produce.Topics[0].Topic = offsets
			r.note("produce", 9, produce)
			grow := r.growTo("a", 100)
			grow.Topics[0].Topic, grow.ValidateOnly = offsets, true
			r.note("add partitions", 3, grow)
			alter := changesOf(topicResource, offsets, "segment.bytes=20000000")
			alter.ValidateOnly = true
			r.note("alter", 1, alter)
			meta := kmsg.NewPtrMetadataRequest()
			mt := kmsg.NewMetadataRequestTopic()
			name := offsets
			mt.Topic = &name
			meta.Topics = append(meta.Topics, mt)
			if resp, ok := r.note("metadata", 12, meta).(*kmsg.MetadataResponse); ok {
				r.keepErrorOnly("metadata", resp.Topics[0].ErrorCode)
				r.out["internal"] = map[bool]string{true: "yes", false: "no"}[resp.Topics[0].IsInternal]
			}
		}},
		{"metadata-topic", once, func(r *run, _ int16) {
			const name = "__cluster_metadata"
			d := r.deleteBefore("a", part{offset: 0})
			d.Topics[0].Topic = name
			r.note("delete records", 2, d)
			g := r.growTo("a", 4)
			g.Topics[0].Topic = name
			r.note("add partitions", 3, g)
			r.note("alter", 1, changesOf(topicResource, name, "segment.bytes=20000000"))
			r.note("describe", 4, configsOf(topicResource, name, "segment.bytes"))
		}},
	}
}
