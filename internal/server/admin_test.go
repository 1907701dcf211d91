package server

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
)

func name(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kerr.ErrorForCode(code).(*kerr.Error).Message
}

func metadataRequest(version int16, names ...string) *kmsg.MetadataRequest {
	req := kmsg.NewPtrMetadataRequest()
	req.Version = version
	for _, n := range names {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &n
		req.Topics = append(req.Topics, t)
	}
	return req
}

// Metadata names all topics when none is asked for, says where they are, and who we are.
func TestMetadata(t *testing.T) {
	b := start(t, Limits{})
	b.create("a", 2)
	topic := b.create("b", 1)
	p := b.dial()
	all := ask[*kmsg.MetadataResponse](p, metadataRequest(8))
	if len(all.Topics) != 2 || *all.Topics[0].Topic != "a" || len(all.Topics[0].Partitions) != 2 || len(all.Brokers) != 1 || *all.ClusterID != b.store.ClusterID() {
		t.Fatalf("got %+v", all)
	}
	if x := all.Topics[0].Partitions[1]; x.Partition != 1 || x.Leader != all.ControllerID || len(x.ISR) != 1 || x.LeaderEpoch != 0 {
		t.Errorf("partition %+v", x)
	}
	none := metadataRequest(8)
	none.Topics = []kmsg.MetadataRequestTopic{}
	if got := ask[*kmsg.MetadataResponse](p, none); len(got.Topics) != 0 {
		t.Errorf("an empty list names %d topics", len(got.Topics))
	}
	none.Version = 0
	if got := ask[*kmsg.MetadataResponse](p, none); len(got.Topics) != 2 {
		t.Errorf("an empty list in version 0 names %d topics", len(got.Topics))
	}
	byID := metadataRequest(12)
	x := kmsg.NewMetadataRequestTopic()
	x.TopicID = topic.ID
	byID.Topics = append(byID.Topics, x, kmsg.MetadataRequestTopic{TopicID: [16]byte{1, 2, 3}})
	got := ask[*kmsg.MetadataResponse](p, byID)
	if *got.Topics[0].Topic != "b" || got.Topics[0].ErrorCode != 0 || got.Topics[1].Topic != nil || got.Topics[1].ErrorCode != kerr.UnknownTopicID.Code {
		t.Errorf("by id: %+v", got.Topics)
	}
}

// A topic is made on demand when broker and client agree, and serves when the answer is there.
func TestMetadataCreatesTopics(t *testing.T) {
	for _, c := range []struct {
		setting string
		version int16
		allow   bool
		topic   string
		want    string
	}{
		{"auto.create.topics.enable=true", 12, true, "new", "ok"},
		{"auto.create.topics.enable=true", 12, false, "new", "UNKNOWN_TOPIC_OR_PARTITION"},
		{"auto.create.topics.enable=true", 3, false, "new", "ok"},
		{"auto.create.topics.enable=false", 12, true, "new", "UNKNOWN_TOPIC_OR_PARTITION"},
		{"auto.create.topics.enable=true", 12, true, "not valid", "INVALID_TOPIC_EXCEPTION"},
		{"auto.create.topics.enable=true", 12, true, "__consumer_offsets", "UNKNOWN_TOPIC_OR_PARTITION"},
	} {
		b := start(t, Limits{}, c.setting, "num.partitions=3")
		p := b.dial()
		req := metadataRequest(c.version, c.topic)
		req.AllowAutoTopicCreation = c.allow
		got := ask[*kmsg.MetadataResponse](p, req).Topics[0]
		if name(got.ErrorCode) != c.want {
			t.Errorf("%+v: %s", c, name(got.ErrorCode))
		}
		if c.want == "ok" {
			if len(got.Partitions) != 3 {
				t.Errorf("%+v: %d partitions", c, len(got.Partitions))
			}
			p.put(b.store.Topic(c.topic), 2, 0, "v")
		}
	}
}

// Operations are listed for those who ask: all of them.
func TestMetadataAuthorizedOperations(t *testing.T) {
	b := start(t, Limits{})
	b.create("t", 1)
	req := metadataRequest(8)
	req.IncludeClusterAuthorizedOperations, req.IncludeTopicAuthorizedOperations = true, true
	if got := ask[*kmsg.MetadataResponse](b.dial(), req); got.AuthorizedOperations != 8096 || got.Topics[0].AuthorizedOperations != 3576 {
		t.Errorf("cluster %d, topic %d", got.AuthorizedOperations, got.Topics[0].AuthorizedOperations)
	}
}

