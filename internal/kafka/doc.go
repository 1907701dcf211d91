// Package kafka is the client's side of the Kafka protocol: what the library, the commands and the console need of any
// Kafka-compatible cluster, in our own types.
//
// Nouns: a Client knows a cluster and asks it about topics, settings and offsets; a Producer of it sends records; a
// Reader of it reads the partitions of one topic from given places on, a GroupReader shares them with the other members of its group; an Error says what failed, of which kind it
// is, and what to try.
//
//	Open ─ Client ┬─ Topics, CreateTopic, AlterTopic, SetPartitions, DeleteRecords, DeleteTopic, Offsets, Configs, Cluster
//	              ├─ Groups, Group, Reset, CommitOffsets, DeleteGroup
//	              ├─ NewProducer ─ Send … Flush ─ Close
//	              ├─ NewReader ─ Poll … io.EOF ─ Close
//	              └─ NewGroupReader ─ Poll ─ Commit … Close
//
//	Diagnose asks a cluster step by step, LookUpCode says what Kafka's errors mean; neither needs a Client.
//
// Promise: a callback of Send runs exactly once for each record, without an error only when the cluster has
// acknowledged it with acks=all; producers are idempotent, so that a record that is sent again is stored once. A Reader
// gives each partition's records in their order, and from where it was told to.
//
// Never: no type of the client library below shows in a signature; no topic is made by writing to it or asking for it.
//
// Files: client.go (Client, Options) · topics.go · offsets.go · configs.go · record.go · producer.go · patience.go (when a record
// is given up) · place.go (where a Reader starts) · reader.go · groupreader.go · admin.go (changes of topics) · groups.go (consumer groups, their
// lag) · reset.go (new offsets for a group) · doctor.go, probe.go (what is wrong with a connection) · errortable.go (Kafka's errors) · errors.go
// (Error, Kind) · logger.go · bubble.go (what tests with virtual time need).
//
// Locks: none held over a call. A Client and a Producer are safe for concurrent use; a Reader and a GroupReader belong
// to one goroutine.
package kafka
