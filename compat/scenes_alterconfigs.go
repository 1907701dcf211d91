package compat

import (
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topicResource  = kmsg.ConfigResourceTypeTopic
	brokerResource = kmsg.ConfigResourceTypeBroker
)

// changesOf makes an IncrementalAlterConfigs request for one resource. A change is name=value, +name=value, -name=value, or !name to delete; name alone
// sets null.
func changesOf(kind kmsg.ConfigResourceType, name string, changes ...string) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	res := kmsg.NewIncrementalAlterConfigsRequestResource()
	res.ResourceType, res.ResourceName = kind, name
	for _, c := range changes {
		cfg := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
		if at := strings.IndexByte("!+-", c[0]); at >= 0 {
			cfg.Op, c = kmsg.IncrementalAlterConfigOp(at+1), c[1:]
		}
		k, v, set := strings.Cut(c, "=")
		if cfg.Name = k; set {
			cfg.Value = &v
		}
		res.Configs = append(res.Configs, cfg)
	}
	req.Resources = append(req.Resources, res)
	return req
}

// awaitSetting waits until a topic's setting has a value for everybody: Kafka answers before it has told itself, and tells its logs last.
func (r *run) awaitSetting(alias, name, value string) {
	req := configsOf(topicResource, r.name(alias), name)
	req.Version = 4
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if c := must(ask[kmsg.DescribeConfigsResponse](r, req)).Resources[0].Configs; *c[0].Value == value {
			break
		}
	}
	time.Sleep(100 * time.Millisecond)
}

// noteSet notes what is set for a topic.
func (r *run) noteSet(label, alias string, names ...string) {
	r.note(label, 4, configsOf(topicResource, r.name(alias), names...))
}

