package compat

import "github.com/twmb/franz-go/pkg/kmsg"

// clusterScenes are about what belongs to the cluster as a whole: DescribeQuorum, UpdateFeatures, ListConfigResources and the features of ApiVersions.
func clusterScenes() []scene {
	quorum := func(topic string, partition int32) *kmsg.DescribeQuorumRequest {
		req := kmsg.NewPtrDescribeQuorumRequest()
		t := kmsg.NewDescribeQuorumRequestTopic()
		t.Topic = topic
		t.Partitions = append(t.Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: partition})
		req.Topics = append(req.Topics, t)
		return req
	}
	update := func(feature string, level int16, kind int8) *kmsg.UpdateFeaturesRequest {
		req := kmsg.NewPtrUpdateFeaturesRequest()
		req.TimeoutMillis, req.ValidateOnly = 10_000, true
		req.FeatureUpdates = append(req.FeatureUpdates, kmsg.UpdateFeaturesRequestFeatureUpdate{Feature: feature, MaxVersionLevel: level, UpgradeType: kind, AllowDowngrade: kind > 1})
		return req
	}
	const metadata = "__cluster_metadata"
	return []scene{
		{"describe-quorum", []int16{0, 1, 2}, func(r *run, v int16) {
			note := func(label string, req *kmsg.DescribeQuorumRequest) {
				r.note(label, v, req)
				for _, f := range []string{"LogEndOffset", "HighWatermark"} {
					r.blur(label, f, "an offset")
				}
				for _, f := range []string{"Timestamp"} {
					r.blur(label, f, "a time")
				}
				for _, f := range []string{"ReplicaDirectoryID", ".Port", ".Host", "LeaderEpoch", "Listeners.len", ".Name"} {
					r.blur(label, f, "its own")
				}
			}
			note("metadata", quorum(metadata, 0))
			note("another partition", quorum(metadata, 1))
			note("another topic", quorum(r.name("none"), 0))
			a := r.topic("a", 1)
			note("an ordinary topic", quorum(a, 0))
			req := quorum(metadata, 0)
			req.Topics[0].Partitions = append(req.Topics[0].Partitions, kmsg.DescribeQuorumRequestTopicPartition{Partition: 1})
			note("two partitions", req)
			req = quorum(metadata, 0)
			req.Topics = append(req.Topics, quorum(a, 0).Topics[0])
			note("two topics", req)
			req.Topics = nil
			note("nothing", req)
		}},
		{"update-features", []int16{0, 1, 2}, func(r *run, v int16) {
			if v == 0 { // which has no validation only, so nothing may be asked that Kafka would do
				r.note("unknown", v, update("no.such.feature", 1, 1))
				return
			}
			r.note("unknown", v, update("no.such.feature", 1, 1))
			r.note("unknown to 0", v, update("no.such.feature", 0, 2))
			r.note("metadata, the same", v, update("metadata.version", 29, 1))
			r.note("metadata, too high", v, update("metadata.version", 99, 1))
			r.note("metadata, lower as an upgrade", v, update("metadata.version", 28, 1))
			r.note("metadata, too low", v, update("metadata.version", 1, 2))
			r.note("no kind", v, update("metadata.version", 29, 0))
			r.note("bad kind", v, update("metadata.version", 29, 9))
			r.note("negative", v, update("metadata.version", -1, 1))
			r.note("empty name", v, update("", 1, 1))
			req := update("metadata.version", 29, 1)
			req.FeatureUpdates = append(req.FeatureUpdates, update("no.such.feature", 1, 1).FeatureUpdates...)
			r.note("two", v, req)
			req = update("metadata.version", 29, 1)
			req.FeatureUpdates = append(req.FeatureUpdates, req.FeatureUpdates[0])
			r.note("twice", v, req)
			req.FeatureUpdates = nil
			r.note("none", v, req)
		}},
		{"list-config-resources", []int16{0, 1}, func(r *run, v int16) {
			a := r.topic("a", 1)
			ask := func(label string, types ...int8) {
				req := kmsg.NewPtrListConfigResourcesRequest()
				req.ResourceTypes = types
				req.SetVersion(v)
				resp, ok := r.note(label, v, req).(*kmsg.ListConfigResourcesResponse)
				if !ok {
					return
				}
				r.keepErrorOnly(label, resp.ErrorCode) // there are others' topics
				for _, c := range resp.ConfigResources {
					switch {
					case c.Name == a:
						r.out[label+" the topic"] = string(rune('0' + c.Type))
					case c.Type == 4 && c.Name == r.nodeName():
						r.out[label+" the broker"] = "listed"
					case c.Type == 8:
						r.out[label+" the broker's loggers "+r.text("ResourceName", c.Name)] = "listed"
					}
				}
			}
			ask("default")
			if v >= 1 {
				ask("topics", 2)
				ask("brokers", 4)
				ask("loggers", 8)
				ask("metrics", 16)
				ask("groups", 32)
				ask("topics and brokers", 2, 4)
				ask("topics twice", 2, 2)
				ask("type 0", 0)
				ask("type 99", 99)
				ask("a good one and a bad one", 2, 99)
			}
		}},
		{"api-versions/features", []int16{3, 4}, func(r *run, v int16) {
			req := kmsg.NewPtrApiVersionsRequest()
			req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = v, "compat", "1.0"
			resp := must(ask[kmsg.ApiVersionsResponse](r, req))
			for _, f := range resp.FinalizedFeatures {
				if f.Name == "metadata.version" {
					r.noteFields("metadata.version", &kmsg.ApiVersionsResponse{Version: v, FinalizedFeatures: []kmsg.ApiVersionsResponseFinalizedFeature{f}})
				}
			}
			for _, f := range resp.SupportedFeatures {
				if f.Name == "metadata.version" {
					r.noteFields("supported", &kmsg.ApiVersionsResponse{Version: v, SupportedFeatures: []kmsg.ApiVersionsResponseSupportedFeature{f}})
				}
			}
			r.out["epoch"] = "none"
			if resp.FinalizedFeaturesEpoch >= 0 {
				r.out["epoch"] = "one"
			}
		}},
	}
}
