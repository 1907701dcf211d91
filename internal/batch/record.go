package batch

import (
	"fmt"
	"iter"
)

// Record is one record of a batch. Key, Value and the headers' values are nil when they are null. They are part of the
// batch's memory, or of memory made for the iteration when the batch is compressed, so they may be kept as long as the
// batch's bytes are.
type Record struct {
	Offset     int64
	Timestamp  int64 // milliseconds since 1970, or -1
	Key, Value []byte
	Headers    []Header
	Attributes int8 // none is in use
}

// Header is a named value of a record. Names may repeat; their order is kept.
type Header struct {
	Key   string
	Value []byte
}

// Records gives the records in order. It ends with the first error. A compressed batch is decompressed as a whole
// before the first record, since keys and values are handed out: to more than maxDecompressed bytes is an error, and that is what bounds the memory. Who needs
// no more than offsets and timestamps takes [Batch.Stamps], which needs less. The checksum is not looked at.
func (b Batch) Records(maxDecompressed int) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		body, err := b.plain(nil, maxDecompressed)
		if err != nil {
			yield(Record{}, err)
			return
		}
		var f fields
		count, last, first := int(b.Count()), b.LastOffsetDelta(), b.FirstTimestamp()
		for i := range count {
			n, why := f.parse(body)
			if why == "" && (f.offsetDelta < 0 || f.offsetDelta > last) {
				why = fmt.Sprintf("its offset delta is %d in a batch that ends at %d", f.offsetDelta, last)
			}
			if why != "" {
				yield(Record{}, fail(ErrInvalidRecord, "record %d of %d: %s", i, count, why))
				return
			}
			body = body[n:]
			r := Record{
				Offset: b.BaseOffset() + int64(f.offsetDelta), Timestamp: first + f.timestampDelta,
				Key: f.key, Value: f.value, Headers: f.headerList(), Attributes: f.attributes,
			}
			if b.TimestampType() == LogAppendTime {
				r.Timestamp = b.MaxTimestamp()
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := b.checkEnd(len(body)); err != nil {
			yield(Record{}, err)
		}
	}
}

// Stamps calls yield with the offset and the timestamp of each record in order, until that returns false. It fails as Records does, and needs no more memory for a
// compressed batch than Validate: maxDecompressed bounds the work. What was yielded before an error may not be true.
func (b Batch) Stamps(maxDecompressed int, yield func(offset, timestamp int64) bool) error {
	count, last, first := int(b.Count()), b.LastOffsetDelta(), b.FirstTimestamp()
	yielded := 0
	return b.inPieces(maxDecompressed, asPieces, func(body []byte, more *stream) error {
		var f fields
		for i := range count {
			n, why := f.parse(body)
			if why == "" {
				body = body[n:]
			} else if more != nil {
				body, why = more.across(body, &f)
			}
			if why == "" && (f.offsetDelta < 0 || f.offsetDelta > last) {
				why = fmt.Sprintf("its offset delta is %d in a batch that ends at %d", f.offsetDelta, last)
			}
			if why != "" {
				return fail(ErrInvalidRecord, "record %d of %d: %s", i, count, why)
			}
			if i < yielded { // it is read again
				continue
			}
			yielded++
			timestamp := first + f.timestampDelta
			if b.TimestampType() == LogAppendTime {
				timestamp = b.MaxTimestamp()
			}
			if !yield(b.BaseOffset()+int64(f.offsetDelta), timestamp) {
				return errStop
			}
		}
		behind := len(body)
		if more != nil {
			behind += more.drain()
		}
		return b.checkEnd(behind)
	})
}

// plain gives the records' bytes, decompressed into buf when that is needed. What it gives with an error is memory to use again, or nil.
func (b Batch) plain(buf []byte, maxDecompressed int) ([]byte, error) {
	if b.Count() < 0 {
		return nil, fail(ErrInvalidRecord, "its number of records is %d", b.Count())
	}
	body := []byte(b[HeaderSize:])
	if b.Compression() == None || b.Count() == 0 && len(body) == 0 {
		return body, nil // compaction leaves nothing, which is no compressed form
	}
	return decompress(buf, b.Compression(), body, maxDecompressed)
}