// incrementalAlterScenes are about IncrementalAlterConfigs.
func incrementalAlterScenes() []scene {
	versions := []int16{0, 1}
	return []scene{
		{"incremental-alter/set", versions, func(r *run, v int16) {
			a := r.topic("a", 1, "retention.ms=5000")
			r.note("two", v, changesOf(topicResource, a, "retention.ms=6000", "segment.bytes=2000000"))
			r.awaitSetting("a", "retention.ms", "6000")
			r.noteSet("after two", "a", "retention.ms", "segment.bytes", "segment.ms")
			r.note("delete one", v, changesOf(topicResource, a, "!segment.bytes", "segment.ms=77777"))
			r.awaitSetting("a", "segment.ms", "77777")
			r.noteSet("after delete", "a", "retention.ms", "segment.bytes", "segment.ms")
			r.note("delete what is not set", v, changesOf(topicResource, a, "!max.message.bytes"))
			r.note("delete with a value", v, changesOf(topicResource, a, "!segment.ms=5"))
			r.note("the same value", v, changesOf(topicResource, a, "retention.ms=6000"))
			r.note("nothing", v, changesOf(topicResource, a))
			r.awaitSetting("a", "segment.ms", "604800000")
			r.noteSet("at the end", "a", "retention.ms", "segment.bytes", "segment.ms", "max.message.bytes")
		}},
		{"incremental-alter/effect", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			large := batchSpec{values: values(200)}.bytes()
			r.note("large batch", 9, r.produceTo("a", -1, large))
			r.note("smaller limit", v, changesOf(topicResource, a, "max.message.bytes=500"))
			r.awaitSetting("a", "max.message.bytes", "500")
			r.note("too large now", 9, r.produceTo("a", -1, large))
			r.note("append time", v, changesOf(topicResource, a, "message.timestamp.type=LogAppendTime", "!max.message.bytes"))
			r.awaitSetting("a", "message.timestamp.type", "LogAppendTime")
			r.note("stamped", 9, r.produceTo("a", -1, batchSpec{values: values(2)}.bytes()))
			r.note("bounded", v, changesOf(topicResource, a, "message.timestamp.type=CreateTime", "message.timestamp.before.max.ms=3600000"))
			r.awaitSetting("a", "message.timestamp.before.max.ms", "3600000")
			r.note("too old", 9, r.produceTo("a", -1, batchSpec{values: values(1), times: []int64{-5 * 3600_000}}.bytes()))
			r.note("gzip", v, changesOf(topicResource, a, "compression.type=gzip"))
			r.awaitSetting("a", "compression.type", "gzip")
			r.fill("a", batchSpec{values: values(2)}.bytes())
			fetch := r.fetchOf("a", part{offset: 202})
			fetch.Version = 11
			if err := r.connection().send(fetch); err != nil {
				r.failed("compressed", err)
				return
			}
			r.noteCodec("compressed", fetch)
		}},
		{"incremental-alter/invalid", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			for _, c := range []string{
				"no.such.config=1", "!no.such.config", "retention.ms=soon", "retention.ms=-2", "retention.ms", "retention.ms=", "segment.bytes=5", "max.message.bytes=-1",
				"compression.type=zip", "cleanup.policy=shred", "min.cleanable.dirty.ratio=2", "message.timestamp.type=Never", "+retention.ms=1", "-retention.ms=1",
				"+no.such.config=1", "=1", "min.compaction.lag.ms=10000000000000000000", "flush.ms=-1",
			} {
				r.note("change "+c, v, changesOf(topicResource, a, c))
			}
			req := changesOf(topicResource, a, "retention.ms=1")
			req.Resources[0].Configs[0].Op = 9
			r.note("unknown operation", v, req)
			req.Resources[0].Configs[0].Op = -1
			r.note("negative operation", v, req)
			r.note("one of two", v, changesOf(topicResource, a, "retention.ms=7000", "segment.bytes=x"))
			r.note("contradiction", v, changesOf(topicResource, a, "min.compaction.lag.ms=10", "max.compaction.lag.ms=5"))
			r.note("twice", v, changesOf(topicResource, a, "retention.ms=1", "retention.ms=2"))
			r.note("set and deleted", v, changesOf(topicResource, a, "retention.ms=1", "!retention.ms"))
			r.noteSet("at the end", "a", "retention.ms", "segment.bytes")
		}},
		{"incremental-alter/lists", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			list := "leader.replication.throttled.replicas"
			r.note("append", v, changesOf(topicResource, a, "+"+list+"=0:1"))
			r.note("append more", v, changesOf(topicResource, a, "+"+list+"=1:1,2:1"))
			r.note("append what is there", v, changesOf(topicResource, a, "+"+list+"=0:1"))
			r.awaitSetting("a", list, "0:1,1:1,2:1")
			r.noteSet("three", "a", list)
			r.note("subtract", v, changesOf(topicResource, a, "-"+list+"=1:1,9:9"))
			r.awaitSetting("a", list, "0:1,2:1")
			r.noteSet("two", "a", list)
			r.note("subtract all", v, changesOf(topicResource, a, "-"+list+"=0:1,2:1"))
			r.awaitSetting("a", list, "")
			r.noteSet("none", "a", list)
			r.note("append null", v, changesOf(topicResource, a, "+"+list))
			r.note("not of that form", v, changesOf(topicResource, a, list+"=x"))
			r.note("append the default", v, changesOf(topicResource, a, "+cleanup.policy=delete"))
			r.awaitSetting("a", "cleanup.policy", "delete")
			r.noteSet("policy", "a", "cleanup.policy")
		}},
		{"incremental-alter/validate-only", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			for _, c := range []string{"retention.ms=5000", "retention.ms=x", "no.such.config=1", "retention.ms"} {
				req := changesOf(topicResource, a, c)
				req.ValidateOnly = true
				r.note(c, v, req)
			}
			req := changesOf(topicResource, r.name("none"), "retention.ms=5000")
			req.ValidateOnly = true
			r.note("unknown topic", v, req)
			r.noteSet("at the end", "a", "retention.ms")
		}},
		{"incremental-alter/resources", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.note("unknown topic", v, changesOf(topicResource, r.name("none"), "retention.ms=1"))
			r.note("unknown topic, nothing to change", v, changesOf(topicResource, r.name("none")))
			r.note("invalid topic", v, changesOf(topicResource, "a/b", "retention.ms=1"))
			r.note("empty topic", v, changesOf(topicResource, "", "retention.ms=1"))
			r.note("type 0", v, changesOf(0, a, "retention.ms=1"))
			r.note("type 99", v, changesOf(99, a, "retention.ms=1"))
			req := changesOf(topicResource, a, "retention.ms=7000")
			req.Resources = append(req.Resources, changesOf(topicResource, r.name("none"), "retention.ms=1").Resources...)
			r.note("one good, one not", v, req)
			req = changesOf(topicResource, a, "retention.ms=8000")
			req.Resources = append(req.Resources, changesOf(topicResource, a, "retention.ms=9000").Resources...)
			r.note("one twice", v, req)
			req.Resources = nil
			r.note("none at all", v, req)
			r.awaitSetting("a", "retention.ms", "7000")
			r.noteSet("at the end", "a", "retention.ms")
		}},
		{"incremental-alter/broker-refused", versions, func(r *run, v int16) {
			r.note("another broker", v, changesOf(brokerResource, "4711", "log.retention.ms=5000"))
			r.note("no number", v, changesOf(brokerResource, "first", "log.retention.ms=5000"))
			for _, c := range []string{
				"log.retention.ms=x", "broker.id=7", "log.dirs=/x", "auto.create.topics.enable=true", "num.partitions=7",
				"message.max.bytes=-1", "log.retention.ms", "node.id=3", "delete.topic.enable=false", "default.replication.factor=2", "socket.request.max.bytes=100",
			} {
				r.note("this one: "+c, v, changesOf(brokerResource, r.nodeName(), c))
				r.note("all: "+c, v, changesOf(brokerResource, "", c))
			}
			r.note("nothing", v, changesOf(brokerResource, r.nodeName()))
			req := changesOf(brokerResource, r.nodeName(), "no.such.config=1")
			req.ValidateOnly = true
			r.note("a setting that is not known", v, req)
		}},
		{"incremental-alter/broker-values", versions, func(r *run, v int16) {
			for _, c := range []string{
				"log.retention.ms=0", "log.retention.ms=-1", "log.retention.ms=-2", "log.retention.ms=1", "log.retention.bytes=-2", "log.retention.bytes=0",
				"log.roll.ms=0", "log.roll.ms=1", "log.roll.jitter.ms=0", "log.roll.jitter.ms=-1", "log.segment.bytes=1048575", "log.segment.bytes=1048576",
				"log.segment.delete.delay.ms=0", "log.segment.delete.delay.ms=-1", "log.index.interval.bytes=0", "log.index.interval.bytes=-1",
				"log.index.size.max.bytes=3", "log.index.size.max.bytes=4", "message.max.bytes=0", "message.max.bytes=2147483648", "log.preallocate=TRUE", "log.preallocate=yes",
				"log.flush.interval.messages=0", "log.flush.interval.messages=1", "log.flush.interval.ms=0", "log.flush.interval.ms=-1",
				"compression.type=gzip", "compression.type=none", "compression.type=zip", "compression.gzip.level=0", "compression.gzip.level=9", "compression.lz4.level=18",
				"compression.zstd.level=23", "log.message.timestamp.type=LogAppendTime", "log.message.timestamp.type=never", "log.message.timestamp.before.max.ms=-1",
				"log.message.timestamp.after.max.ms=0", "log.cleanup.policy=delete", "log.cleanup.policy=shred", "log.cleanup.policy=", "min.insync.replicas=0", "min.insync.replicas=2",
				"unclean.leader.election.enable=maybe", "log.cleaner.min.cleanable.ratio=2", "log.cleaner.min.cleanable.ratio=0.7", "log.cleaner.delete.retention.ms=-1",
				"log.cleaner.min.compaction.lag.ms=-1", "log.cleaner.max.compaction.lag.ms=0", "log.local.retention.ms=-3", "log.local.retention.bytes=-2",
				"log.cleaner.threads=0", "log.cleaner.threads=1", "log.cleaner.threads=2", "log.cleaner.threads=3", "log.cleaner.threads=-1", "log.cleaner.backoff.ms=-1", "log.cleaner.backoff.ms=100",
				"log.cleaner.dedupe.buffer.size=1048575", "log.cleaner.dedupe.buffer.size=1048576", "log.cleaner.dedupe.buffer.size=x", "log.cleaner.io.buffer.size=-1", "log.cleaner.io.buffer.size=0",
				"log.cleaner.io.buffer.load.factor=0", "log.cleaner.io.buffer.load.factor=2", "log.cleaner.io.max.bytes.per.second=-1", "log.cleaner.io.max.bytes.per.second=0",
				"log.cleaner.io.max.bytes.per.second=1000000", "log.cleaner.enable=true",
				"max.connections=0", "max.connections=-1", "max.connections=7", "producer.id.expiration.ms=0", "producer.id.expiration.ms=1000",
				"+log.cleanup.policy=delete", "+max.connections=1", "!log.retention.ms", "!no.such.config", "!log.dirs", "!num.partitions",
			} {
				for _, name := range []string{r.nodeName(), ""} {
					req := changesOf(brokerResource, name, c)
					req.ValidateOnly = true
					r.note(c+" for "+map[bool]string{true: "all", false: "one"}[name == ""], v, req)
				}
			}
		}},
		{"incremental-alter/broker", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			look := func(label string) {
				names := []string{"log.segment.delete.delay.ms", "max.connections", "log.retention.bytes"}
				for _, c := range []struct{ label, name string }{{"this one", r.nodeName()}, {"all", ""}} {
					req := configsOf(brokerResource, c.name, names...)
					req.IncludeSynonyms = true
					r.note(label+", "+c.label, 4, req)
				}
				req := configsOf(topicResource, a, "file.delete.delay.ms", "retention.bytes")
				req.IncludeSynonyms = true
				r.note(label+", topic", 4, req)
			}
			// settle waits until the broker shows what was changed: Kafka's does not wait for itself.
			settle := func(name, setting, want string) {
				req := configsOf(brokerResource, name, setting)
				req.Version = 4
				for range 500 {
					got := ""
					for _, c := range must(ask[kmsg.DescribeConfigsResponse](r, req)).Resources[0].Configs {
						got = *c.Value
					}
					if got == want {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}
			r.note("this one", v, changesOf(brokerResource, r.nodeName(), "log.segment.delete.delay.ms=61000", "max.connections=5000"))
			settle(r.nodeName(), "max.connections", "5000")
			look("own")
			r.note("all", v, changesOf(brokerResource, "", "log.segment.delete.delay.ms=62000", "log.retention.bytes=1000000000000"))
			settle("", "log.segment.delete.delay.ms", "62000")
			look("both")
			r.note("topic", v, changesOf(topicResource, a, "file.delete.delay.ms=63000"))
			r.awaitSetting("a", "file.delete.delay.ms", "63000")
			look("all three")
			r.note("back", v, changesOf(brokerResource, r.nodeName(), "!log.segment.delete.delay.ms", "!max.connections"))
			settle(r.nodeName(), "max.connections", "2147483647")
			look("all of them")
			r.note("back for all", v, changesOf(brokerResource, "", "!log.segment.delete.delay.ms", "!log.retention.bytes"))
			settle("", "log.segment.delete.delay.ms", "")
			look("none")
		}},
	}
}

