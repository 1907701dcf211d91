package compat

import "time"

var fetchVersions = []int16{4, 7, 9, 11, 12, 13, 16, 17}

// fetchScenes are about fetches outside of sessions.
func fetchScenes() []scene {
	const long = 10 * time.Second
	three := func() []byte { return batchSpec{values: values(3)}.bytes() }
	return []scene{
		{"fetch/offsets", fetchVersions, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", three(), three())
			r.note("start", v, r.fetchOf("a", part{}))
			r.note("in a batch", v, r.fetchOf("a", part{offset: 4}))
			r.note("second batch", v, r.fetchOf("a", part{offset: 3}))
			r.note("end", v, r.fetchOf("a", part{offset: 6}))
			r.note("over the end", v, r.fetchOf("a", part{offset: 7}))
			r.note("negative", v, r.fetchOf("a", part{offset: -1}))
			r.note("empty partition", v, r.fetchOf("a", part{partition: 1}))
			r.note("both", v, r.fetchOf("a", part{}, part{partition: 1}))
		}},
		{"fetch/unknown", fetchVersions, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			r.note("topic", v, r.fetchOf("none", part{}))
			r.note("partition", v, r.fetchOf("a", part{partition: 1}))
			r.note("negative partition", v, r.fetchOf("a", part{partition: -1}))
			r.note("mixed", v, r.fetchOf("a", part{}, part{partition: 1}))
			req := r.fetchOf("a", part{})
			r.addFetch(req, "none", part{})
			r.note("mixed topics", v, req)
		}},
		{"fetch/nothing", []int16{4, 7, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("no partitions", v, r.fetchOf("a"))
			req := r.fetchOf("a")
			req.Topics = nil
			r.note("no topics", v, req)
		}},
		{"fetch/limits", []int16{4, 11, 13}, func(r *run, v int16) {
			r.topic("a", 3)
			r.fill("a", three(), three(), three())
			big := batchSpec{values: values(100)}.bytes()
			r.note("fill others", 9, r.produceTo("a", -1, nil, big, big))
			r.note("first batch over the partition's limit", v, r.fetchOf("a", part{maxBytes: 1}))
			r.note("partition's limit of two batches", v, r.fetchOf("a", part{maxBytes: int32(2 * len(three()))}))
			r.note("partition's limit between batches", v, r.fetchOf("a", part{maxBytes: int32(2*len(three()) + 5)}))
			r.note("partition's limit -1", v, r.fetchOf("a", part{maxBytes: -1}))
			req := r.fetchOf("a", part{}, part{partition: 1}, part{partition: 2})
			req.MaxBytes = 1
			r.note("first batch over the request's limit", v, req)
			req = r.fetchOf("a", part{}, part{partition: 1}, part{partition: 2})
			req.MaxBytes = int32(3*len(three()) + 10)
			r.note("request's limit after the first partition", v, req)
			req = r.fetchOf("a", part{}, part{partition: 1}, part{partition: 2})
			req.MaxBytes = int32(3*len(three()) + len(big) + 10)
			r.note("request's limit after the second partition", v, req)
			req = r.fetchOf("a", part{offset: 9}, part{partition: 1}, part{partition: 2})
			req.MaxBytes = 10
			r.note("first batch in the second partition", v, req)
			req = r.fetchOf("a", part{})
			req.MaxBytes = 0
			r.note("request's limit 0", v, req)
			req = r.fetchOf("a", part{})
			req.MaxBytes = -1
			r.note("request's limit -1", v, req)
		}},
		{"fetch/waits", []int16{4, 11, 13}, func(r *run, v int16) {
			r.topic("a", 2)
			r.fill("a", three())
			wait := func(label string, minBytes int32, d time.Duration, p ...part) {
				req := r.fetchOf("a", p...)
				req.MinBytes, req.MaxWaitMillis = minBytes, int32(d.Milliseconds())
				r.clock()
				r.note(label, v, req)
				r.noteWait(label+" time", d)
			}
			wait("enough", 1, long, part{})
			wait("nothing asked", 0, long, part{offset: 3})
			wait("none in time", 1, 300*time.Millisecond, part{offset: 3})
			wait("too few in time", 10_000, 300*time.Millisecond, part{})
			wait("out of range", 1, long, part{offset: 9})
			wait("unknown partition", 1, long, part{partition: 7})
			wait("one out of range", 10_000, time.Second, part{}, part{partition: 1, offset: 9})
			wait("one unknown", 10_000, time.Second, part{}, part{partition: 7})
			wait("negative time", 1, -time.Second, part{offset: 3})
		}},
		{"fetch/wakes", []int16{4, 11, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.fetchOf("a", part{})
			req.MinBytes, req.MaxWaitMillis = 1, int32(long.Milliseconds())
			req.SetVersion(v)
			r.clock()
			if err := r.connection().send(req); err != nil {
				panic(broken{err})
			}
			waiting := r.conn
			r.conn = nil
			r.fill("a", three())
			r.reconnect()
			r.conn = waiting
			r.noteAnswer("answer", req)
			r.noteWait("time", long)
		}},
		{"fetch/leader-epoch", []int16{9, 11, 12, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			r.note("right", v, r.fetchOf("a", part{epoch: 1}))
			r.note("newer", v, r.fetchOf("a", part{epoch: 6}))
			r.note("older", v, r.fetchOf("a", part{epoch: -4}))
			for _, last := range []int32{0, 5} {
				req := r.fetchOf("a", part{offset: 3, epoch: 1})
				req.Topics[0].Partitions[0].LastFetchedEpoch = last
				r.note("last fetched "+string('0'+last), v, req)
			}
			req := r.fetchOf("a", part{offset: 9, epoch: 1})
			req.Topics[0].Partitions[0].LastFetchedEpoch = 0
			r.note("last fetched 0, over the end", v, req)
		}},
		{"fetch/isolation", []int16{4, 11, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			for _, level := range []int8{0, 1, 2} {
				req := r.fetchOf("a", part{})
				req.IsolationLevel = level
				r.note("level "+string('0'+rune(level)), v, req)
			}
		}},
		{"fetch/twice-in-a-request", []int16{4, 7, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three(), three())
			r.note("partition", v, r.fetchOf("a", part{}, part{offset: 3}))
		}},
		{"fetch/deleted", []int16{4, 12, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			r.remove("a")
			r.note("answer", v, r.fetchOf("a", part{}))
		}},
		{"fetch/replica", []int16{4, 11, 13, 15}, func(r *run, v int16) {
			r.topic("a", 1)
			r.fill("a", three())
			req := r.fetchOf("a", part{})
			if req.ReplicaID = 77; v >= 15 {
				req.ReplicaState.ID = 77
			}
			r.note("of a broker that is none", v, req)
		}},
		{"fetch/compressed", []int16{4, 9, 10, 13}, func(r *run, v int16) {
			r.topic("a", 1, "compression.type=zstd")
			r.fill("a", three())
			req := r.fetchOf("a", part{})
			req.SetVersion(v)
			// The bytes depend on the compressor; that there are some, and no error, does not.
			if err := r.connection().send(req); err != nil {
				panic(broken{err})
			}
			r.noteCodec("zstd", req)
		}},
	}
}
