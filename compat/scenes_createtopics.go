package compat

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var createTopicsVersions = []int16{2, 3, 4, 5, 6, 7}

// createOf makes a CreateTopics request for one topic with the given name as it is.
func createOf(name string, partitions int32, replication int16, configs ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis = 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, replication
	for _, kv := range configs {
		k, v, ok := strings.Cut(kv, "=")
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		if c.Name = k; ok {
			c.Value = &v
		}
		t.Configs = append(t.Configs, c)
	}
	req.Topics = append(req.Topics, t)
	return req
}

func createTopicsScenes() []scene {
	// create notes the answer to a request for a topic of this run.
	create := func(r *run, label string, v int16, req *kmsg.CreateTopicsRequest) {
		for _, t := range req.Topics {
			r.created = append(r.created, t.Topic)
		}
		resp, ok := r.note(label, v, req).(*kmsg.CreateTopicsResponse)
		for i := 0; ok && i < len(resp.Topics); i++ {
			if id := resp.Topics[i].TopicID; id != [16]byte{} {
				r.ids[id] = strings.TrimSuffix(resp.Topics[i].Topic, r.tag)
			}
		}
	}
	assigned := func(name string, replicas ...[]int32) *kmsg.CreateTopicsRequest {
		req := createOf(name, -1, -1)
		for i, nodes := range replicas {
			a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			a.Partition, a.Replicas = int32(i), nodes
			req.Topics[0].ReplicaAssignment = append(req.Topics[0].ReplicaAssignment, a)
		}
		return req
	}
	return []scene{
		{"create-topics/good", createTopicsVersions, func(r *run, v int16) {
			create(r, "one", v, createOf(r.name("a"), 2, 1))
			req := createOf(r.name("b"), 1, 1)
			req.Topics = append(req.Topics, createOf(r.name("c"), 3, 1).Topics...)
			create(r, "two", v, req)
			r.awaitTopic(r.name("a"), 2)
			r.awaitTopic(r.name("c"), 3)
			r.note("metadata", 9, metadataOf(r.name("a"), r.name("b"), r.name("c")))
		}},
		{"create-topics/exists", createTopicsVersions, func(r *run, v int16) {
			r.topic("a", 1)
			create(r, "same", v, createOf(r.name("a"), 1, 1))
			create(r, "other shape", v, createOf(r.name("a"), 7, 1))
			create(r, "wrong as well", v, createOf(r.name("a"), 0, 1))
			req := createOf(r.name("a"), 1, 1)
			req.ValidateOnly = true
			create(r, "only to check", v, req)
			req = createOf(r.name("a"), 1, 1)
			req.Topics = append(req.Topics, createOf(r.name("b"), 1, 1).Topics...)
			create(r, "one of two", v, req)
		}},
		{"create-topics/invalid-name", []int16{2, 5, 7}, func(r *run, v int16) {
			for _, name := range []string{"", ".", "..", "a/b", "a b", "ä", "a\x00b", strings.Repeat("x", 250), "__cluster_metadata"} {
				r.note("name "+name, v, createOf(name, 1, 1))
			}
			long := "x" + strings.Repeat("y", 248-len(r.tag)) + r.tag
			create(r, "longest", v, createOf(long, 1, 1))
		}},
		{"create-topics/collision", []int16{2, 5, 7}, func(r *run, v int16) {
			create(r, "dots", v, createOf(r.name("a.b"), 1, 1))
			create(r, "underscore after dot", v, createOf(r.name("a_b"), 1, 1))
			req := createOf(r.name("c.d"), 1, 1)
			req.Topics = append(req.Topics, createOf(r.name("c_d"), 1, 1).Topics...)
			create(r, "both at once", v, req)
		}},
		{"create-topics/partitions", []int16{2, 4, 5, 7}, func(r *run, v int16) {
			create(r, "0", v, createOf(r.name("zero"), 0, 1))
			create(r, "-2", v, createOf(r.name("minus-two"), -2, 1))
			create(r, "huge", v, createOf(r.name("huge"), 1<<30, 1))
			req := createOf(r.name("default"), -1, 1)
			req.ValidateOnly = true
			create(r, "default", v, req)
		}},
		{"create-topics/replication", []int16{2, 4, 5, 7}, func(r *run, v int16) {
			create(r, "2", v, createOf(r.name("two"), 1, 2))
			create(r, "0", v, createOf(r.name("zero"), 1, 0))
			create(r, "-2", v, createOf(r.name("minus-two"), 1, -2))
			create(r, "default", v, createOf(r.name("default"), 1, -1))
			create(r, "both wrong", v, createOf(r.name("both"), 0, 2))
		}},
		{"create-topics/configs", []int16{2, 5, 7}, func(r *run, v int16) {
			for i, c := range []string{
				"retention.ms=1000", "retention.ms=-1", "retention.ms=-2", "retention.ms=abc", "retention.ms=", "retention.ms", "retention.ms= 1000 ",
				"no.such.config=1", "cleanup.policy=delete", "cleanup.policy=compact,delete", "cleanup.policy=delete,compact", "cleanup.policy=", "cleanup.policy=other",
				"compression.type=zstd", "compression.type=none", "compression.type=uncompressed", "compression.type=brotli", "compression.type=ZSTD",
				"max.message.bytes=-1", "max.message.bytes=0", "segment.bytes=14", "segment.bytes=13", "segment.bytes=1048576", "segment.bytes=1048575",
				"segment.bytes=99999999999", "min.insync.replicas=0", "min.insync.replicas=2", "message.timestamp.type=LogAppendTime",
				"message.timestamp.type=Never", "flush.messages=1", "flush.messages=0", "flush.ms=0", "min.cleanable.dirty.ratio=0.5",
				"min.cleanable.dirty.ratio=1.5", "unclean.leader.election.enable=true", "unclean.leader.election.enable=yes", "preallocate=TRUE",
				"retention.bytes=-1", "retention.bytes=0", "segment.ms=0", "segment.ms=1", "delete.retention.ms=-1", "message.timestamp.after.max.ms=0",
				"message.timestamp.before.max.ms=-1", "remote.storage.enable=true", "local.retention.ms=5", "index.interval.bytes=-1", "compression.zstd.level=3",
				"compression.zstd.level=99", "compression.gzip.level=0", "compression.lz4.level=18", "leader.replication.throttled.replicas=*", "message.format.version=3.0",
			} {
				create(r, "config "+c, v, createOf(r.name("t"+string('a'+rune(i/26))+string('a'+rune(i%26))), 1, 1, c))
			}
			create(r, "good and bad", v, createOf(r.name("gb"), 1, 1, "retention.ms=5", "segment.bytes=3"))
			create(r, "twice", v, createOf(r.name("twice"), 1, 1, "retention.ms=5", "retention.ms=6"))
			create(r, "local above total", v, createOf(r.name("local"), 1, 1, "retention.ms=5", "local.retention.ms=6"))
			create(r, "lags crossed", v, createOf(r.name("lag"), 1, 1, "min.compaction.lag.ms=10", "max.compaction.lag.ms=5"))
		}},
		{"create-topics/duplicate", createTopicsVersions, func(r *run, v int16) {
			req := createOf(r.name("a"), 1, 1)
			req.Topics = append(req.Topics, createOf(r.name("a"), 2, 1).Topics...)
			req.Topics = append(req.Topics, createOf(r.name("b"), 1, 1).Topics...)
			create(r, "request", v, req)
		}},
		{"create-topics/validate-only", createTopicsVersions, func(r *run, v int16) {
			req := createOf(r.name("a"), 2, 1, "retention.ms=1000")
			req.ValidateOnly = true
			create(r, "good", v, req)
			req = createOf(r.name("b"), 2, 1, "retention.ms=x")
			req.ValidateOnly = true
			create(r, "bad", v, req)
			r.note("metadata", 9, metadataOf(r.name("a")))
		}},
		{"create-topics/assignments", []int16{2, 5, 7}, func(r *run, v int16) {
			create(r, "this node", v, assigned(r.name("a"), []int32{r.node}, []int32{r.node}))
			create(r, "another node", v, assigned(r.name("b"), []int32{r.node + 70}))
			create(r, "the node twice", v, assigned(r.name("c"), []int32{r.node, r.node}))
			create(r, "no node", v, assigned(r.name("d"), []int32{}))
			create(r, "negative node", v, assigned(r.name("e"), []int32{-1}))
			create(r, "different counts", v, assigned(r.name("f"), []int32{r.node}, []int32{r.node, r.node + 70}))
			req := assigned(r.name("g"), []int32{r.node})
			req.Topics[0].NumPartitions = 1
			create(r, "with partitions", v, req)
			req = assigned(r.name("h"), []int32{r.node})
			req.Topics[0].ReplicationFactor = 1
			create(r, "with replication", v, req)
			req = assigned(r.name("i"), []int32{r.node})
			req.Topics[0].ReplicaAssignment[0].Partition = 3
			create(r, "not from 0", v, req)
			req = assigned(r.name("j"), []int32{r.node}, []int32{r.node})
			req.Topics[0].ReplicaAssignment[1].Partition = 0
			create(r, "partition twice", v, req)
		}},
		{"create-topics/nothing", []int16{2, 5, 7}, func(r *run, v int16) {
			req := createOf("", 1, 1)
			req.Topics = nil
			r.note("answer", v, req)
		}},
	}
}
