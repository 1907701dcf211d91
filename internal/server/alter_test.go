package server

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Everything that is served has a sample, so that what is asked of all samples is asked of all that is served.
func TestEveryRequestHasASample(t *testing.T) {
	b := start(t, Limits{})
	have := make(map[int16]bool)
	for _, req := range sampleRequests(b.create("t", 1)) {
		have[req.Key()] = true
		if a := b.apis.find(req.Key()); a == nil || !a.serves(req.GetVersion()) {
			t.Errorf("the sample of %s has version %d", kmsg.NameForKey(req.Key()), req.GetVersion())
		}
	}
	for _, a := range newTable() {
		if !have[a.key] {
			t.Errorf("%s has no sample", kmsg.NameForKey(a.key))
		}
	}
}

// A partition that is added serves before the answer leaves; a fetch that waits goes on, and a session that has asked for the partition before gets it.
func TestCreatePartitionsWhileFetching(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p, waiter := b.dial(), b.dial()
	req := fetchOne(13, topic, 0, 1<<20, 1_000_000_000)
	req.SessionEpoch = 0
	addFetch(req, topic, 2, 0, 1<<20)
	req.MaxWaitMillis = 0
	first := ask[*kmsg.FetchResponse](waiter, req)
	if q := first.Topics[0].Partitions; len(q) != 2 || q[0].ErrorCode != 0 || name(q[1].ErrorCode) != "UNKNOWN_TOPIC_OR_PARTITION" {
		t.Fatalf("%+v", first.Topics)
	}
	other := b.dial()
	waiting := other.send(fetchOne(13, topic, 0, 1<<20, 1_000_000_000))
	b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == 2 })
	if got := ask[*kmsg.CreatePartitionsResponse](p, growTo("t", 3)).Topics[0]; got.ErrorCode != 0 || got.ErrorMessage != nil {
		t.Fatalf("%+v", got)
	}
	topic = b.store.Topic("t")
	p.put(topic, 2, 0, "in the new partition")
	p.put(topic, 0, 0, "in the old one")
	got := &kmsg.FetchResponse{Version: 13}
	other.receive(waiting, got)
	if q := got.Topics[0].Partitions[0]; len(q.RecordBatches) == 0 {
		t.Errorf("the fetch that waited got %+v", q)
	}
	next := kmsg.NewPtrFetchRequest()
	next.Version, next.MinBytes, next.MaxBytes, next.SessionID, next.SessionEpoch = 13, 1, 1<<20, first.SessionID, 1
	found := 0
	for _, rt := range ask[*kmsg.FetchResponse](waiter, next).Topics {
		for _, q := range rt.Partitions {
			if q.Partition == 2 && len(q.RecordBatches) > 0 {
				found++
			}
		}
	}
	if found != 1 {
		t.Errorf("the session got the new partition's record %d times", found)
	}
}

