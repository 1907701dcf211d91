package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// deleteBefore makes a DeleteRecords request: of each partition, what stands before the offset.
func (r *run) deleteBefore(alias string, parts ...part) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic = r.name(alias)
	for _, x := range parts {
		t.Partitions = append(t.Partitions, kmsg.DeleteRecordsRequestTopicPartition{Partition: x.partition, Offset: x.offset})
	}
	req.Topics = append(req.Topics, t)
	return req
}

// deleteRecordsScenes are about DeleteRecords.
func deleteRecordsScenes() []scene {
	versions := []int16{0, 1, 2}
	fill := func(r *run) {
		r.topic("a", 3)
		r.fill("a", batchSpec{values: values(3)}.bytes(), batchSpec{values: values(4)}.bytes())
	}
	return []scene{
		{"delete-records/some", versions, func(r *run, v int16) {
			fill(r)
			r.note("within a batch", v, r.deleteBefore("a", part{offset: 2}))
			r.note("earliest", 5, r.offsetsOf("a", 0, -2))
			r.note("fetch", 11, r.fetchOf("a", part{offset: 2}))
			r.note("fetch what is gone", 11, r.fetchOf("a", part{offset: 1}))
			r.note("between batches", v, r.deleteBefore("a", part{offset: 3}))
			r.note("the same again", v, r.deleteBefore("a", part{offset: 3}))
			r.note("less", v, r.deleteBefore("a", part{offset: 1}))
			r.note("nothing", v, r.deleteBefore("a", part{offset: 0}))
			r.note("produce", 9, r.produceTo("a", -1, batchSpec{values: values(1)}.bytes()))
			r.note("earliest after", 5, r.offsetsOf("a", 0, -2))
			r.note("by time", 5, r.offsetsOf("a", 0, baseTime))
		}},
		{"delete-records/all", versions, func(r *run, v int16) {
			fill(r)
			r.note("all", v, r.deleteBefore("a", part{offset: -1}))
			r.note("earliest", 5, r.offsetsOf("a", 0, -2))
			r.note("latest", 5, r.offsetsOf("a", 0, -1))
			r.note("by time", 5, r.offsetsOf("a", 0, baseTime))
			r.note("max timestamp", 7, r.offsetsOf("a", 0, -3))
			r.note("again", v, r.deleteBefore("a", part{offset: -1}))
			r.note("produce", 9, r.produceTo("a", -1, batchSpec{values: values(1)}.bytes()))
			r.note("an empty log", v, r.deleteBefore("a", part{partition: 1, offset: -1}))
			r.note("an empty log, nothing", v, r.deleteBefore("a", part{partition: 1}))
			r.note("exactly the end", v, r.deleteBefore("a", part{offset: 8}))
		}},
		{"delete-records/refused", versions, func(r *run, v int16) {
			fill(r)
			r.note("beyond the end", v, r.deleteBefore("a", part{offset: 8}))
			r.note("far beyond", v, r.deleteBefore("a", part{offset: 1 << 60}))
			r.note("negative", v, r.deleteBefore("a", part{offset: -2}))
			r.note("an empty log", v, r.deleteBefore("a", part{partition: 1, offset: 1}))
			r.note("unknown topic", v, r.deleteBefore("none", part{offset: 1}))
			r.note("unknown partition", v, r.deleteBefore("a", part{partition: 7, offset: 1}))
			r.note("negative partition", v, r.deleteBefore("a", part{partition: -1, offset: 1}))
			req := r.deleteBefore("a", part{offset: 1})
			req.Topics[0].Topic = "a/b"
			r.note("invalid name", v, req)
			r.note("earliest", 5, r.offsetsOf("a", 0, -2))
		}},
		{"delete-records/several", versions, func(r *run, v int16) {
			fill(r)
			req := r.deleteBefore("a", part{offset: 2}, part{partition: 1, offset: 5}, part{partition: 9})
			req.Topics = append(req.Topics, r.deleteBefore("none", part{}, part{partition: 1}).Topics[0])
			r.note("mixed", v, req)
			r.note("one twice", v, r.deleteBefore("a", part{offset: 4}, part{offset: 3}))
			r.note("earliest", 5, r.offsetsOf("a", 0, -2))
			req = r.deleteBefore("a", part{offset: 5})
			req.Topics = append(req.Topics, r.deleteBefore("a", part{partition: 1}).Topics[0])
			r.note("topic twice", v, req)
			r.note("no partitions", v, r.deleteBefore("a"))
			req.Topics = nil
			r.note("no topics", v, req)
		}},
		{"delete-records/timeout", versions, func(r *run, v int16) {
			fill(r)
			for label, ms := range map[string]int32{"no time": 0, "negative time": -1} {
				req := r.deleteBefore("a", part{offset: 2})
				req.TimeoutMillis = ms
				r.note(label, v, req)
			}
		}},
	}
}