// checkEnd refuses bytes behind the last record.
func (b Batch) checkEnd(behind int) error {
	if behind > 0 {
		return fail(ErrInvalidRecord, "%d bytes stand behind its %d records", behind, b.Count())
	}
	return nil
}

// fields is one record as it stands in the batch. It is used again for the next one.
type fields struct {
	attributes     int8
	timestampDelta int64
	offsetDelta    int32
	key, value     []byte
	headers        []byte // checked
	headerCount    int
}

const cutRecord = "it is longer than what is left of the batch"

// parse reads the record at the start of b and says how long it is, or what is wrong with it.
func (f *fields) parse(b []byte) (n int, why string) {
	length, at := readVarint32(b, 0)
	if at < 0 {
		return 0, "its length is missing or malformed"
	}
	if length < 0 || int(length) > len(b)-at {
		return 0, cutRecord
	}
	n = at + int(length)
	b = b[:n]
	if at == n {
		return 0, "it is empty"
	}
	f.attributes = int8(b[at])
	if f.timestampDelta, at = readVarint64(b, at+1); at < 0 {
		return 0, "its timestamp is cut or malformed"
	}
	if f.offsetDelta, at = readVarint32(b, at); at < 0 {
		return 0, "its offset is cut or malformed"
	}
	if f.key, at = readBytes(b, at); at < 0 {
		return 0, "its key is longer than the record"
	}
	if f.value, at = readBytes(b, at); at < 0 {
		return 0, "its value is longer than the record"
	}
	count, at := readVarint32(b, at)
	if at < 0 || count < 0 || int(count) > n-at {
		return 0, "its number of headers cannot be"
	}
	f.headers, f.headerCount = b[at:], int(count)
	for range count {
		var key []byte
		if key, at = readBytes(b, at); at < 0 || key == nil {
			return 0, "the name of a header is missing or longer than the record"
		}
		if _, at = readBytes(b, at); at < 0 {
			return 0, "the value of a header is longer than the record"
		}
	}
	if at != n {
		return 0, "it is shorter than its length says"
	}
	return n, ""
}

// parsePlain is parse for a record that is as most are: no headers, and no number of more than two bytes but its offset. It gives its length, and 0 for every other record, right or wrong. It does not set the
// key and the value: what keeps no pointer and calls nothing is several times as fast.
func (f *fields) parsePlain(b []byte) int {
	if len(b) < 12 {
		return 0
	}
	length, at := shortVarint(b[0], b[1])
	n := at + length
	if at > 2 || length < 1 || n > len(b) {
		return 0
	}
	delta, k := shortVarint(b[at+1], b[at+2]) // behind the attributes
	if at += 1 + k; k > 2 {
		return 0
	}
	offset, k := shortVarint(b[at], b[at+1])
	if at += k; k > 2 {
		long, next := readVarint32(b, at-k)
		if offset, at = int(long), next; at < 0 || at+1 >= len(b) {
			return 0
		}
	}
	key, k := shortVarint(b[at], b[at+1])
	if at += k + max(key, 0); k > 2 || at+1 >= len(b) {
		return 0
	}
	value, k := shortVarint(b[at], b[at+1])
	if at += k + max(value, 0); k > 2 || at != n-1 || b[at] != 0 {
		return 0
	}
	f.timestampDelta, f.offsetDelta = int64(delta), int32(offset)
	return n
}

// headerList makes the headers that parse has checked.
func (f *fields) headerList() []Header {
	if f.headerCount == 0 {
		return nil
	}
	list := make([]Header, f.headerCount)
	at := 0
	for i := range list {
		var key []byte
		key, at = readBytes(f.headers, at)
		list[i].Key = string(key)
		list[i].Value, at = readBytes(f.headers, at)
	}
	return list
}
