// Package producers remembers what the idempotent producers of one partition wrote last, so that a batch that is sent
// twice is stored once and a batch that went missing is noticed.
//
// Nouns: a State belongs to one partition and holds one entry for each producer id; an entry is an epoch and the last
// five batches of that epoch. A producer numbers its records from 0 to 2^31-1 and then from 0 again.
//
//	          ┌─ Duplicate ──► answer what was answered then, once that is durable
//	Batch ─ Check ── error ──► refuse
//	          └─ accepted ──► the caller assigns offsets ──► Apply
//
//	WAL frame or segment ─────────────── replay ───────────► Apply
//
// # Rules
//
// They are those of Apache Kafka 4.2 (ProducerAppendInfo, ProducerStateEntry; KIP-98, KIP-360), in this order:
//
//  1. A batch with the epoch, the first and the last sequence of one of the producer's last five batches is a duplicate:
//     it is answered with the offsets of the stored batch and no error.
//  2. A producer of which nothing is known may start with any epoch and any sequence.
//  3. An epoch below the stored one is refused: a newer instance of the producer has taken over.
//  4. An epoch above the stored one starts again at sequence 0.
//  5. Within an epoch the first sequence follows the last one stored; after 2^31-1 comes 0. After a control batch
//     that raised the epoch it is 0.
//
// What is known of a producer does not depend on the log's start: as in Kafka (since KAFKA-7190), DeleteRecords and
// retention leave it alone, and only Expire forgets. Unlike Kafka, which compares a batch's own timestamps with the
// clock, Expire counts from when the broker last took a batch: a producer that replays the data of 2013 is not
// forgotten between two of its batches.
//
// # Snapshot
//
// AppendSnapshot writes the same bytes for the same State. All numbers are big-endian.
//
//	1  version, 1
//	4  number of producers
//	   for each producer, by ascending id:
//	8    producer id
//	2    epoch
//	8    last use, milliseconds since 1970
//	1    number of batches, 0 to 5
//	     for each batch, the oldest first:
//	8      last offset
//	8      greatest timestamp, milliseconds since 1970
//	4      last sequence
//	4      number of records - 1
//
// There is no checksum: the checkpoint that holds a snapshot has one.
//
// Never: it reads no clock, takes no lock, knows no topic, and opens no transactions; batches of transactions follow
// the same rules of sequence.
//
// Files: producers.go (Batch, State, Check, Apply, Expire) · entry.go (one producer's last batches) · snapshot.go ·
// errors.go.
//
// Locks: none. A State belongs to its partition and is used under the partition's lock.
package producers