// A setting that was changed holds for the next batch, and for all that are told what it is.
func TestAlteredSettingsHoldAtOnce(t *testing.T) {
	b := start(t, Limits{}, "log.retention.ms=5000")
	topic := b.create("t", 1)
	p := b.dial()
	produce := func(values ...string) string {
		return name(ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, plain(values...))).Topics[0].Partitions[0].ErrorCode)
	}
	alter := func(kind kmsg.ConfigResourceType, resource, setting, value string) {
		t.Helper()
		if got := ask[*kmsg.IncrementalAlterConfigsResponse](p, alterRequest(kind, resource, setting, value)).Resources[0]; got.ErrorCode != 0 {
			t.Fatalf("%s=%s: %s, %s", setting, value, name(got.ErrorCode), *got.ErrorMessage)
		}
	}
	large := strings.Repeat("x", 1000)
	const kindTopic, kindBroker = kmsg.ConfigResourceTypeTopic, kmsg.ConfigResourceTypeBroker
	for _, c := range []struct {
		kind                     kmsg.ConfigResourceType
		resource, setting, value string
		want                     string
	}{
		{kindTopic, "t", "segment.ms", "77", "ok"},
		{kindTopic, "t", "max.message.bytes", "500", "MESSAGE_TOO_LARGE"},
		{kindTopic, "t", "max.message.bytes", "5000", "ok"},
		{kindBroker, "1", "message.max.bytes", "400", "ok"}, // the topic has its own
		{kindTopic, "t", "max.message.bytes", "!", "MESSAGE_TOO_LARGE"},
		{kindBroker, "1", "message.max.bytes", "!", "ok"},
		{kindBroker, "", "message.max.bytes", "300", "MESSAGE_TOO_LARGE"},
		{kindBroker, "1", "message.max.bytes", "6000", "ok"},
	} {
		if c.value == "!" {
			req := alterRequest(c.kind, c.resource, c.setting, "")
			req.Resources[0].Configs[0].Op, req.Resources[0].Configs[0].Value = kmsg.IncrementalAlterConfigOpDelete, nil
			if got := ask[*kmsg.IncrementalAlterConfigsResponse](p, req).Resources[0]; got.ErrorCode != 0 {
				t.Fatalf("%+v", got)
			}
		} else {
			alter(c.kind, c.resource, c.setting, c.value)
		}
		if got := produce(large); got != c.want {
			t.Errorf("after %s=%s of %q: %s, want %s", c.setting, c.value, c.resource, got, c.want)
		}
	}
	fresh := b.create("made-after", 1)
	if fresh.Settings.MaxMessageBytes != 6000 {
		t.Errorf("a topic that was made after the change takes %d bytes", fresh.Settings.MaxMessageBytes)
	}
	describe := &kmsg.DescribeConfigsRequest{Version: 4, IncludeSynonyms: true, Resources: []kmsg.DescribeConfigsRequestResource{
		{ResourceType: kindTopic, ResourceName: "t", ConfigNames: []string{"max.message.bytes"}},
		{ResourceType: kindBroker, ResourceName: "1", ConfigNames: []string{"message.max.bytes", "num.partitions"}},
		{ResourceType: kindBroker},
	}}
	var got []string
	for _, r := range ask[*kmsg.DescribeConfigsResponse](p, describe).Resources {
		for _, c := range r.Configs {
			line := fmt.Sprintf("%s: %s=%s %v read-only %v", r.ResourceName, c.Name, *c.Value, c.Source, c.ReadOnly)
			for _, y := range c.ConfigSynonyms {
				line += fmt.Sprintf(" | %s=%s %v", y.Name, *y.Value, y.Source)
			}
			got = append(got, line)
		}
	}
	want := []string{
		"t: max.message.bytes=6000 DYNAMIC_BROKER_CONFIG read-only false | message.max.bytes=6000 DYNAMIC_BROKER_CONFIG | message.max.bytes=300 DYNAMIC_DEFAULT_BROKER_CONFIG | message.max.bytes=1048588 DEFAULT_CONFIG",
		"1: message.max.bytes=6000 DYNAMIC_BROKER_CONFIG read-only false | message.max.bytes=6000 DYNAMIC_BROKER_CONFIG | message.max.bytes=300 DYNAMIC_DEFAULT_BROKER_CONFIG | message.max.bytes=1048588 DEFAULT_CONFIG",
		"1: num.partitions=1 DEFAULT_CONFIG read-only true | num.partitions=1 DEFAULT_CONFIG",
		": message.max.bytes=300 DYNAMIC_DEFAULT_BROKER_CONFIG read-only false | message.max.bytes=300 DYNAMIC_DEFAULT_BROKER_CONFIG",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The number of connections may be changed while clients are connected.
func TestMaxConnectionsWhileRunning(t *testing.T) {
	b := start(t, Limits{})
	p := b.dial()
	ask[*kmsg.IncrementalAlterConfigsResponse](p, alterRequest(kmsg.ConfigResourceTypeBroker, "1", "max.connections", "1"))
	if c, err := b.Dial(context.Background()); err == nil {
		c.Close()
		t.Error("a second connection was accepted")
	}
	ask[*kmsg.IncrementalAlterConfigsResponse](p, alterRequest(kmsg.ConfigResourceTypeBroker, "1", "max.connections", "2"))
	ask[*kmsg.ApiVersionsResponse](b.dial(), apiVersionsRequest(3))
}

// What is asked about pages of partitions gives every partition once, however small the pages are.
func TestDescribeTopicPartitionsByPages(t *testing.T) {
	b := start(t, Limits{})
	want := []string{}
	for i, n := range []int32{3, 1, 4} {
		topic := b.create(fmt.Sprintf("t%d", i), n)
		for p := range n {
			want = append(want, fmt.Sprintf("%s-%d", topic.Name, p))
		}
	}
	p := b.dial()
	for limit := int32(1); limit < 10; limit++ {
		for _, named := range []bool{false, true} {
			req := &kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: limit}
			if named {
				req.Topics = []kmsg.DescribeTopicPartitionsRequestTopic{{Topic: "t2"}, {Topic: "t0"}, {Topic: "t1"}, {Topic: "t2"}}
			}
			got, pages := []string{}, 0
			for {
				r := ask[*kmsg.DescribeTopicPartitionsResponse](p, req)
				n := 0
				for _, topic := range r.Topics {
					for _, q := range topic.Partitions {
						got = append(got, fmt.Sprintf("%s-%d", *topic.Topic, q.Partition))
						n++
					}
				}
				if pages++; n > int(limit) || pages > 10 {
					t.Fatalf("limit %d: page %d has %d partitions", limit, pages, n)
				}
				if r.NextCursor == nil {
					break
				}
				req.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{Topic: r.NextCursor.Topic, Partition: r.NextCursor.Partition}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("limit %d, topics named: %v, -want +got:\n%s", limit, named, diff)
			}
		}
	}
}

