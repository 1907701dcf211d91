package catalog

import "slices"

// BrokerSettings returns the settings that the broker has: those of Apache Kafka 4.2 that mean something here, and
// bobbin.durability, by ascending name. The slices in them are shared and must not be changed.
func BrokerSettings() []Setting { return slices.Clone(brokerTable.rows) }

// The settings of the broker that rules of this package depend on.
const (
	settingDurability     = "bobbin.durability"
	settingMaxConnections = "max.connections"
	settingFlushMessages  = "log.flush.interval.messages"
	settingFlushMs        = "log.flush.interval.ms"
	settingNodeID         = "node.id"
	settingBrokerID       = "broker.id"
)

// brokerTable is the one place where the broker's settings are defined, with the defaults of topics: each setting of
// a topic that names one origin gives that origin its row. It is never changed.
var brokerTable = newTable("broker", append(topicDefaults(), []Setting{
	{
		Name: "advertised.listeners", Type: List, Unset: true,
		Doc: "The addresses that clients are told to connect to; those of listeners when not set.",
	},
	{
		Name: "auto.create.topics.enable", Type: Boolean, Default: "true",
		Doc: "Whether a topic that a client asks for and that is not there is made, when the client agrees.",
	},
	{
		Name: settingDurability, Type: String, Default: "sync", check: checkDurability,
		Doc: "When a record is acknowledged: sync (it is on the disk), interval:N with a unit of ms or s (the log is synced every N), os (the system syncs when it likes).",
	},
	{
		Name: settingBrokerID, Type: Int, Default: "1", Range: atLeast(0),
		Doc: "The older name of node.id.",
	},
	{
		Name: "connections.max.idle.ms", Type: Long, Default: "600000",
		Doc: "How long a connection may be silent before it is closed; a negative number is without limit.",
	},
	{
		Name: "default.replication.factor", Type: Int, Default: "1", Range: atLeast(1),
		Effect: NoEffect, Why: whyNoReplication,
		Doc: "The replication factor of topics that are made without one.",
	},
	{
		Name: "delete.topic.enable", Type: Boolean, Default: "true",
		Doc: "Whether topics can be deleted.",
	},
	{
		Name: "fetch.max.bytes", Type: Int, Default: "57671680", Range: atLeast(1024),
		Doc: "The most bytes of records in one answer to a fetch; a first batch that is larger is still sent.",
	},
	{
		Name: "group.initial.rebalance.delay.ms", Type: Int, Default: "3000", Range: atLeast(0),
		Doc: "How long the first generation of an empty group waits for more members.",
	},
	{
		Name: "group.max.session.timeout.ms", Type: Int, Default: "1800000", Range: atLeast(1),
		Doc: "The longest session timeout that a member may ask for.",
	},
	{
		Name: "group.max.size", Type: Int, Default: "2147483647", Range: atLeast(1),
		Doc: "The most members that a consumer group may have.",
	},
	{
		Name: "group.min.session.timeout.ms", Type: Int, Default: "6000", Range: atLeast(1),
		Doc: "The shortest session timeout that a member may ask for.",
	},
	{
		Name: "listeners", Type: List, Default: "PLAINTEXT://:9092",
		Doc: "The addresses on which the broker listens.",
	},
	{
		Name: "log.dirs", Type: List, Unset: true,
		Doc: "The data directory.",
	},
	{
		Name: "log.cleaner.backoff.ms", Dynamic: true, Type: Long, Default: "15000", Range: atLeast(0),
		Doc: "How long compaction waits before it looks again when there was nothing to compact.",
	},
	{
		Name: "log.cleaner.dedupe.buffer.size", Dynamic: true, Type: Long, Default: "134217728", Range: atLeast(1<<20 + 1), // Kafka wants more than 1 MiB
		Doc: "The most memory for the table of keys while a log is compacted; it is taken as it is needed.",
	},
	{
		Name: "log.cleaner.enable", Type: Boolean, Default: "true",
		Doc: "Whether logs are compacted.",
	},
	{
		Name: "log.cleaner.io.buffer.load.factor", Dynamic: true, Type: Double, Default: "0.9",
		Doc: "How full the table of keys may get before compaction stops early.",
	},
	{
		Name: "log.cleaner.io.buffer.size", Dynamic: true, Type: Int, Default: "524288", Range: atLeast(0),
		Doc: "The memory for reading and writing while a log is compacted; a batch that is larger takes more for a while.",
	},
	{
		Name: "log.cleaner.io.max.bytes.per.second", Dynamic: true, Type: Double, Default: "1.7976931348623157E308",
		Doc: "How many bytes compaction reads and writes in a second at most.",
	},
	{
		Name: "log.cleaner.threads", Type: Int, Default: "1", Range: atLeast(0),
		Effect: NoEffect, Why: "one log is compacted at a time",
		Doc: "How many logs are compacted at a time.",
	},
	{
		Name: settingFlushMs, Dynamic: true, Type: Long, Unset: true, Range: atLeast(0),
		Doc: "The default of flush.ms.",
	},
	{
		Name: "log.retention.check.interval.ms", Type: Long, Default: "300000", Range: atLeast(1),
		Doc: "How often the broker looks for segments that are due for deletion.",
	},
	{
		Name: "log.retention.hours", Type: Int, Default: "168", Range: atLeast(1), Values: []string{"-1"},
		Doc: "The default of retention.ms, in hours; log.retention.minutes and log.retention.ms go before it.",
	},
	{
		Name: "log.retention.minutes", Type: Int, Unset: true, Range: atLeast(1), Values: []string{"-1"},
		Doc: "The default of retention.ms, in minutes; log.retention.ms goes before it.",
	},
	{
		Name: "log.retention.ms", Dynamic: true, Type: Long, Unset: true, Range: atLeast(1), Values: []string{"-1"},
		Doc: "The default of retention.ms.",
	},
	{
		Name: "log.roll.hours", Type: Int, Default: "168", Range: atLeast(1),
		Doc: "The default of segment.ms, in hours; log.roll.ms goes before it.",
	},
	{
		Name: "log.roll.jitter.hours", Type: Int, Default: "0", Range: atLeast(0),
		Effect: NoEffect, Why: "segment.jitter.ms has none",
		Doc: "The default of segment.jitter.ms, in hours; log.roll.jitter.ms goes before it.",
	},
	{
		Name: "log.roll.jitter.ms", Dynamic: true, Type: Long, Unset: true, Range: atLeast(0),
		Effect: NoEffect, Why: "segment.jitter.ms has none",
		Doc: "The default of segment.jitter.ms.",
	},
	{
		Name: "log.roll.ms", Dynamic: true, Type: Long, Unset: true, Range: atLeast(1),
		Doc: "The default of segment.ms.",
	},
	{
		Name: settingMaxConnections, Dynamic: true, Type: Int, Default: "2147483647", Range: atLeast(0),
		Doc: "The most connections at one time.",
	},
	{
		Name: "max.incremental.fetch.session.cache.slots", Type: Int, Default: "1000", Range: atLeast(0),
		Doc: "The most fetch sessions that are kept at one time.",
	},
	{
		Name: settingNodeID, Type: Int, Default: "1", Range: atLeast(0),
		Doc: "The number by which clients know the broker.",
	},
	{
		Name: "num.partitions", Type: Int, Default: "1", Range: between(1, MaxPartitions),
		Doc: "The number of partitions of topics that are made without one.",
	},
	{
		Name: "offset.metadata.max.bytes", Type: Int, Default: "4096", Range: atLeast(0),
		Doc: "The longest text that may be committed with an offset.",
	},
	{
		Name: "offsets.commit.timeout.ms", Type: Int, Default: "5000", Range: atLeast(1),
		Doc: "How long a change of a group may wait for room in the log before it is refused, for the moment.",
	},
	{
		Name: "offsets.retention.check.interval.ms", Type: Long, Default: "600000", Range: atLeast(1),
		Doc: "How often the broker looks for committed offsets that are due for deletion.",
	},
	{
		Name: "offsets.retention.minutes", Type: Int, Default: "10080", Range: atLeast(1),
		Doc: "How long the offsets of a group without members are kept.",
	},
	{
		Name: "offsets.topic.compression.codec", Type: Int, Default: "0", Values: []string{"0"}, Range: between(0, 0),
		Doc: "The compression of the records in __consumer_offsets: none, the only one here.",
	},
	{
		Name: "offsets.topic.num.partitions", Type: Int, Default: "50", Range: between(1, MaxPartitions),
		Doc: "The number of partitions of __consumer_offsets; it must not change once that is made.",
	},
	{
		Name: "offsets.topic.replication.factor", Type: Short, Default: "3", Range: atLeast(1),
		Effect: NoEffect, Why: whyNoReplication,
		Doc: "The replication factor of __consumer_offsets.",
	},
	{
		Name: "offsets.topic.segment.bytes", Type: Int, Default: "104857600", Range: atLeast(1 << 20),
		Doc: "The segment.bytes of __consumer_offsets.",
	},
	{
		Name: "producer.id.expiration.ms", Dynamic: true, Type: Int, Default: "86400000", Range: atLeast(1),
		Doc: "How long a partition remembers the sequences of a producer that does not write.",
	},
	{
		Name: "socket.request.max.bytes", Type: Int, Default: "104857600", Range: atLeast(1),
		Doc: "The largest request that is accepted.",
	},
}...))

// topicDefaults returns the rows of the broker's settings that are the single origin of a topic's, and differ from it
// in nothing but the name.
func topicDefaults() []Setting {
	var rows []Setting
	for _, s := range topicTable.rows {
		if len(s.Broker) != 1 || s.Broker[0].Name == settingFlushMs {
			continue
		}
		if s.Doc = "The default of " + s.Name + "."; s.Broker[0].Name == s.Name {
			s.Doc = "The value for topics that do not set it."
		}
		s.Name, s.Broker, s.Dynamic = s.Broker[0].Name, nil, true
		rows = append(rows, s)
	}
	return rows
}

func checkDurability(value string) string {
	if _, err := ParseDurability(value); err != nil {
		return "Value must be sync, os, or interval:N with a unit of ms or s, from 1ms to 3600s"
	}
	return ""
}