// alterConfigsScenes are about AlterConfigs, which replaces all that is set.
func alterConfigsScenes() []scene {
	versions := []int16{0, 1, 2}
	replace := func(kind kmsg.ConfigResourceType, name string, configs ...string) *kmsg.AlterConfigsRequest {
		req := kmsg.NewPtrAlterConfigsRequest()
		res := kmsg.NewAlterConfigsRequestResource()
		res.ResourceType, res.ResourceName = kind, name
		for _, c := range configs {
			cfg := kmsg.NewAlterConfigsRequestResourceConfig()
			k, v, set := strings.Cut(c, "=")
			if cfg.Name = k; set {
				cfg.Value = &v
			}
			res.Configs = append(res.Configs, cfg)
		}
		req.Resources = append(req.Resources, res)
		return req
	}
	return []scene{
		{"alter-configs/replace", versions, func(r *run, v int16) {
			a := r.topic("a", 1, "retention.ms=5000", "segment.ms=77777")
			r.note("one for two", v, replace(topicResource, a, "max.message.bytes=5000"))
			r.awaitSetting("a", "max.message.bytes", "5000")
			r.noteSet("after", "a", "retention.ms", "segment.ms", "max.message.bytes")
			r.note("nothing", v, replace(topicResource, a))
			r.awaitSetting("a", "max.message.bytes", "1048588")
			r.noteSet("nothing after", "a", "retention.ms", "segment.ms", "max.message.bytes")
		}},
		{"alter-configs/invalid", versions, func(r *run, v int16) {
			a := r.topic("a", 1, "retention.ms=5000")
			for _, c := range []string{"no.such.config=1", "retention.ms=soon", "retention.ms", "segment.bytes=5", "compression.type=zip", "=1"} {
				r.note("config "+c, v, replace(topicResource, a, c))
			}
			r.note("one of two", v, replace(topicResource, a, "retention.ms=7000", "segment.bytes=x"))
			r.note("twice", v, replace(topicResource, a, "retention.ms=1000", "retention.ms=2000"))
			r.noteSet("at the end", "a", "retention.ms", "segment.bytes")
		}},
		{"alter-configs/resources", versions, func(r *run, v int16) {
			a := r.topic("a", 1, "retention.ms=5000")
			r.note("unknown topic", v, replace(topicResource, r.name("none"), "retention.ms=1"))
			r.note("invalid topic", v, replace(topicResource, "a/b", "retention.ms=1"))
			r.note("empty topic", v, replace(topicResource, "", "retention.ms=1"))
			r.note("type 0", v, replace(0, a, "retention.ms=1"))
			r.note("type 99", v, replace(99, a, "retention.ms=1"))
			r.note("another broker", v, replace(brokerResource, "4711", "log.retention.ms=5000"))
			r.note("broker without a number", v, replace(brokerResource, "first", "log.retention.ms=5000"))
			r.note("not dynamic", v, replace(brokerResource, r.nodeName(), "log.dirs=/x"))
			req := replace(topicResource, a, "retention.ms=7000")
			req.Resources = append(req.Resources, replace(topicResource, r.name("none"), "retention.ms=1").Resources...)
			r.note("one good, one not", v, req)
			// one resource twice is not asked: Kafka never answers it
			req.Resources = nil
			r.note("none at all", v, req)
			r.awaitSetting("a", "retention.ms", "7000")
			r.noteSet("at the end", "a", "retention.ms")
		}},
		{"alter-configs/validate-only", versions, func(r *run, v int16) {
			a := r.topic("a", 1, "retention.ms=5000")
			for _, c := range []string{"segment.ms=77777", "retention.ms=x"} {
				req := replace(topicResource, a, c)
				req.ValidateOnly = true
				r.note(c, v, req)
			}
			r.noteSet("at the end", "a", "retention.ms", "segment.ms")
		}},
	}
}