// Records that are deleted are gone for every reader, and are not in the way of the next ones.
func TestDeleteRecords(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 3)
	p := b.dial()
	p.put(topic, 0, 0, "a", "b", "c")
	p.put(topic, 1, 0, "d")
	req := deleteOne("t", 0, 2)
	req.Topics[0].Partitions = append(req.Topics[0].Partitions,
		kmsg.DeleteRecordsRequestTopicPartition{Partition: 1, Offset: toTheEnd}, kmsg.DeleteRecordsRequestTopicPartition{Partition: 2, Offset: 1}, kmsg.DeleteRecordsRequestTopicPartition{Partition: 9})
	var got []string
	for _, q := range ask[*kmsg.DeleteRecordsResponse](p, req).Topics[0].Partitions {
		got = append(got, fmt.Sprintf("%d: %s %d", q.Partition, name(q.ErrorCode), q.LowWatermark))
	}
	want := []string{"0: ok 2", "1: ok 1", "2: OFFSET_OUT_OF_RANGE -1", "9: UNKNOWN_TOPIC_OR_PARTITION -1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for offset, want := range map[int64]string{1: "OFFSET_OUT_OF_RANGE", 2: "ok"} {
		f := fetchOne(12, topic, 0, 1<<20, 0)
		f.Topics[0].Partitions[0].FetchOffset = offset
		if got := ask[*kmsg.FetchResponse](p, f).Topics[0].Partitions[0]; name(got.ErrorCode) != want {
			t.Errorf("fetch at %d: %s", offset, name(got.ErrorCode))
		}
	}
	if got := ask[*kmsg.ListOffsetsResponse](p, listOne("t", 0, earliestOffset)).Topics[0].Partitions[0]; got.Offset != 2 {
		t.Errorf("earliest is %d", got.Offset)
	}
	p.put(topic, 1, 1, "next")
	if got := ask[*kmsg.DeleteRecordsResponse](p, deleteOne("__consumer_offsets", 0, 0)).Topics[0].Partitions[0]; name(got.ErrorCode) != "UNKNOWN_TOPIC_OR_PARTITION" {
		t.Errorf("%s", name(got.ErrorCode))
	}
	b.create("__consumer_offsets", 1)
	if got := ask[*kmsg.DeleteRecordsResponse](p, deleteOne("__consumer_offsets", 0, 0)).Topics[0].Partitions[0]; name(got.ErrorCode) != "INVALID_TOPIC_EXCEPTION" {
		t.Errorf("records of an internal topic: %s", name(got.ErrorCode))
	}
}

