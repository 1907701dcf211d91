package server

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/store"
)

// fetchOne makes a fetch of one partition from its start, without a session.
func fetchOne(version int16, t *store.Topic, partition int32, maxBytes, maxWait int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = version, maxWait, 1, maxBytes
	req.SessionID, req.SessionEpoch = 0, -1
	req.ReplicaID = -1
	addFetch(req, t, partition, 0, maxBytes)
	return req
}

// addFetch adds a partition to a fetch.
func addFetch(req *kmsg.FetchRequest, t *store.Topic, partition int32, offset int64, maxBytes int32) *kmsg.FetchRequestTopicPartition {
	rt := kmsg.NewFetchRequestTopic()
	rt.Topic, rt.TopicID = t.Name, t.ID
	rp := kmsg.NewFetchRequestTopicPartition()
	rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = partition, offset, maxBytes
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return &req.Topics[len(req.Topics)-1].Partitions[0]
}

// listOne asks for one offset.
func listOne(topic string, partition int32, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 9, -1
	rt := kmsg.NewListOffsetsRequestTopic()
	rt.Topic = topic
	rp := kmsg.NewListOffsetsRequestTopicPartition()
	rp.Partition, rp.Timestamp, rp.MaxNumOffsets = partition, timestamp, 10
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return req
}

// sampleRequests has one valid request of each kind that is served, in its newest version.
func sampleRequests(t *store.Topic) []kmsg.Request {
	create := kmsg.NewPtrCreateTopicsRequest()
	create.Version, create.ValidateOnly, create.TimeoutMillis = 7, true, 1000
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = "created", 2, 1
	cc := kmsg.NewCreateTopicsRequestTopicConfig()
	cc.Name, cc.Value = "retention.ms", kmsg.StringPtr("1000")
	ct.Configs = append(ct.Configs, cc)
	create.Topics = append(create.Topics, ct)

	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TimeoutMillis, del.TopicNames = 6, 1000, []string{"none"}
	dt := kmsg.NewDeleteTopicsRequestTopic()
	dt.Topic = kmsg.StringPtr("none")
	del.Topics = append(del.Topics, dt)

	meta := kmsg.NewPtrMetadataRequest()
	meta.Version = 13
	mt := kmsg.NewMetadataRequestTopic()
	mt.Topic = &t.Name
	meta.Topics = append(meta.Topics, mt)

	initID := kmsg.NewPtrInitProducerIDRequest()
	initID.Version, initID.ProducerID, initID.ProducerEpoch = 5, -1, -1

	configs := kmsg.NewPtrDescribeConfigsRequest()
	configs.Version, configs.IncludeSynonyms, configs.IncludeDocumentation = 4, true, true
	cr := kmsg.NewDescribeConfigsRequestResource()
	cr.ResourceType, cr.ResourceName = kmsg.ConfigResourceTypeTopic, t.Name
	configs.Resources = append(configs.Resources, cr)

	cluster := kmsg.NewPtrDescribeClusterRequest()
	cluster.Version = 2

	return append(groupSamples(t), []kmsg.Request{
		produceTo(13, t, 0, plain("a", "b")), fetchOne(18, t, 0, 1<<20, 0), listOne(t.Name, 0, latestOffset), meta, apiVersionsRequest(5),
		create, del, initID, configs, cluster,
		deleteOne(t.Name, 0, 0), epochEndOf(t.Name, 0, 0), growTo(t.Name, 1), alterRequest(kmsg.ConfigResourceTypeTopic, t.Name, "retention.ms", "5"),
		&kmsg.AlterConfigsRequest{Version: 2, ValidateOnly: true, Resources: []kmsg.AlterConfigsRequestResource{{
			ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: t.Name, Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "segment.ms", Value: kmsg.StringPtr("7")}},
		}}},
		&kmsg.AlterReplicaLogDirsRequest{Version: 2, Dirs: []kmsg.AlterReplicaLogDirsRequestDir{{
			Dir: "/no/such", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: t.Name, Partitions: []int32{0}}},
		}}},
		&kmsg.DescribeLogDirsRequest{Version: 4, Topics: []kmsg.DescribeLogDirsRequestTopic{{Topic: t.Name, Partitions: []int32{0}}}},
		&kmsg.ElectLeadersRequest{Version: 2, Topics: []kmsg.ElectLeadersRequestTopic{{Topic: t.Name, Partitions: []int32{0}}}},
		&kmsg.AlterPartitionAssignmentsRequest{Version: 1, Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: t.Name, Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: []int32{1}}},
		}}},
		&kmsg.ListPartitionReassignmentsRequest{},
		&kmsg.DescribeQuorumRequest{Version: 2, Topics: []kmsg.DescribeQuorumRequestTopic{{
			Topic: metadataTopic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}},
		}}},
		&kmsg.UpdateFeaturesRequest{Version: 2, FeatureUpdates: []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: metadataFeature, MaxVersionLevel: metadataLevel, UpgradeType: 1}}},
		&kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: t.Name, Partitions: []int32{0}}}},
		&kmsg.ListConfigResourcesRequest{Version: 1},
		&kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: 10, Topics: []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: t.Name}}},
	}...)
}

func deleteOne(topic string, partition int32, offset int64) *kmsg.DeleteRecordsRequest {
	return &kmsg.DeleteRecordsRequest{Version: 2, TimeoutMillis: 5000, Topics: []kmsg.DeleteRecordsRequestTopic{{
		Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: partition, Offset: offset}},
	}}}
}

func epochEndOf(topic string, partition, epoch int32) *kmsg.OffsetForLeaderEpochRequest {
	return &kmsg.OffsetForLeaderEpochRequest{Version: 4, ReplicaID: -1, Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{
		Topic: topic, Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{Partition: partition, CurrentLeaderEpoch: -1, LeaderEpoch: epoch}},
	}}}
}

func growTo(topic string, count int32) *kmsg.CreatePartitionsRequest {
	return &kmsg.CreatePartitionsRequest{Version: 3, TimeoutMillis: 5000, Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: topic, Count: count}}}
}

// alterRequest sets one setting.
func alterRequest(kind kmsg.ConfigResourceType, resource, setting, value string) *kmsg.IncrementalAlterConfigsRequest {
	return &kmsg.IncrementalAlterConfigsRequest{Version: 1, Resources: []kmsg.IncrementalAlterConfigsRequestResource{{
		ResourceType: kind, ResourceName: resource, Configs: []kmsg.IncrementalAlterConfigsRequestResourceConfig{{Name: setting, Value: &value}},
	}}}
}
