// Package kafka is the client's side of the Kafka protocol: what the library, the commands and the console need of any
// Kafka-compatible cluster, in our own types.
//
// Nouns: a Client knows a cluster and asks it about topics, settings and offsets; a Producer of it sends records; a
// Reader of it reads the partitions of one topic from given places on, a GroupReader shares them with the other members of its group; a Feed is what the streams of the
// library are read from: it tells which partitions come and go, pauses single ones, and reads single records; an Error says what failed, of which kind it is, and what to try.
//
//	Open ─ Client ┬─ Topics, CreateTopic, AlterTopic, SetPartitions, DeleteRecords, DeleteTopic, Offsets, Configs, Cluster
//	              ├─ Groups, Group, Reset, CommitOffsets, DeleteGroup
//	              ├─ NewProducer ─ Send … Flush ─ Close
//	              ├─ NewReader ─ Poll … io.EOF ─ Close
//	              ├─ NewGroupReader ─ Poll ─ Commit … Close
//	              └─ NewFeed ─ Poll ─ Commit, Pause, Resume, Read … Close
//
//	Diagnose asks a cluster step by step, LookUpCode says what Kafka's errors mean; neither needs a Client.
//
// Promise: a callback of Send runs exactly once for each record, without an error only when the cluster has
// acknowledged it with acks=all; producers are idempotent, so that a record that is sent again is stored once. A Reader
// gives each partition's records in their order, and from where it was told to. A Feed of a group keeps where the group first started, so that nothing is skipped after
// that; it commits only what is still its own, and never reads a topic that was made again as if it were the old one.
//
// Never: no type of the client library below shows in a signature; no topic is made by writing to it or asking for it.
//
// Files: client.go (Client, Options) · topics.go · offsets.go · configs.go, durability.go (what a topic's settings promise) · record.go · producer.go · patience.go (when a record
// is given up), room.go (how much is on its way) · place.go (where a Reader starts) · reader.go · groupreader.go · feed.go (Feed, its callbacks) · feedplaces.go (where a Feed starts) · feedcommit.go ·
// feedwatch.go (partitions that are added, topics that vanish) · recordat.go (single records) · properties.go (Kafka's names of settings) · security.go (TLS, logging in) · admin.go (changes of topics) · groups.go (consumer groups, their
// lag) · reset.go (new offsets for a group) · doctor.go, probe.go (what is wrong with a connection) · errortable.go (Kafka's errors) · errors.go
// (Error, Kind) · logger.go · compress.go (lz4 in small blocks) · bubble.go (what tests with virtual time need).
//
// Locks: none held over a call; Feed.mu guards what a Feed holds. A Client, a Producer and a Feed are safe for concurrent use; a Reader and a GroupReader belong to one
// goroutine. A Feed's own goroutine looks at its topic; the callbacks run on those of the client library, or of Poll and Close.
package kafka
