package catalog

import "slices"

// TopicSettings returns the settings that a topic can have: those of Apache Kafka 4.2, by ascending name. The
// slices in them are shared and must not be changed.
func TopicSettings() []Setting { return slices.Clone(topicTable.rows) }

// The settings of a topic that its durability depends on.
const (
	flushMessages = "flush.messages"
	flushMs       = "flush.ms"
)

// Reasons that several settings share.
const (
	whyNoReplication = "a partition has one replica"
	whyNoTiers       = "the broker has no tiered storage"
)

// topicTable is the one place where a topic's settings are defined. It is never changed.
var topicTable = newTable("topic", []Setting{
	{
		Name: "cleanup.policy", Type: List, Default: "delete", Broker: from("log.cleanup.policy"),
		Values: []string{"compact", "delete"},
		Doc:    "What happens to old data: delete removes segments when retention.ms or retention.bytes says so, compact keeps the last record of each key; an empty list keeps all for ever.",
	},
	{
		Name: "compression.gzip.level", Type: Int, Default: "-1", Broker: from("compression.gzip.level"),
		Range: between(1, 9), Values: []string{"-1"},
		Doc: "The level at which the broker compresses when compression.type is gzip; -1 is gzip's own default.",
	},
	{
		Name: "compression.lz4.level", Type: Int, Default: "9", Broker: from("compression.lz4.level"),
		Range: between(1, 17),
		Doc:   "The level at which the broker compresses when compression.type is lz4.",
	},
	{
		Name: "compression.type", Type: String, Default: "producer", Broker: from("compression.type"),
		Values: []string{"uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"},
		Doc:    "The compression in which batches are stored; producer keeps each as it comes.",
	},
	{
		Name: "compression.zstd.level", Type: Int, Default: "3", Broker: from("compression.zstd.level"),
		Range: between(-131072, 22),
		Doc:   "The level at which the broker compresses when compression.type is zstd.",
	},
	{
		Name: "delete.retention.ms", Type: Long, Default: "86400000", Broker: from("log.cleaner.delete.retention.ms"),
		Range: atLeast(0),
		Doc:   "How long compaction keeps the marker of a deleted key.",
	},
	{
		Name: "file.delete.delay.ms", Type: Long, Default: "60000", Broker: from("log.segment.delete.delay.ms"),
		Range: atLeast(0),
		Doc:   "How long a segment's files that are no longer part of the log stay on the disk.",
	},
	{
		Name: flushMessages, Type: Long, Default: "9223372036854775807", Broker: from("log.flush.interval.messages"),
		Range: atLeast(1),
		Doc:   "After how many records they are synced to the disk; any number but the greatest syncs each before it is acknowledged.",
	},
	{
		Name: flushMs, Type: Long, Default: "9223372036854775807", Broker: from("log.flush.interval.ms"),
		Range: atLeast(0),
		Doc:   "How long an acknowledged record may wait until it is synced to the disk; 0 syncs each before it is acknowledged.",
	},
	{
		Name: "follower.replication.throttled.replicas", Type: List, Default: "", check: replicaList,
		Effect: NoEffect, Why: whyNoReplication,
		Doc: "The replicas whose following is throttled, as PARTITION:BROKER, or * for all.",
	},
	{
		Name: "index.interval.bytes", Type: Int, Default: "4096", Broker: from("log.index.interval.bytes"),
		Range: atLeast(0),
		Doc:   "About how many bytes of a segment lie between two entries of its indexes.",
	},
	{
		Name: "leader.replication.throttled.replicas", Type: List, Default: "", check: replicaList,
		Effect: NoEffect, Why: whyNoReplication,
		Doc: "The replicas whose leading is throttled, as PARTITION:BROKER, or * for all.",
	},
	{
		Name: "local.retention.bytes", Type: Long, Default: "-2", Broker: from("log.local.retention.bytes"),
		Range: atLeast(-2), Effect: NoEffect, Why: whyNoTiers,
		Doc: "How many bytes of a partition stay local when older segments are stored remotely; -2 is as retention.bytes.",
	},
	{
		Name: "local.retention.ms", Type: Long, Default: "-2", Broker: from("log.local.retention.ms"),
		Range: atLeast(-2), Effect: NoEffect, Why: whyNoTiers,
		Doc: "How long segments stay local when older ones are stored remotely; -2 is as retention.ms.",
	},
	{
		Name: "max.compaction.lag.ms", Type: Long, Default: "9223372036854775807", Broker: from("log.cleaner.max.compaction.lag.ms"),
		Range: atLeast(1),
		Doc:   "How long a record stays out of compaction at most, by its timestamp; at most as long a segment takes records.",
	},
	{
		Name: "max.message.bytes", Type: Int, Default: "1048588", Broker: from("message.max.bytes"),
		Range: atLeast(0),
		Doc:   "The largest record batch that is accepted, as it is stored.",
	},
	{
		Name: "message.timestamp.after.max.ms", Type: Long, Default: "3600000", Broker: from("log.message.timestamp.after.max.ms"),
		Range: atLeast(0),
		Doc:   "How far a record's timestamp may lie after the broker's time; without meaning for LogAppendTime.",
	},
	{
		Name: "message.timestamp.before.max.ms", Type: Long, Default: "9223372036854775807", Broker: from("log.message.timestamp.before.max.ms"),
		Range: atLeast(0),
		Doc:   "How far a record's timestamp may lie before the broker's time; without meaning for LogAppendTime.",
	},
	{
		Name: "message.timestamp.type", Type: String, Default: "CreateTime", Broker: from("log.message.timestamp.type"),
		Values: []string{"CreateTime", "LogAppendTime"},
		Doc:    "Whose time a record carries: the producer's, or the broker's when it is appended.",
	},
	{
		Name: "min.cleanable.dirty.ratio", Type: Double, Default: "0.5", Broker: from("log.cleaner.min.cleanable.ratio"),
		Range: between(0, 1),
		Doc:   "Above which part of a log that is not compacted yet it is compacted again.",
	},
	{
		Name: "min.compaction.lag.ms", Type: Long, Default: "0", Broker: from("log.cleaner.min.compaction.lag.ms"),
		Range: atLeast(0),
		Doc:   "How long a record stays out of compaction at least, by its timestamp.",
	},
	{
		Name: "min.insync.replicas", Type: Int, Default: "1", Broker: from("min.insync.replicas"),
		Range: atLeast(1), Effect: NoEffect, Why: whyNoReplication,
		Doc: "How many replicas must have a record before acks=all is acknowledged.",
	},
	{
		Name: "preallocate", Type: Boolean, Default: "false", Broker: from("log.preallocate"),
		Effect: NoEffect, Why: "segments are written behind the write-ahead log, whose files are allocated ahead",
		Doc: "Whether a new segment's file is allocated at its full size.",
	},
	{
		Name: "remote.log.copy.disable", Type: Boolean, Default: "false", Effect: NoEffect, Why: whyNoTiers,
		Doc: "Whether segments are no longer copied to remote storage.",
	},
	{
		Name: "remote.log.delete.on.disable", Type: Boolean, Default: "false", Effect: NoEffect, Why: whyNoTiers,
		Doc: "Whether remote segments are deleted when remote storage is disabled.",
	},
	{
		Name: "remote.storage.enable", Type: Boolean, Default: "false", Effect: NoEffect, Why: whyNoTiers,
		Refuse: []Refusal{{"true", whyNoTiers}},
		Doc:    "Whether old segments are stored remotely.",
	},
	{
		Name: "retention.bytes", Type: Long, Default: "-1", Broker: from("log.retention.bytes"),
		Doc: "The size of a partition above which its oldest segments are deleted; -1 is without limit.",
	},
	{
		Name: "retention.ms", Type: Long, Default: "604800000",
		Broker: []Origin{{"log.retention.ms", 1}, {"log.retention.minutes", 60_000}, {"log.retention.hours", 3_600_000}},
		Range:  atLeast(-1),
		Doc:    "The age of a segment's newest record above which the segment is deleted; -1 is without limit.",
	},
	{
		Name: "segment.bytes", Type: Int, Default: "1073741824", Broker: from("log.segment.bytes"),
		Range: atLeast(1 << 20),
		Doc:   "The size at which a segment is closed and a new one started; old data is deleted by whole segments.",
	},
	{
		Name: "segment.index.bytes", Type: Int, Default: "10485760", Broker: from("log.index.size.max.bytes"),
		Range: atLeast(4), Effect: NoEffect, Why: "an index is as large as its segment asks for",
		Doc: "The size of a segment's index at which a new segment is started.",
	},
	{
		Name: "segment.jitter.ms", Type: Long, Default: "0",
		Broker: []Origin{{"log.roll.jitter.ms", 1}, {"log.roll.jitter.hours", 3_600_000}},
		Range:  atLeast(0), Effect: NoEffect, Why: "segments are written behind, so many that close at once do no harm",
		Doc: "The most by which the closing of a segment is moved at random, so that not all close at once.",
	},
	{
		Name: "segment.ms", Type: Long, Default: "604800000",
		Broker: []Origin{{"log.roll.ms", 1}, {"log.roll.hours", 3_600_000}},
		Range:  atLeast(1),
		Doc:    "The age at which a segment is closed even if it is not full, so that its data can be deleted.",
	},
	{
		Name: "unclean.leader.election.enable", Type: Boolean, Default: "false", Broker: from("unclean.leader.election.enable"),
		Effect: NoEffect, Why: whyNoReplication,
		Doc: "Whether a replica that lags behind may become the leader and lose records.",
	},
})