// After a power cut took records of a topic that is not synced, clients that have read them find that out: a fetch says where what they have ends, and so does
// the request that asks for it.
func TestTruncationIsFoundAfterAnUncleanStart(t *testing.T) {
	mem := vfs.NewMem()
	b := startOn(t, mem, Limits{})
	topic := b.create("t", 1, "flush.messages=9223372036854775807", "flush.ms=9223372036854775807")
	p := b.dial()
	p.put(topic, 0, 0, "a", "b")
	b.create("behind", 1) // whose creation syncs all before it
	kept := mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	p.put(topic, 0, 2, "c", "d", "e")
	if got := ask[*kmsg.OffsetForLeaderEpochResponse](p, epochEndOf("t", 0, 0)).Topics[0].Partitions[0]; got.EndOffset != 5 || got.LeaderEpoch != 0 {
		t.Errorf("before the power cut: %+v", got)
	}
	b = startOn(t, kept, Limits{})
	p = b.dial()
	topic = b.store.Topic("t")
	p.put(topic, 0, 2, "x")
	for _, c := range []struct {
		epoch, wantEpoch int32
		want             int64
	}{{0, 0, 2}, {1, 1, 3}, {2, -1, -1}, {-1, -1, -1}} {
		if got := ask[*kmsg.OffsetForLeaderEpochResponse](p, epochEndOf("t", 0, c.epoch)).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.LeaderEpoch != c.wantEpoch || got.EndOffset != c.want {
			t.Errorf("end of epoch %d: %+v", c.epoch, got)
		}
	}
	for _, c := range []struct {
		offset, diverging int64
		last              int32
	}{{5, 2, 0}, {3, 2, 0}, {2, -1, 0}, {3, -1, 1}} {
		f := fetchOne(12, topic, 0, 1<<20, 0)
		q := &f.Topics[0].Partitions[0]
		q.FetchOffset, q.LastFetchedEpoch, q.CurrentLeaderEpoch = c.offset, c.last, 1
		got := ask[*kmsg.FetchResponse](p, f).Topics[0].Partitions[0]
		if got.ErrorCode != 0 || got.DivergingEpoch.EndOffset != c.diverging {
			t.Errorf("fetch at %d after epoch %d: %s, diverging at %+v", c.offset, c.last, name(got.ErrorCode), got.DivergingEpoch)
		}
	}
	f := fetchOne(12, topic, 0, 1<<20, 0)
	f.Topics[0].Partitions[0].CurrentLeaderEpoch = 0
	if got := ask[*kmsg.FetchResponse](p, f).Topics[0].Partitions[0]; name(got.ErrorCode) != "FENCED_LEADER_EPOCH" {
		t.Errorf("a client that knows only the epoch before: %s", name(got.ErrorCode))
	}
	for timestamp, want := range map[int64]int32{earliestOffset: 0, latestOffset: 1, testTime.UnixMilli(): 0, maxTimestampOffset: 0} {
		if got := ask[*kmsg.ListOffsetsResponse](p, listOne("t", 0, timestamp)).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.LeaderEpoch != want {
			t.Errorf("timestamp %d: %+v, want epoch %d", timestamp, got, want)
		}
	}
}

