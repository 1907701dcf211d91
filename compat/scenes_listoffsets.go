package compat

var listOffsetsVersions = []int16{1, 2, 4, 5, 7, 8, 9, 10}

// listOffsetsScenes ask for offsets by time and by name.
func listOffsetsScenes() []scene {
	return []scene{
		{"list-offsets/by-name", append([]int16{11}, listOffsetsVersions...), func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", batchSpec{values: values(3), times: []int64{10, 500, 20}}.bytes(), batchSpec{values: values(2), times: []int64{30, 40}}.bytes())
			for _, at := range []int64{-1, -2, -3, -4, -5, -6, -7} {
				label := "time -" + string('0'+rune(-at))
				r.note(label, v, r.offsetsOf("a", 0, at))
				r.note(label+" empty", v, r.offsetsOf("a", 1, at))
			}
		}},
		{"list-offsets/by-time", listOffsetsVersions, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", batchSpec{values: values(3), times: []int64{10, 500, 20}}.bytes(), batchSpec{values: values(2), times: []int64{30, 40}}.bytes(),
				batchSpec{values: values(3), times: []int64{600, 450, 700}}.bytes())
			for label, at := range map[string]int64{
				"before": 0, "first": 10, "between": 11, "largest of the first batch": 500, "only in the third": 501, "last": 700, "after": 701, "zero": -baseTime,
			} {
				r.note(label, v, r.offsetsOf("a", 0, baseTime+at))
			}
			r.note("empty", v, r.offsetsOf("a", 1, baseTime))
		}},
		{"list-offsets/ties", []int16{7, 9}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3), times: []int64{5, 9, 9}}.bytes(), batchSpec{values: values(2), times: []int64{9, 9}}.bytes())
			r.note("max timestamp", v, r.offsetsOf("a", 0, -3))
			r.note("by time", v, r.offsetsOf("a", 0, baseTime+9))
		}},
		{"list-offsets/append-time", []int16{7}, func(r *run, v int16) {
			r.topic("a", 1, "message.timestamp.type=LogAppendTime")
			r.fill("a", batchSpec{values: values(3)}.bytes())
			r.note("by time", v, r.offsetsOf("a", 0, baseTime))
			r.note("latest", v, r.offsetsOf("a", 0, -1))
		}},
		{"list-offsets/unknown", listOffsetsVersions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("topic", v, r.offsetsOf("none", 0, -1))
			r.note("partition", v, r.offsetsOf("a", 1, -1))
			r.note("negative partition", v, r.offsetsOf("a", -1, -1))
			req := r.offsetsOf("a/b", 0, -1)
			r.note("invalid name", v, req)
		}},
		{"list-offsets/nothing", []int16{1, 6}, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.offsetsOf("a", 0, -1)
			req.Topics[0].Partitions = nil
			r.note("no partitions", v, req)
			req = r.offsetsOf("a", 0, -1)
			req.Topics = nil
			r.note("no topics", v, req)
		}},
		{"list-offsets/leader-epoch", []int16{4, 7, 10}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			for label, epoch := range map[string]int32{"right": 0, "newer": 3, "older": -2} {
				for name, at := range map[string]int64{" latest": -1, " by time": baseTime} {
					req := r.offsetsOf("a", 0, at)
					req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
					r.note(label+name, v, req)
				}
			}
		}},
		{"list-offsets/isolation", []int16{2, 7}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			for label, at := range map[string]int64{"latest": -1, "earliest": -2, "by time": baseTime} {
				req := r.offsetsOf("a", 0, at)
				req.IsolationLevel = 1
				r.note(label, v, req)
			}
		}},
		{"list-offsets/twice-in-a-request", []int16{1, 5, 7}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", batchSpec{values: values(3)}.bytes())
			req := r.offsetsOf("a", 0, -1)
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, req.Topics[0].Partitions[0])
			req.Topics[0].Partitions[1].Timestamp = -2
			r.note("partition", v, req)
		}},
		{"list-offsets/replica", []int16{1, 7}, func(r *run, v int16) {
			r.topic("a", 1)
			for label, id := range map[string]int32{"debugging consumer": -2, "broker that is none": 77} {
				req := r.offsetsOf("a", 0, -1)
				req.ReplicaID = id
				r.note(label, v, req)
			}
		}},
		{"list-offsets/compressed", []int16{1, 7}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", gzipped(100), gzipped(100))
			r.note("by time", v, r.offsetsOf("a", 0, baseTime+57))
			r.note("max timestamp", max(v, 7), r.offsetsOf("a", 0, -3))
		}},
	}
}
