// Package commitlog stores one partition: an append-only row of record batches, each at its offset.
//
// Nouns: an Engine holds what all Logs of a broker share; a Log is a row of segments and a tail; a segment is three files in Kafka's format; the
// tail is what is in the write-ahead log and not yet in a segment; W is the offset where segments end and the tail begins; a Span is what a
// read returns; a Watcher is told when there is more to read; a Cleaner compacts logs: it replaces segments by what the last records of their keys leave.
//
//	Append ─ lock: sequence, offset, position ─ tail (pending) ─ write-ahead log ─ committed: high watermark moves, watchers wake
//	                                              │
//	offsets   log start ───────────── W ──────────┴── high watermark ─── next
//	          └ segments, from disk ──┘└ tail, acknowledged ┘└ pending, unseen ┘
//	                                   └ write-behind moves W ──▶
//
// Promise: a segment never contains a byte that is not acknowledged at its level, and no reader sees one. A batch gets the segment
// and the position that it will have on disk when it is appended; the bytes follow later, in large pieces.
//
//	compaction: old segments ─ Cleaner ─ <file>.<n>.cleaned, synced ─ write-ahead log ─ committed: they are one segment ─ old files go, new ones get their names
//
// A segment is looked for under its name; what a name opens is the segment's only if that is still part of the log afterwards (indexView.moved).
//
// Never: it knows no topics' settings but its Config, no clients and no protocol; it deletes nothing but what the log start has passed, or
// what compaction has replaced, and only after that fact is durable.
//
// Files: engine.go (Engine, write-behind's queue) · budget.go (memory of the tails) · log.go (Log, Bounds, watchers) · append.go ·
// tail.go · read.go, readbuffer.go, ahead.go, gentle.go · times.go (by timestamp) · segment.go (a segment and its names) · index.go (both indexes) · writebehind.go ·
// checkpoint.go (Capture) · recover.go (Restore, Replay, Cut) · retain.go (log start, retention) · unlink.go (files on their way out) ·
// compact.go (Cleaner) · cleanwriter.go (what it writes) · offsetmap.go (its table of keys) · pace.go · replace.go (the durable switch of segments) · metadata.go (small files of the
// directory) · inspect.go (reading a stopped partition whole) · shorten.go (cutting a damaged one) · errors.go.
//
// Who uses a log's files says so in the log, under its lock: busy (writes behind), moving (removes, renames or makes files again), cleaning. A log ends when
// nobody does.
//
// Locks: Log.mu guards the log's state and is never held across I/O, Committed's callbacks or another log's mu; Engine.mu guards the queue of
// write-behind and is taken inside Log.mu; the locks of the write-ahead log, of the budget and of what is read ahead are innermost.
package commitlog
