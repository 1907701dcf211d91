package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// configsOf makes a DescribeConfigs request for one resource; without names it asks for all.
func configsOf(kind kmsg.ConfigResourceType, name string, configs ...string) *kmsg.DescribeConfigsRequest {
	req := kmsg.NewPtrDescribeConfigsRequest()
	res := kmsg.NewDescribeConfigsRequestResource()
	res.ResourceType, res.ResourceName, res.ConfigNames = kind, name, configs
	req.Resources = append(req.Resources, res)
	return req
}

// describeScenes are about DescribeConfigs and DescribeCluster.
func describeScenes() []scene {
	versions := []int16{1, 2, 3, 4}
	const topic, broker = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	return []scene{
		{"describe-configs/topic", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.note("all", v, configsOf(topic, a))
			b := r.topic("b", 1, "retention.ms=1000", "compression.type=gzip")
			r.note("set", v, configsOf(topic, b, "retention.ms", "compression.type"))
			req := configsOf(topic, b, "retention.ms", "compression.type", "max.message.bytes", "flush.ms")
			req.IncludeSynonyms = true
			r.note("synonyms", v, req)
			req = configsOf(topic, b, "retention.ms")
			req.IncludeDocumentation = true
			r.note("documentation", v, req)
		}},
		{"describe-configs/filter", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.note("one", v, configsOf(topic, a, "retention.ms"))
			r.note("unknown", v, configsOf(topic, a, "no.such.config"))
			r.note("both", v, configsOf(topic, a, "retention.ms", "no.such.config"))
			req := configsOf(topic, a)
			req.Resources[0].ConfigNames = []string{}
			r.note("empty list", v, req)
			r.note("twice", v, configsOf(topic, a, "retention.ms", "retention.ms"))
		}},
		{"describe-configs/unknown", versions, func(r *run, v int16) {
			a := r.topic("a", 1)
			r.note("topic", v, configsOf(topic, r.name("none")))
			r.note("invalid topic", v, configsOf(topic, "a/b"))
			r.note("empty topic", v, configsOf(topic, ""))
			r.note("another broker", v, configsOf(broker, "4711", "log.retention.ms"))
			r.note("broker without a number", v, configsOf(broker, "first", "log.retention.ms"))
			r.note("type 0", v, configsOf(0, "a"))
			r.note("type 99", v, configsOf(99, "a"))
			req := configsOf(topic, a, "retention.ms")
			req.Resources = append(req.Resources, configsOf(topic, r.name("none")).Resources...)
			r.note("mixed", v, req)
			req = configsOf(topic, a, "retention.ms")
			req.Resources = append(req.Resources, req.Resources[0])
			r.note("resource twice", v, req)
			req.Resources = nil
			r.note("nothing", v, req)
		}},
		{"describe-configs/broker", versions, func(r *run, v int16) {
			keys := []string{"message.max.bytes", "auto.create.topics.enable", "log.message.timestamp.type", "compression.type", "no.such.config"}
			r.note("this one", v, configsOf(broker, r.nodeName(), keys...))
			r.note("defaults of all", v, configsOf(broker, "", keys...))
		}},
		{"describe-configs/broker-dynamic", versions, func(r *run, v int16) {
			req := configsOf(broker, r.nodeName(),
				"compression.gzip.level", "compression.lz4.level", "compression.type", "compression.zstd.level", "log.cleaner.delete.retention.ms",
				"log.cleaner.max.compaction.lag.ms", "log.cleaner.min.cleanable.ratio", "log.cleaner.min.compaction.lag.ms", "log.cleanup.policy",
				"log.index.interval.bytes", "log.index.size.max.bytes", "log.local.retention.bytes", "log.local.retention.ms", "log.message.timestamp.after.max.ms",
				"log.message.timestamp.before.max.ms", "log.message.timestamp.type", "log.preallocate", "log.retention.bytes", "log.retention.ms", "log.roll.jitter.ms", "log.roll.ms",
				"log.segment.bytes", "log.segment.delete.delay.ms", "max.connections", "message.max.bytes", "producer.id.expiration.ms",
				"connections.max.idle.ms", "delete.topic.enable", "fetch.max.bytes", "log.retention.minutes", "log.roll.hours", "log.roll.jitter.hours", "log.retention.check.interval.ms",
				"max.incremental.fetch.session.cache.slots", "num.partitions", "socket.request.max.bytes")
			req.IncludeSynonyms, req.IncludeDocumentation = true, true
			r.note("known to both", v, req)
		}},
		{"describe-cluster", []int16{0, 1, 2}, func(r *run, v int16) {
			r.note("plain", v, kmsg.NewPtrDescribeClusterRequest())
			req := kmsg.NewPtrDescribeClusterRequest()
			req.IncludeClusterAuthorizedOperations = true
			r.note("operations", v, req)
			for _, kind := range []int8{0, 2, 3} {
				if v >= 1 {
					req := kmsg.NewPtrDescribeClusterRequest()
					req.EndpointType = kind
					r.note("endpoint type "+string('0'+rune(kind)), v, req)
				}
			}
			req = kmsg.NewPtrDescribeClusterRequest()
			req.IncludeFencedBrokers = true
			r.note("fenced ones too", v, req)
		}},
	}
}
