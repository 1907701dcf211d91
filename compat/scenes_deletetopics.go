package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// deleteOf makes a DeleteTopics request by names; each version gets them where it has them.
func deleteOf(names ...string) *kmsg.DeleteTopicsRequest {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TimeoutMillis, req.TopicNames = 10_000, names
	for _, name := range names {
		t := kmsg.NewDeleteTopicsRequestTopic()
		t.Topic = &name
		req.Topics = append(req.Topics, t)
	}
	return req
}

func deleteTopicsScenes() []scene {
	versions := []int16{1, 3, 4, 5, 6}
	byID := func(name *string, ids ...[16]byte) *kmsg.DeleteTopicsRequest {
		req := deleteOf()
		for _, id := range ids {
			t := kmsg.NewDeleteTopicsRequestTopic()
			t.TopicID, t.Topic = id, name
			req.Topics = append(req.Topics, t)
		}
		return req
	}
	return []scene{
		{"delete-topics/by-name", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.topic("b", 2)
			r.note("both", v, deleteOf(r.name("a"), r.name("b")))
			r.note("again", v, deleteOf(r.name("a")))
		}},
		{"delete-topics/unknown", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("one", v, deleteOf(r.name("none")))
			r.note("mixed", v, deleteOf(r.name("none"), r.name("a")))
			r.note("invalid name", v, deleteOf("a/b"))
			r.note("empty name", v, deleteOf(""))
			r.note("nothing", v, deleteOf())
		}},
		{"delete-topics/duplicate", versions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("request", v, deleteOf(r.name("a"), r.name("a")))
			r.note("after", v, deleteOf(r.name("a")))
		}},
		{"delete-topics/by-id", []int16{6}, func(r *run, v int16) {
			r.topic("a", 1)
			r.topic("b", 1)
			r.note("unknown", v, byID(nil, r.known("none")))
			r.note("zero", v, byID(nil, [16]byte{}))
			name := r.name("a")
			r.note("id and name", v, byID(&name, r.known("a")))
			r.note("id", v, byID(nil, r.known("a")))
			r.note("again", v, byID(nil, r.known("a")))
			req := byID(nil, r.known("b"))
			req.Topics = append(req.Topics, deleteOf(r.name("b")).Topics...)
			r.note("by id and by name at once", v, req)
			req = byID(nil, r.known("b"), r.known("b"))
			r.note("id twice", v, req)
		}},
		{"delete-topics/created-again", []int16{5, 6}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			old := r.known("a")
			r.remove("a")
			delete(r.ids, old)
			r.topic("a", 1)
			r.note("fetch", 11, r.fetchOf("a", part{}))
			req := r.fetchOf("a", part{})
			req.Topics[0].TopicID = old
			r.note("fetch by the old id", 13, req)
			produce := r.produceTo("a", -1, batchSpec{values: values(3)}.bytes())
			produce.Topics[0].TopicID = old
			r.note("produce by the old id", 13, produce)
			r.note("produce", 9, r.produceTo("a", -1, batchSpec{values: values(3)}.bytes()))
		}},
	}
}
