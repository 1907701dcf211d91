package wire

import (
	"bytes"
	"math/rand/v2"
	"net"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func fetchHeader(version int16) Header {
	return Header{Key: int16(kmsg.Fetch), Version: version, CorrelationID: 99}
}

// randomFetch returns a response of some version with values or defaults in its fields.
func randomFetch(rng *rand.Rand, version int16) *kmsg.FetchResponse {
	resp := kmsg.NewPtrFetchResponse()
	if rng.IntN(10) > 0 {
		fill(rng, reflect.ValueOf(resp).Elem())
	}
	resp.Version = version
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			p := &resp.Topics[i].Partitions[j]
			fresh := kmsg.NewFetchResponseTopicPartition()
			if rng.IntN(2) == 0 {
				p.DivergingEpoch = fresh.DivergingEpoch
			}
			if rng.IntN(2) == 0 {
				p.CurrentLeader = fresh.CurrentLeader
			}
			if rng.IntN(2) == 0 {
				p.SnapshotID = fresh.SnapshotID
			}
			if rng.IntN(3) == 0 {
				p.AbortedTransactions = nil
			}
			if rng.IntN(4) == 0 {
				p.RecordBatches = nil
			}
		}
	}
	return resp
}

// split takes some of the records out of the partitions as spans.
func split(rng *rand.Rand, resp *kmsg.FetchResponse) (*kmsg.FetchResponse, [][][]byte) {
	out := *resp
	out.Topics = append([]kmsg.FetchResponseTopic(nil), resp.Topics...)
	var spans [][][]byte
	for i := range out.Topics {
		out.Topics[i].Partitions = append([]kmsg.FetchResponseTopicPartition(nil), resp.Topics[i].Partitions...)
		for j := range out.Topics[i].Partitions {
			p := &out.Topics[i].Partitions[j]
			var of [][]byte
			if rest := p.RecordBatches; rest != nil && rng.IntN(3) > 0 {
				at := rng.IntN(len(rest) + 1)
				p.RecordBatches, rest = rest[:at], rest[at:]
				if at == 0 {
					p.RecordBatches = nil
				}
				of = append(of, []byte{})
				for len(rest) > 0 {
					n := 1 + rng.IntN(len(rest))
					of, rest = append(of, rest[:n]), rest[n:]
				}
			}
			spans = append(spans, of)
		}
	}
	return &out, spans
}

func TestFetchResponsesAreByteForByteThoseOfKmsg(t *testing.T) {
	var f Fetch // used again, as a connection does
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		version := rapid.Int16Range(0, versions[kmsg.Fetch].max).Draw(t, "version")
		resp := randomFetch(rng, version)
		want := AppendResponse(nil, fetchHeader(version), resp)

		if got := joined(f.Encode(fetchHeader(version), resp, nil)); !bytes.Equal(got, want) {
			t.Fatalf("version %d, records in the response:\n got %x\nwant %x", version, got, want)
		}
		parts, spans := split(rng, resp)
		if got := joined(f.Encode(fetchHeader(version), parts, spans)); !bytes.Equal(got, want) {
			t.Fatalf("version %d, records in spans:\n got %x\nwant %x", version, got, want)
		}
	})
}

func joined(bufs net.Buffers) []byte {
	return bytes.Join(bufs, nil)
}

func bigFetch(partitions int, records []byte) (*kmsg.FetchResponse, [][][]byte) {
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = 18
	var topic kmsg.FetchResponseTopic
	var spans [][][]byte
	for i := range partitions {
		p := kmsg.NewFetchResponseTopicPartition()
		p.Partition = int32(i)
		topic.Partitions = append(topic.Partitions, p)
		spans = append(spans, [][]byte{records})
	}
	resp.Topics = append(resp.Topics, topic)
	return resp, spans
}

func TestRecordsAreSentFromWhereTheyLie(t *testing.T) {
	records := bytes.Repeat([]byte("r"), 1<<20)
	resp, spans := bigFetch(3, records)
	var f Fetch
	found := 0
	for _, b := range f.Encode(fetchHeader(18), resp, spans) {
		if &b[0] == &records[0] {
			found++
		}
	}
	if found != 3 {
		t.Errorf("%d of 3 spans are the caller's memory", found)
	}
	if n := testing.AllocsPerRun(100, func() { f.Encode(fetchHeader(18), resp, spans) }); n > 0 {
		t.Errorf("%v allocations for a response like the last, want none", n)
	}
}

func TestSendingDoesNotDisturbTheNextResponse(t *testing.T) {
	resp, spans := bigFetch(5, []byte("records"))
	want := AppendResponse(nil, fetchHeader(18), func() *kmsg.FetchResponse {
		whole, _ := bigFetch(5, nil)
		for i := range whole.Topics[0].Partitions {
			whole.Topics[0].Partitions[i].RecordBatches = []byte("records")
		}
		return whole
	}())
	var f Fetch
	for range 3 {
		bufs := f.Encode(fetchHeader(18), resp, spans)
		var sent bytes.Buffer
		if _, err := bufs.WriteTo(&sent); err != nil { // consumes bufs
			t.Fatal(err)
		}
		if !bytes.Equal(sent.Bytes(), want) {
			t.Fatalf("got %x\nwant %x", sent.Bytes(), want)
		}
	}
}

func TestMoreSpansThanPartitionsIsABug(t *testing.T) {
	resp, spans := bigFetch(2, []byte("records"))
	var f Fetch
	mustPanic(t, "a span too many", func() { f.Encode(fetchHeader(18), resp, append(spans, spans[0])) })
}

func BenchmarkFetchEncode(b *testing.B) {
	for _, n := range []int{1, 100} {
		resp, spans := bigFetch(n, make([]byte, 1<<20))
		b.Run(map[int]string{1: "1 partition", 100: "100 partitions"}[n], func(b *testing.B) {
			var f Fetch
			b.ReportAllocs()
			for b.Loop() {
				f.Encode(fetchHeader(18), resp, spans)
			}
		})
	}
}