func createRequest(version int16, names ...string) *kmsg.CreateTopicsRequest {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = version, 5000
	for _, n := range names {
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = n, 1, 1
		req.Topics = append(req.Topics, t)
	}
	return req
}

func TestCreateTopics(t *testing.T) {
	b := start(t, Limits{})
	b.create("there", 1)
	p := b.dial()
	req := createRequest(7, "new", "there", "no name", "__cluster_metadata", "twice", "twice", "replicated", "badly-set", "assigned")
	find := func(n string) *kmsg.CreateTopicsRequestTopic {
		return &req.Topics[slices.IndexFunc(req.Topics, func(t kmsg.CreateTopicsRequestTopic) bool { return t.Topic == n })]
	}
	find("new").NumPartitions = 4
	find("new").Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms", Value: kmsg.StringPtr("7")}}
	find("replicated").ReplicationFactor = 3
	find("badly-set").Configs = []kmsg.CreateTopicsRequestTopicConfig{{Name: "retention.ms", Value: kmsg.StringPtr("soon")}}
	find("assigned").NumPartitions, find("assigned").ReplicationFactor = -1, -1
	find("assigned").ReplicaAssignment = []kmsg.CreateTopicsRequestTopicReplicaAssignment{{Partition: 0, Replicas: []int32{1}}, {Partition: 1, Replicas: []int32{1}}}
	got := make(map[string]string)
	resp := ask[*kmsg.CreateTopicsResponse](p, req)
	for _, t := range resp.Topics {
		got[t.Topic] += name(t.ErrorCode)
	}
	want := map[string]string{
		"new": "ok", "there": "TOPIC_ALREADY_EXISTS", "no name": "INVALID_TOPIC_EXCEPTION", "__cluster_metadata": "INVALID_REQUEST", "twice": "INVALID_REQUEST",
		"replicated": "INVALID_REPLICATION_FACTOR", "badly-set": "INVALID_CONFIG", "assigned": "ok",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	made := resp.Topics[0]
	if made.TopicID != b.store.Topic("new").ID || made.NumPartitions != 4 || made.ReplicationFactor != 1 {
		t.Errorf("made %+v", made)
	}
	i := slices.IndexFunc(made.Configs, func(c kmsg.CreateTopicsResponseTopicConfig) bool { return c.Name == "retention.ms" })
	if c := made.Configs[i]; *c.Value != "7" || c.Source != int8(catalog.FromTopic) || len(made.Configs) != len(catalog.TopicSettings()) {
		t.Errorf("%d settings, %+v", len(made.Configs), c)
	}
	p.put(b.store.Topic("new"), 3, 0, "it serves")
	check := createRequest(4, "only-checked", "there")
	check.ValidateOnly = true
	codes := ask[*kmsg.CreateTopicsResponse](p, check).Topics
	if codes[0].ErrorCode != 0 || name(codes[1].ErrorCode) != "TOPIC_ALREADY_EXISTS" || b.store.Topic("only-checked") != nil {
		t.Errorf("validate_only: %+v", codes)
	}
}

func TestDeleteTopics(t *testing.T) {
	b := start(t, Limits{})
	byName, byID := b.create("by-name", 1), b.create("by-id", 1)
	b.create("stays", 1)
	p := b.dial()
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TimeoutMillis = 6, 5000
	both := "stays"
	req.Topics = []kmsg.DeleteTopicsRequestTopic{
		{Topic: &byName.Name}, {TopicID: byID.ID}, {Topic: kmsg.StringPtr("none")}, {TopicID: [16]byte{7}}, {}, {Topic: &both, TopicID: byID.ID},
	}
	var got []string
	for _, t := range ask[*kmsg.DeleteTopicsResponse](p, req).Topics {
		n := "-"
		if t.Topic != nil {
			n = *t.Topic
		}
		got = append(got, n+" "+name(t.ErrorCode))
	}
	want := []string{"by-name ok", "by-id ok", "none UNKNOWN_TOPIC_OR_PARTITION", "- UNKNOWN_TOPIC_ID", "- INVALID_REQUEST", "stays INVALID_REQUEST"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	old := &kmsg.DeleteTopicsRequest{Version: 3, TimeoutMillis: 5000, TopicNames: []string{"stays", "stays"}}
	if r := ask[*kmsg.DeleteTopicsResponse](p, old); len(r.Topics) != 1 || name(r.Topics[0].ErrorCode) != "INVALID_REQUEST" || b.store.Topic("stays") == nil {
		t.Errorf("named twice: %+v", r.Topics)
	}
	stays := "stays"
	twice := &kmsg.DeleteTopicsRequest{Version: 6, TimeoutMillis: 5000, Topics: []kmsg.DeleteTopicsRequestTopic{{TopicID: b.store.Topic(stays).ID}, {Topic: &stays}}}
	if r := ask[*kmsg.DeleteTopicsResponse](p, twice); len(r.Topics) != 1 || name(r.Topics[0].ErrorCode) != "INVALID_REQUEST" || b.store.Topic(stays) == nil {
		t.Errorf("named by id and by name: %+v", r.Topics)
	}
	off := start(t, Limits{}, "delete.topic.enable=false")
	off.create("stays", 1)
	for version, want := range map[int16]string{1: "INVALID_REQUEST", 3: "TOPIC_DELETION_DISABLED"} {
		old := &kmsg.DeleteTopicsRequest{Version: version, TopicNames: []string{"stays"}}
		if r := ask[*kmsg.DeleteTopicsResponse](off.dial(), old); name(r.Topics[0].ErrorCode) != want {
			t.Errorf("disabled, version %d: %s", version, name(r.Topics[0].ErrorCode))
		}
	}
}

// Producer ids are never given twice; transactions are refused with an error that ends a client's tries.
func TestInitProducerID(t *testing.T) {
	b := start(t, Limits{})
	p := b.dial()
	ids := make(map[int64]bool)
	for range 2500 {
		r := ask[*kmsg.InitProducerIDResponse](p, &kmsg.InitProducerIDRequest{Version: 3, ProducerID: -1, ProducerEpoch: -1})
		if r.ErrorCode != 0 || ids[r.ProducerID] {
			t.Fatalf("id %d, code %d", r.ProducerID, r.ErrorCode)
		}
		ids[r.ProducerID] = true
	}
	for _, c := range []struct {
		id    *string
		epoch int16
		want  string
	}{{kmsg.StringPtr("tx"), -1, "UNSUPPORTED_VERSION"}, {kmsg.StringPtr(""), -1, "INVALID_REQUEST"}, {nil, 3, "INVALID_REQUEST"}} {
		r := ask[*kmsg.InitProducerIDResponse](p, &kmsg.InitProducerIDRequest{Version: 3, TransactionalID: c.id, ProducerID: -1, ProducerEpoch: c.epoch})
		if name(r.ErrorCode) != c.want || r.ProducerID != -1 || kerr.IsRetriable(kerr.ErrorForCode(r.ErrorCode)) {
			t.Errorf("%+v: %s, id %d", c, name(r.ErrorCode), r.ProducerID)
		}
	}
}

func TestDescribeConfigs(t *testing.T) {
	b := start(t, Limits{}, "log.retention.ms=5000")
	b.create("t", 1, "cleanup.policy=delete", "segment.ms=99")
	p := b.dial()
	describe := func(version int16, kind kmsg.ConfigResourceType, resource string, keys ...string) kmsg.DescribeConfigsResponseResource {
		req := &kmsg.DescribeConfigsRequest{Version: version, IncludeSynonyms: true, IncludeDocumentation: true}
		req.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: resource, ConfigNames: keys}}
		return ask[*kmsg.DescribeConfigsResponse](p, req).Resources[0]
	}
	if r := describe(4, kmsg.ConfigResourceTypeTopic, "t"); len(r.Configs) != len(catalog.TopicSettings()) {
		t.Errorf("%d settings of a topic", len(r.Configs))
	}
	if r := describe(4, kmsg.ConfigResourceTypeBroker, "1"); len(r.Configs) != len(catalog.BrokerSettings()) {
		t.Errorf("%d settings of the broker", len(r.Configs))
	}
	r := describe(4, kmsg.ConfigResourceTypeTopic, "t", "segment.ms", "retention.ms", "nothing", "preallocate")
	var got []string
	for _, c := range r.Configs {
		line := c.Name + "=" + *c.Value + " " + c.Source.String()
		for _, y := range c.ConfigSynonyms {
			line += " | " + y.Name + "=" + *y.Value + " " + y.Source.String()
		}
		got = append(got, line)
		if c.Documentation == nil || c.Name == "preallocate" && !strings.Contains(*c.Documentation, "Without effect") {
			t.Errorf("%s has no documentation that says what it does", c.Name)
		}
	}
	want := []string{
		"preallocate=false DEFAULT_CONFIG | log.preallocate=false DEFAULT_CONFIG",
		"retention.ms=5000 STATIC_BROKER_CONFIG | log.retention.ms=5000 STATIC_BROKER_CONFIG | log.retention.hours=604800000 DEFAULT_CONFIG",
		"segment.ms=99 DYNAMIC_TOPIC_CONFIG | segment.ms=99 DYNAMIC_TOPIC_CONFIG | log.roll.hours=604800000 DEFAULT_CONFIG",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, c := range []struct {
		kind     kmsg.ConfigResourceType
		resource string
		want     string
	}{
		{kmsg.ConfigResourceTypeTopic, "none", "UNKNOWN_TOPIC_OR_PARTITION"}, {kmsg.ConfigResourceTypeTopic, "not valid", "INVALID_TOPIC_EXCEPTION"},
		{kmsg.ConfigResourceTypeBroker, "2", "INVALID_REQUEST"}, {kmsg.ConfigResourceTypeBroker, "x", "INVALID_REQUEST"}, {kmsg.ConfigResourceTypeBroker, "", "ok"},
		{kmsg.ConfigResourceTypeBrokerLogger, "", "INVALID_REQUEST"}, {kmsg.ConfigResourceTypeBrokerLogger, "1", "ok"}, {99, "x", "INVALID_REQUEST"},
	} {
		if r := describe(1, c.kind, c.resource); name(r.ErrorCode) != c.want || c.want != "ok" && *r.ErrorMessage == "" {
			t.Errorf("%v %q: %s", c.kind, c.resource, name(r.ErrorCode))
		}
	}
}

func TestDescribeCluster(t *testing.T) {
	b := start(t, Limits{})
	p := b.dial()
	for endpoint, want := range map[int8]string{1: "ok", 2: "MISMATCHED_ENDPOINT_TYPE", 3: "UNSUPPORTED_ENDPOINT_TYPE"} {
		r := ask[*kmsg.DescribeClusterResponse](p, &kmsg.DescribeClusterRequest{Version: 1, EndpointType: endpoint, IncludeClusterAuthorizedOperations: true})
		if name(r.ErrorCode) != want || want == "ok" && (len(r.Brokers) != 1 || r.ClusterID != b.store.ClusterID() || r.ClusterAuthorizedOperations != 8096) {
			t.Errorf("endpoint %d: %+v", endpoint, r)
		}
	}
}

// Clients are told the address that they came to, or the one that the options say.
func TestAdvertisedAddress(t *testing.T) {
	b := start(t, Limits{})
	addr := b.listen()
	if r := ask[*kmsg.DescribeClusterResponse](dialTCP(t, addr), &kmsg.DescribeClusterRequest{}).Brokers[0]; addr != r.Host+":"+strconv.Itoa(int(r.Port)) {
		t.Errorf("told %s:%d, listening on %s", r.Host, r.Port, addr)
	}
}

// A leader epoch that is not the log's is refused by ListOffsets; only -1 means that none is known.
func TestListOffsetsLeaderEpoch(t *testing.T) {
	b := start(t, Limits{})
	b.create("t", 1)
	p := b.dial()
	for epoch, want := range map[int32]string{-1: "ok", 0: "ok", 1: "UNKNOWN_LEADER_EPOCH", -2: "FENCED_LEADER_EPOCH"} {
		req := listOne("t", 0, latestOffset)
		req.Topics[0].Partitions[0].CurrentLeaderEpoch = epoch
		if got := ask[*kmsg.ListOffsetsResponse](p, req).Topics[0].Partitions[0]; name(got.ErrorCode) != want {
			t.Errorf("epoch %d: %s, want %s", epoch, name(got.ErrorCode), want)
		}
	}
}

// Offsets are found by their timestamps, in the order of the log, and by their place.
func TestListOffsets(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p := b.dial()
	base := testTime.UnixMilli()
	for _, times := range [][]int64{{10, 30}, {20, 50, 40}, {5}} {
		x := batch.NewBuilder(batch.NoProducer())
		for _, ts := range times {
			x.Append(base+ts, nil, []byte("v"))
		}
		if r := ask[*kmsg.ProduceResponse](p, produceTo(9, topic, 0, x.Build(nil))); r.Topics[0].Partitions[0].ErrorCode != 0 {
			t.Fatal("produce")
		}
	}
	for _, c := range []struct {
		version    int16
		timestamp  int64
		offset, at int64
		empty      int64 // offset in an empty partition
		code       string
	}{
		{11, latestOffset, 6, -1, 0, "ok"},
		{11, earliestOffset, 0, -1, 0, "ok"},
		{11, maxTimestampOffset, 3, base + 50, -1, "ok"},
		{11, earliestLocalOffset, 0, -1, 0, "ok"},
		{11, latestTieredOffset, -1, -1, -1, "ok"},
		{11, earliestUpload, -1, -1, -1, "ok"},
		{11, -7, -1, -1, -1, "UNSUPPORTED_VERSION"},
		{6, maxTimestampOffset, -1, -1, -1, "UNSUPPORTED_VERSION"},
		{10, earliestUpload, -1, -1, -1, "UNSUPPORTED_VERSION"},
		{1, 0, 0, base + 10, -1, "ok"},
		{1, base + 11, 1, base + 30, -1, "ok"},
		{1, base + 31, 3, base + 50, -1, "ok"},
		{1, base + 51, -1, -1, -1, "ok"},
	} {
		for partition, want := range []int64{c.offset, c.empty} {
			req := listOne("t", int32(partition), c.timestamp)
			req.Version = c.version
			got := ask[*kmsg.ListOffsetsResponse](p, req).Topics[0].Partitions[0]
			if name(got.ErrorCode) != c.code || got.Offset != want || partition == 0 && got.Timestamp != c.at {
				t.Errorf("version %d, timestamp %d, partition %d: %+v", c.version, c.timestamp, partition, got)
			}
			if wantEpoch := int32(min(want, 0)); c.version >= 4 && got.LeaderEpoch != wantEpoch {
				t.Errorf("version %d, timestamp %d, partition %d: epoch %d", c.version, c.timestamp, partition, got.LeaderEpoch)
			}
		}
	}
	twice := listOne("t", 0, latestOffset)
	twice.Topics[0].Partitions = append(twice.Topics[0].Partitions, twice.Topics[0].Partitions[0])
	if got := ask[*kmsg.ListOffsetsResponse](p, twice).Topics[0].Partitions; len(got) != 1 || name(got[0].ErrorCode) != "INVALID_REQUEST" {
		t.Errorf("named twice: %+v", got)
	}
	fenced := listOne("t", 0, latestOffset)
	fenced.Topics[0].Partitions[0].CurrentLeaderEpoch = 4
	if got := ask[*kmsg.ListOffsetsResponse](p, fenced).Topics[0].Partitions[0]; name(got.ErrorCode) != "UNKNOWN_LEADER_EPOCH" {
		t.Errorf("epoch of the future: %+v", got)
	}
	if got := ask[*kmsg.ListOffsetsResponse](p, listOne("none", 0, latestOffset)).Topics[0].Partitions[0]; name(got.ErrorCode) != "UNKNOWN_TOPIC_OR_PARTITION" {
		t.Errorf("no topic: %+v", got)
	}
	old := listOne("t", 0, latestOffset)
	old.Version = 0
	if got := ask[*kmsg.ListOffsetsResponse](p, old).Topics[0].Partitions[0].OldStyleOffsets; !slices.Equal(got, []int64{6, 0}) {
		t.Errorf("version 0: %v", got)
	}
}

// Every error that a lower package can give has a code of Kafka's; none is UNKNOWN_SERVER_ERROR.
func TestEveryKindHasACode(t *testing.T) {
	for k := catalog.InvalidName; k <= catalog.LimitExceeded; k++ {
		if code, message := codeOf(&catalog.Error{Kind: k, Detail: "because"}); code <= 0 || message != "because" {
			t.Errorf("%v: %d %q", k, code, message)
		}
	}
	for _, m := range reasons {
		if code, _ := codeOf(m.is); code != m.kind.Code {
			t.Errorf("%v: %d, want %s", m.is, code, m.kind.Message)
		}
	}
	if code, message := codeOf(context.DeadlineExceeded); code != kerr.RequestTimedOut.Code || message == "" {
		t.Errorf("%d %q", code, message)
	}
}
