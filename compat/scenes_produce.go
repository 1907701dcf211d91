package compat

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

var produceVersions = []int16{3, 5, 7, 8, 9, 11, 12, 13}

// produceScenes ask for what is right or wrong with a Produce request as a whole.
func produceScenes() []scene {
	good := func(n int) []byte { return batchSpec{values: values(n)}.bytes() }
	return []scene{
		{"produce/good", produceVersions, func(r *run, v int16) {
			r.topic("a", 2)
			r.note("all", v, r.produceTo("a", -1, good(3), good(1)))
			r.note("again", v, r.produceTo("a", -1, good(2)))
			r.note("leader", v, r.produceTo("a", 1, good(1)))
			r.note("fetch", 11, r.fetchOf("a", part{}, part{partition: 1}))
		}},
		{"produce/acks-0", []int16{3, 7, 9, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.noteSilent("good", v, r.produceTo("a", 0, good(3)))
			r.note("fetch", 11, r.fetchOf("a", part{}))
			r.noteSilent("no partition", v, r.produceTo("a", 0, good(3), good(3)))
			r.noteSilent("wrong crc", v, r.produceTo("a", 0, batchSpec{values: values(1), damage: flip}.bytes()))
			r.noteSilent("no topic", v, r.produceTo("none", 0, good(3)))
		}},
		{"produce/unknown", produceVersions, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("topic", v, r.produceTo("none", -1, good(1)))
			r.note("partition", v, r.produceTo("a", -1, nil, good(1)))
			r.note("mixed", v, r.produceTo("a", -1, good(1), good(1)))
			req := r.produceTo("a", -1, good(1))
			req.Topics[0].Partitions[0].Partition = -1
			r.note("negative", v, req)
		}},
		{"produce/acks", []int16{3, 8, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("2", v, r.produceTo("a", 2, good(1)))
			r.note("-2", v, r.produceTo("a", -2, good(1)))
		}},
		{"produce/old", []int16{0, 1, 2}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("batch", v, r.produceTo("a", -1, good(1)))
			r.note("message", v, r.produceTo("a", -1, legacy(0)))
			r.noteAlive("after")
		}},
		{"produce/nothing", []int16{3, 9, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			r.note("no bytes", v, r.produceTo("a", -1, []byte{}))
			// null instead of records is not asked: Kafka never answers it
			req := r.produceTo("a", -1, good(1))
			req.Topics = nil
			r.note("no topics", v, req)
		}},
		{"produce/transactional-id", []int16{3, 9, 13}, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.produceTo("a", -1, good(1))
			id := "t" + r.tag
			req.TransactionID = &id
			r.note("plain batch", v, req)
			req = r.produceTo("a", -1, batchSpec{values: values(1), attributes: 1 << 4, by: &producer{id: 4711}}.bytes())
			r.note("batch of a transaction without id", v, req)
		}},
		{"produce/invalid-name", []int16{3, 9}, func(r *run, v int16) {
			for _, name := range []string{"a/b", "..", ""} {
				req := r.produceTo("a", -1, good(1))
				req.Topics[0].Topic = name
				r.note("name "+name, v, req)
			}
		}},
		{"produce/twice-in-a-request", []int16{3, 9}, func(r *run, v int16) {
			r.topic("a", 1)
			req := r.produceTo("a", -1, good(1))
			again := req.Topics[0].Partitions[0]
			again.Records = good(2)
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, again)
			r.note("partition", v, req)
			r.note("end", 5, r.offsetsOf("a", 0, -1))
			r.topic("b", 3)
			req = r.produceTo("b", -1, good(1), good(2))
			more := r.produceTo("b", -1, nil, good(4), good(5))
			req.Topics = append(req.Topics, r.produceTo("a", -1, good(1)).Topics[0], more.Topics[0])
			r.note("topic", v, req)
			r.note("ends", 11, r.fetchOf("b", part{}, part{partition: 1}, part{partition: 2}))
			bad := r.produceTo("a", -1, batchSpec{values: values(1), damage: flip}.bytes())
			bad.Topics[0].Partitions = append(bad.Topics[0].Partitions, r.produceTo("a", -1, good(3)).Topics[0].Partitions...)
			r.note("a bad one first", v, bad)
			r.note("end after", 5, r.offsetsOf("a", 0, -1))
		}},
		{"produce/compression", []int16{3, 6, 7, 9}, func(r *run, v int16) {
			for i, codec := range []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
				name := []string{"gzip", "snappy", "lz4", "zstd"}[i]
				r.topic(name, 1)
				r.note(name, v, r.produceTo(name, -1, batchSpec{values: values(50), codec: codec}.bytes()))
				r.note("fetch "+name, 11, r.fetchOf(name, part{}))
			}
		}},
		{"produce/too-large", []int16{3, 8, 9}, func(r *run, v int16) {
			r.topic("a", 1, "max.message.bytes=2000")
			r.note("too large", v, r.produceTo("a", -1, batchSpec{values: []string{string(make([]byte, 2000))}}.bytes()))
			r.note("just right", v, r.produceTo("a", -1, batchSpec{values: []string{string(make([]byte, 2000-batchHeader-11))}}.bytes()))
			r.note("two small ones", v, r.produceTo("a", -1, batchSpec{values: values(200)}.bytes()))
		}},
		{"produce/topic-settings", []int16{3, 9}, func(r *run, v int16) {
			r.topic("stamped", 1, "message.timestamp.type=LogAppendTime")
			r.note("append time", v, r.produceTo("stamped", -1, good(3)))
			r.note("fetch stamped", 11, r.fetchOf("stamped", part{}))
			r.topic("bounded", 1, "message.timestamp.before.max.ms=3600000", "message.timestamp.after.max.ms=3600000")
			r.note("old", v, r.produceTo("bounded", -1, batchSpec{values: values(3), times: []int64{0, -5 * 3600_000, 0}}.bytes()))
			r.note("future", v, r.produceTo("bounded", -1, batchSpec{values: values(2), times: []int64{0, 5 * 3600_000}}.bytes()))
			r.note("default future", v, r.produceTo("stamped", -1, batchSpec{values: values(2), times: []int64{0, 5 * 3600_000}}.bytes()))
		}},
		{"produce/compacted", []int16{3, 9}, func(r *run, v int16) {
			r.topic("a", 1, "cleanup.policy=compact")
			r.note("no key", v, r.produceTo("a", -1, good(3)))
			r.note("key", v, r.produceTo("a", -1, batchSpec{values: values(2), key: "k"}.bytes()))
		}},
	}
}