// A consumer that has read what a power cut took is told so by franz-go, and is not moved in silence.
func TestClientsLearnOfTruncation(t *testing.T) {
	mem := vfs.NewMem()
	b := startOn(t, mem, Limits{})
	topic := b.create("t", 1, "flush.messages=9223372036854775807", "flush.ms=9223372036854775807")
	b.dial().put(topic, 0, 0, "a", "b")
	b.create("behind", 1)
	kept := mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	b = startOn(t, kept, Limits{})
	b.dial().put(b.store.Topic("t"), 0, 2, "x")
	c := b.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().At(5).WithEpoch(0)}}), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	fs := c.PollFetches(context.Background())
	var lost *kgo.ErrDataLoss
	found := false
	for _, e := range fs.Errors() {
		if ok := asLoss(e.Err, &lost); ok && lost.ResetTo == 2 && lost.ConsumedTo == 5 {
			found = true
		}
	}
	if !found {
		t.Errorf("errors %v, records %d", fs.Errors(), fs.NumRecords())
	}
}

func asLoss(err error, to **kgo.ErrDataLoss) bool {
	l, ok := err.(*kgo.ErrDataLoss)
	*to = l
	return ok
}

// Producers that a partition knows are shown with their last sequence.
func TestDescribeProducers(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	o := batch.NoProducer()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = 7, 2, 0
	ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, records(o, "a", "b")))
	got := ask[*kmsg.DescribeProducersResponse](p, &kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: "t", Partitions: []int32{0}}}}).Topics[0].Partitions[0]
	if len(got.ActiveProducers) != 1 {
		t.Fatalf("%+v", got)
	}
	if a := got.ActiveProducers[0]; a.ProducerID != 7 || a.ProducerEpoch != 2 || a.LastSequence != 1 || a.LastTimestamp != testTime.UnixMilli() || a.CurrentTxnStartOffset != -1 {
		t.Errorf("%+v", a)
	}
}

