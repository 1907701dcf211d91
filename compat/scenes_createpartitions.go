package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// growTo makes a CreatePartitions request for one topic. Each assignment is the replicas of one new partition.
func (r *run) growTo(alias string, count int32, assignments ...[]int32) *kmsg.CreatePartitionsRequest {
	req := kmsg.NewPtrCreatePartitionsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreatePartitionsRequestTopic()
	t.Topic, t.Count = r.name(alias), count
	for _, a := range assignments {
		t.Assignment = append(t.Assignment, kmsg.CreatePartitionsRequestTopicAssignment{Replicas: a})
	}
	req.Topics = append(req.Topics, t)
	return req
}

// createPartitionsScenes are about CreatePartitions.
func createPartitionsScenes() []scene {
	versions := []int16{0, 1, 2, 3}
	// metadata notes the topic's partitions as everybody sees them.
	metadata := func(r *run, label, alias string) {
		req := kmsg.NewPtrMetadataRequest()
		t := kmsg.NewMetadataRequestTopic()
		name := r.name(alias)
		t.Topic = &name
		req.Topics = append(req.Topics, t)
		r.note(label, 12, req)
	}
	return []scene{
		{"create-partitions/grow", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			r.note("to 3", v, r.growTo("a", 3))
			r.awaitTopic(a, 3)
			metadata(r, "metadata", "a")
			r.note("produce", 9, r.produceTo("a", -1, batchSpec{values: values(1)}.bytes(), batchSpec{values: values(1)}.bytes(), batchSpec{values: values(2)}.bytes()))
			r.note("fetch", 11, r.fetchOf("a", part{}, part{partition: 2}))
			r.note("assigned", v, r.growTo("a", 5, []int32{r.node}, []int32{r.node}))
			r.awaitTopic(a, 5)
			metadata(r, "metadata of 5", "a")
		}},
		{"create-partitions/refused", versions, func(r *run, v int16) {
			r.topic("a", 3)
			r.note("the same", v, r.growTo("a", 3))
			r.note("fewer", v, r.growTo("a", 2))
			r.note("none", v, r.growTo("a", 0))
			r.note("negative", v, r.growTo("a", -1))
			r.note("unknown", v, r.growTo("none", 4))
			req := r.growTo("a", 4)
			req.Topics[0].Topic = "a/b"
			r.note("invalid name", v, req)
			req.Topics[0].Topic = ""
			r.note("empty name", v, req)
			metadata(r, "metadata", "a")
		}},
		{"create-partitions/assignments", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("too few", v, r.growTo("a", 4, []int32{r.node}))
			r.note("too many", v, r.growTo("a", 2, []int32{r.node}, []int32{r.node}))
			r.note("unknown broker", v, r.growTo("a", 2, []int32{4711}))
			r.note("no broker", v, r.growTo("a", 2, []int32{}))
			r.note("one twice", v, r.growTo("a", 2, []int32{r.node, r.node}))
			r.note("two brokers", v, r.growTo("a", 2, []int32{r.node, 4711}))
			req := r.growTo("a", 2)
			req.Topics[0].Assignment = []kmsg.CreatePartitionsRequestTopicAssignment{}
			req.ValidateOnly = true
			r.note("empty list", v, req)
			r.note("count is wrong as well", v, r.growTo("a", 1, []int32{4711}))
			metadata(r, "metadata", "a")
		}},
		{"create-partitions/validate-only", versions, func(r *run, v int16) {
			r.topic("a", 1)
			for label, req := range map[string]*kmsg.CreatePartitionsRequest{"good": r.growTo("a", 4), "the same": r.growTo("a", 1), "unknown": r.growTo("none", 4)} {
				req.ValidateOnly = true
				r.note(label, v, req)
			}
			metadata(r, "metadata", "a")
		}},
		{"create-partitions/several", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.topic("b", 1)
			req := r.growTo("a", 3)
			req.Topics = append(req.Topics, r.growTo("none", 2).Topics[0], r.growTo("b", 2).Topics[0])
			r.note("three", v, req)
			req = r.growTo("a", 4)
			req.Topics = append(req.Topics, r.growTo("a", 5).Topics[0], r.growTo("b", 3).Topics[0])
			r.note("one twice", v, req)
			req.Topics = nil
			r.note("none at all", v, req)
			metadata(r, "metadata", "a")
		}},
	}
}
