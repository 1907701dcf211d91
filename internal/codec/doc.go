// Package codec turns packets of streams into bytes and back, as docs/formats/packet.md says.
//
// Nouns: a Header says which packet a record holds; a Block is rows in columns; a Context is all that a stream says about itself; an Event; an End.
//
//	Block ── AppendRows ──► value ── DecodeRows ──► Block      the same Block may be used again and again: it keeps its memory
//
// Promise: what was encoded decodes to the same; what is decoded was checked whole, and takes memory in proportion to the bytes that came. Texts and bytes
// of a decoded block point into the value where they can. No allocation per value on either side once a Block has its size.
//
// Never: it knows nothing of records, topics or clocks; it keeps no value that it was given but where it says so.
//
// Files: header.go · block.go (Block, Column) · rows.go (which format, and what is wrong with a block) · rows_json.go · rows_binary.go · event.go · context.go (Context,
// End) · scan.go (reading JSON) · write.go (writing it) · number.go (reading numbers) · names.go (names of
// columns) · memory.go (one kind of memory seen as another) · errors.go.
//
// Locks: none. Functions are safe for concurrent use, a Block belongs to one goroutine.
package codec