// What a cluster of one node answers about replicas, directories, features and itself.
func TestAnswersOfOneNode(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p := b.dial()
	p.put(topic, 1, 0, "record")
	dir := b.logDir()
	got := make(map[string]string)

	moves := &kmsg.AlterReplicaLogDirsRequest{Version: 2, Dirs: []kmsg.AlterReplicaLogDirsRequestDir{
		{Dir: dir, Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "t", Partitions: []int32{0, 0, 9}}, {Topic: "none", Partitions: []int32{0}}}},
		{Dir: "/elsewhere", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "t", Partitions: []int32{1}}}},
	}}
	for _, rt := range ask[*kmsg.AlterReplicaLogDirsResponse](p, moves).Topics {
		for _, q := range rt.Partitions {
			got[fmt.Sprintf("move %s-%d", rt.Topic, q.Partition)] += name(q.ErrorCode)
		}
	}
	for _, d := range ask[*kmsg.DescribeLogDirsResponse](p, &kmsg.DescribeLogDirsRequest{Version: 4}).Dirs {
		for _, rt := range d.Topics {
			for _, q := range rt.Partitions {
				got[fmt.Sprintf("size %s-%d", rt.Topic, q.Partition)] = fmt.Sprint(q.Size > 0)
			}
		}
		got["directory"] = fmt.Sprint(d.Dir == dir && d.TotalBytes >= d.UsableBytes)
	}
	elect := &kmsg.ElectLeadersRequest{Version: 2, Topics: []kmsg.ElectLeadersRequestTopic{{Topic: "t", Partitions: []int32{0, 9}}}}
	for _, q := range ask[*kmsg.ElectLeadersResponse](p, elect).Topics[0].Partitions {
		got[fmt.Sprintf("elect %d", q.Partition)] = name(q.ErrorCode)
	}
	elect.ElectionType = 5
	got["elect in no known way"] = name(ask[*kmsg.ElectLeadersResponse](p, elect).ErrorCode)
	for label, replicas := range map[string][]int32{"here": {1}, "nowhere": {}, "elsewhere": {2}, "twice": {1, 1}, "back": nil} {
		req := &kmsg.AlterPartitionAssignmentsRequest{Version: 1, Topics: []kmsg.AlterPartitionAssignmentsRequestTopic{{
			Topic: "t", Partitions: []kmsg.AlterPartitionAssignmentsRequestTopicPartition{{Replicas: replicas}},
		}}}
		got["assign "+label] = name(ask[*kmsg.AlterPartitionAssignmentsResponse](p, req).Topics[0].Partitions[0].ErrorCode)
	}
	got["reassignments"] = fmt.Sprint(len(ask[*kmsg.ListPartitionReassignmentsResponse](p, &kmsg.ListPartitionReassignmentsRequest{}).Topics))
	quorum := &kmsg.DescribeQuorumRequest{Version: 2, Topics: []kmsg.DescribeQuorumRequestTopic{{
		Topic: metadataTopic, Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}},
	}}}
	q := ask[*kmsg.DescribeQuorumResponse](p, quorum)
	if v := q.Topics[0].Partitions[0]; len(v.CurrentVoters) == 1 && len(q.Nodes) == 1 {
		got["quorum"] = fmt.Sprintf("%s leader %d voter %d", name(v.ErrorCode), v.LeaderID, v.CurrentVoters[0].ReplicaID)
	}
	quorum.Topics[0].Topic = "t"
	got["quorum of a topic"] = name(ask[*kmsg.DescribeQuorumResponse](p, quorum).Topics[0].Partitions[0].ErrorCode)
	for label, u := range map[string]kmsg.UpdateFeaturesRequestFeatureUpdate{
		"same": {Feature: metadataFeature, MaxVersionLevel: metadataLevel, UpgradeType: 1}, "lower": {Feature: metadataFeature, MaxVersionLevel: metadataLevel - 1, UpgradeType: 2},
		"unknown": {Feature: "no.such", MaxVersionLevel: 1, UpgradeType: 1}, "in no known way": {Feature: metadataFeature, MaxVersionLevel: metadataLevel},
	} {
		req := &kmsg.UpdateFeaturesRequest{Version: 2, FeatureUpdates: []kmsg.UpdateFeaturesRequestFeatureUpdate{u}}
		got["feature "+label] = name(ask[*kmsg.UpdateFeaturesResponse](p, req).ErrorCode)
	}
	for label, types := range map[string][]int8{"all": nil, "topics": {2}, "metrics and groups": {16, 32}, "unknown": {2, 99}} {
		r := ask[*kmsg.ListConfigResourcesResponse](p, &kmsg.ListConfigResourcesRequest{Version: 1, ResourceTypes: types})
		var list []string
		for _, c := range r.ConfigResources {
			list = append(list, fmt.Sprintf("%d:%s", c.Type, c.Name))
		}
		got["resources "+label] = name(r.ErrorCode) + " " + strings.Join(list, " ")
	}
	for label, c := range map[string]struct {
		kind kmsg.ConfigResourceType
		name string
	}{"of no kind": {0, "t"}, "of metrics": {16, "m"}, "of a logger": {8, "1"}, "of no topic": {2, "none"}, "of all topics": {2, ""}, "of another broker": {4, "2"}} {
		got["alter "+label] = name(ask[*kmsg.IncrementalAlterConfigsResponse](p, alterRequest(c.kind, c.name, "retention.ms", "5")).Resources[0].ErrorCode)
		replace := &kmsg.AlterConfigsRequest{Version: 2, Resources: []kmsg.AlterConfigsRequestResource{{
			ResourceType: c.kind, ResourceName: c.name, Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: "retention.ms", Value: kmsg.StringPtr("5")}},
		}}}
		if again := name(ask[*kmsg.AlterConfigsResponse](p, replace).Resources[0].ErrorCode); again != got["alter "+label] {
			t.Errorf("replace %s: %s, alter: %s", label, again, got["alter "+label])
		}
	}
	twice := alterRequest(kmsg.ConfigResourceTypeTopic, "t", "retention.ms", "5")
	twice.Resources = append(twice.Resources, twice.Resources[0])
	for _, r := range ask[*kmsg.IncrementalAlterConfigsResponse](p, twice).Resources {
		got["alter one twice"] += name(r.ErrorCode) + " "
	}
	want := map[string]string{
		"move t-0": "ok", "move t-9": "UNKNOWN_TOPIC_OR_PARTITION", "move none-0": "UNKNOWN_TOPIC_OR_PARTITION", "move t-1": "LOG_DIR_NOT_FOUND",
		"size t-0": "false", "size t-1": "true", "directory": "true",
		"elect 0": "ELECTION_NOT_NEEDED", "elect 9": "UNKNOWN_TOPIC_OR_PARTITION", "elect in no known way": "INVALID_REQUEST",
		"assign here": "ok", "assign nowhere": "INVALID_REPLICA_ASSIGNMENT", "assign elsewhere": "INVALID_REPLICA_ASSIGNMENT", "assign twice": "INVALID_REPLICA_ASSIGNMENT",
		"assign back": "NO_REASSIGNMENT_IN_PROGRESS", "reassignments": "0", "quorum": "ok leader 1 voter 1", "quorum of a topic": "UNKNOWN_TOPIC_OR_PARTITION",
		"feature same": "ok", "feature lower": "INVALID_UPDATE_VERSION", "feature unknown": "INVALID_UPDATE_VERSION", "feature in no known way": "INVALID_UPDATE_VERSION",
		"resources all": "ok 2:t 4:1 8:1", "resources topics": "ok 2:t", "resources metrics and groups": "ok ", "resources unknown": "UNSUPPORTED_VERSION ",
		"alter of no kind": "INVALID_REQUEST", "alter of metrics": "INVALID_REQUEST", "alter of a logger": "INVALID_CONFIG", "alter of no topic": "UNKNOWN_TOPIC_OR_PARTITION",
		"alter of all topics": "INVALID_REQUEST", "alter of another broker": "INVALID_REQUEST", "alter one twice": "INVALID_REQUEST INVALID_REQUEST ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A request that names a great many partitions, over and over, is answered in a time that grows with it, not with its square.
func TestManyPartitionsInOneRequest(t *testing.T) {
	const n = 50_000
	b := start(t, Limits{})
	b.create("t", 1)
	p := b.dial()
	del := deleteOne("t", 0, 0)
	numbers := make([]int32, n)
	for i := range numbers {
		numbers[i] = int32(i)
	}
	numbers[n-1], numbers[n-2] = math.MinInt32, -1
	del.Topics[0].Partitions = make([]kmsg.DeleteRecordsRequestTopicPartition, n)
	for i := range n {
		del.Topics[0].Partitions[i].Partition = numbers[i]
	}
	if got := ask[*kmsg.DeleteRecordsResponse](p, del); len(got.Topics[0].Partitions) != n {
		t.Errorf("%d partitions", len(got.Topics[0].Partitions))
	}
	sizes := &kmsg.DescribeLogDirsRequest{Version: 4, Topics: []kmsg.DescribeLogDirsRequestTopic{{Topic: "t", Partitions: numbers}}}
	if got := ask[*kmsg.DescribeLogDirsResponse](p, sizes); len(got.Dirs[0].Topics[0].Partitions) != 1 {
		t.Errorf("%+v", got.Dirs[0].Topics)
	}
	move := &kmsg.AlterReplicaLogDirsRequest{Version: 2, Dirs: []kmsg.AlterReplicaLogDirsRequestDir{{
		Dir: "/x", Topics: []kmsg.AlterReplicaLogDirsRequestDirTopic{{Topic: "t", Partitions: numbers}},
	}}}
	if got := ask[*kmsg.AlterReplicaLogDirsResponse](p, move); len(got.Topics[0].Partitions) != n {
		t.Errorf("%d partitions", len(got.Topics[0].Partitions))
	}
}
