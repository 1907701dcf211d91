// Package batch reads, checks, patches and makes record batches of Kafka's format 2: the unit in which records are
// sent, stored and served.
//
// Nouns: a Batch is the bytes of one whole batch, a header of 61 bytes and the records behind it. Its base offset is
// where it stands in the log; a record knows its offset and timestamp as deltas to the header's. A Codec is how the
// records, without the header, are compressed.
//
//	 0 base offset   8 length   12 leader epoch   16 magic   17 CRC-32C of all that follows
//	21 attributes   23 last offset delta   27 first timestamp   35 max timestamp
//	43 producer id   51 producer epoch   53 base sequence   57 count   61 records
//
//	socket ─ Next ─ Validate ─┬───────────────────────── SetBaseOffset, SetLeaderEpoch ─► log, byte for byte
//	                          ├─ StampAppendTime ─┘
//	                          └─ Recompress ──────┘      (both where the topic asks)
//	log ─ Next ─ CheckCRC ─ Records ─► keys, values, headers
//	                    ├── Stamps ──► offsets, timestamps
//	                    └── Compact ─► log
//
// A record is, with signed varints (zigzag): length, attributes (1 byte), timestamp delta, offset delta, length of the
// key and key, length of the value and value, number of headers, and for each length and key, length and value. A
// length of -1 is null.
//
// Promise: what Validate accepts, Records reads to its end without an error, and any client can read. Any bytes may be
// given to Next, and what Next gives to everything else: there is no panic, and memory stays within a small multiple of
// the limit that the caller names, whatever lengths the bytes claim. Only the headers of one record, as Records lists
// them, take up to twenty times their bytes. Validate, Recompress and Stamps, which get what anybody may send, decompress piece by piece: they take at most some
// 16 MiB of memory, and the caller's limit bounds their work. Records and Compact hold all that a batch holds, up to the limit.
//
// Never: it reads no clock, opens no file, keeps no bytes that it is given, and knows no topic. It does not read or write
// the formats 0 and 1.
//
// Files: batch.go (header: read and patch) · next.go · varint.go · record.go (one record, Records, Stamps) · validate.go ·
// codec.go (names) · decompress.go · stream.go (piece by piece) · compress.go · coders.go (what is kept of Zstandard) · snappy.go (Kafka's framing), snappystream.go · recompress.go · compact.go (what compaction leaves) · builder.go · errors.go.
//
// Locks: none. A Batch is as safe to share as its bytes are.
package batch
