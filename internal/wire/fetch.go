package wire

import (
	"encoding/binary"
	"math"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Fetch encodes fetch responses without copying records. Its memory is used again by the next response: one belongs to
// one connection. The zero value is ready.
type Fetch struct {
	fields []byte // everything but records, in order
	cuts   []cut  // where records go in between
	out    net.Buffers
}

// cut says that the bytes of records come after the first at bytes of Fetch.fields.
type cut struct {
	at      int
	records []byte
}

// Encode returns the frame of resp, the answer to the request with header h. The records of a partition are its
// RecordBatches followed by spans[i], i counting resp's partitions through all topics in order; spans may be shorter
// than that. They are null when RecordBatches is nil and there are no spans.
//
// The bytes are those that AppendResponse would give if the records were joined in RecordBatches. They alias the
// records and the Fetch, and are valid until the next Encode; the caller may consume the net.Buffers as it likes.
func (f *Fetch) Encode(h Header, resp *kmsg.FetchResponse, spans [][][]byte) net.Buffers {
	clear(f.cuts)
	f.cuts = f.cuts[:0]
	e := fetchEncoder{dst: appendResponseHeader(f.fields[:0], h, resp), cuts: f.cuts, version: resp.Version, flexible: resp.IsFlexible()}
	e.response(resp, spans)
	setLength(e.dst, 0, len(e.dst)-4+e.records)
	f.fields, f.cuts = e.dst, e.cuts
	return f.join()
}

// join cuts fields where records go in between.
func (f *Fetch) join() net.Buffers {
	clear(f.out[:cap(f.out)])
	out, from := f.out[:0], 0
	for _, c := range f.cuts {
		if c.at > from {
			out = append(out, f.fields[from:c.at])
			from = c.at
		}
		out = append(out, c.records)
	}
	if from < len(f.fields) {
		out = append(out, f.fields[from:])
	}
	f.out = out
	return out
}

// fetchEncoder writes the body of a FetchResponse, versions 0 to 18, in the order of kmsg.
type fetchEncoder struct {
	dst      []byte
	cuts     []cut
	records  int // bytes in cuts
	version  int16
	flexible bool
}

func (e *fetchEncoder) response(resp *kmsg.FetchResponse, spans [][][]byte) {
	if e.version >= 1 {
		e.int32(resp.ThrottleMillis)
	}
	if e.version >= 7 {
		e.int16(resp.ErrorCode)
		e.int32(resp.SessionID)
	}
	e.length(len(resp.Topics))
	next := 0
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if e.version <= 12 {
			e.string(t.Topic)
		} else {
			e.dst = append(e.dst, t.TopicID[:]...)
		}
		e.length(len(t.Partitions))
		for j := range t.Partitions {
			var more [][]byte
			if next < len(spans) {
				more = spans[next]
			}
			next++
			e.partition(&t.Partitions[j], more)
		}
		e.tags(&t.UnknownTags)
	}
	invariant.Check(len(spans) <= next, "a fetch response has records for more partitions than it names")
	if e.flexible {
		e.brokers(resp)
	}
}

func (e *fetchEncoder) partition(p *kmsg.FetchResponseTopicPartition, more [][]byte) {
	e.int32(p.Partition)
	e.int16(p.ErrorCode)
	e.int64(p.HighWatermark)
	if e.version >= 4 {
		e.int64(p.LastStableOffset)
	}
	if e.version >= 5 {
		e.int64(p.LogStartOffset)
	}
	if e.version >= 4 {
		e.aborted(p.AbortedTransactions)
	}
	if e.version >= 11 {
		e.int32(p.PreferredReadReplica)
	}
	e.recordSpans(p.RecordBatches, more)
	if e.flexible {
		e.partitionTags(p)
	}
}

func (e *fetchEncoder) aborted(list []kmsg.FetchResponseTopicPartitionAbortedTransaction) {
	if list == nil {
		e.length(-1)
		return
	}
	e.length(len(list))
	for i := range list {
		e.int64(list[i].ProducerID)
		e.int64(list[i].FirstOffset)
		e.tags(&list[i].UnknownTags)
	}
}

func (e *fetchEncoder) recordSpans(first []byte, more [][]byte) {
	if first == nil && len(more) == 0 {
		e.length(-1)
		return
	}
	size := len(first)
	for _, s := range more {
		size += len(s)
	}
	e.length(size)
	e.cut(first)
	for _, s := range more {
		e.cut(s)
	}
}

func (e *fetchEncoder) cut(records []byte) {
	if len(records) == 0 {
		return
	}
	e.cuts = append(e.cuts, cut{at: len(e.dst), records: records})
	e.records += len(records)
}

// length writes the length of an array or of bytes, -1 for null; compact lengths are one more.
func (e *fetchEncoder) length(n int) {
	invariant.Check(n < math.MaxInt32, "a field of a fetch response is longer than a frame")
	if e.flexible {
		e.uvarint(uint32(n + 1))
	} else {
		e.int32(int32(n))
	}
}

func (e *fetchEncoder) string(s string) {
	if e.flexible {
		e.uvarint(uint32(len(s) + 1))
	} else {
		e.int16(int16(len(s)))
	}
	e.dst = append(e.dst, s...)
}

func (e *fetchEncoder) int16(v int16)    { e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(v)) }
func (e *fetchEncoder) int32(v int32)    { e.dst = binary.BigEndian.AppendUint32(e.dst, uint32(v)) }
func (e *fetchEncoder) int64(v int64)    { e.dst = binary.BigEndian.AppendUint64(e.dst, uint64(v)) }
func (e *fetchEncoder) uvarint(v uint32) { e.dst = binary.AppendUvarint(e.dst, uint64(v)) }
