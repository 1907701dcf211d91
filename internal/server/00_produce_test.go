package server

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
)

// flip returns b with one byte changed.
func flip(b []byte, at int) []byte {
	b = append([]byte(nil), b...)
	b[at] ^= 0xff
	return b
}

// A batch that is not right is refused with Kafka's code, its partition only, and nothing is stored.
func TestProduceRefuses(t *testing.T) {
	zstd := batch.NoProducer()
	zstd.Codec = batch.ZSTD
	control := batch.NoProducer()
	control.Control = true
	transactional := batch.Options{ProducerID: 1, Transactional: true}
	late := batch.NewBuilder(batch.NoProducer())
	late.Append(testTime.UnixMilli()+7_200_000, nil, []byte("from the future"))
	v1 := plain("v")
	v1[16] = 1
	for name, c := range map[string]struct {
		req  *kmsg.ProduceRequest
		with func(*kmsg.ProduceRequest)
		sent []byte
		code int16
	}{
		"no batch":               {sent: []byte{}, code: kerr.InvalidRecord.Code},
		"null":                   {sent: nil, code: kerr.InvalidRecord.Code},
		"half a batch":           {sent: plain("v")[:64], code: kerr.InvalidRecord.Code},
		"two batches":            {sent: append(plain("v"), plain("w")...), code: kerr.InvalidRecord.Code},
		"an old format":          {sent: v1, code: kerr.InvalidRecord.Code},
		"a wrong checksum":       {sent: flip(plain("some value"), 70), code: kerr.CorruptMessage.Code},
		"too large":              {sent: plain(strings.Repeat("x", 2<<20)), code: kerr.MessageTooLarge.Code},
		"a control batch":        {sent: records(control, "v"), code: kerr.InvalidRecord.Code},
		"a transaction's, no id": {sent: records(transactional, "v"), code: kerr.TransactionalIDAuthorizationFailed.Code},
		"a transaction's":        {sent: records(transactional, "v"), with: func(r *kmsg.ProduceRequest) { r.TransactionID = kmsg.StringPtr("tx") }, code: kerr.InvalidTxnState.Code},
		"a time of the future":   {sent: late.Build(nil), code: kerr.InvalidTimestamp.Code},
		"zstd before version 7":  {sent: records(zstd, "v"), with: func(r *kmsg.ProduceRequest) { r.Version = 6 }, code: kerr.UnsupportedCompressionType.Code},
		"version 2":              {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Version = 2 }, code: kerr.UnsupportedVersion.Code},
		"acks 2":                 {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Acks = 2 }, code: kerr.InvalidRequiredAcks.Code},
		"no such partition":      {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = 9 }, code: kerr.UnknownTopicOrPartition.Code},
		"a negative partition":   {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Topics[0].Partitions[0].Partition = -1 }, code: kerr.UnknownTopicOrPartition.Code},
		"no such topic":          {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Version, r.Topics[0].Topic = 12, "none" }, code: kerr.UnknownTopicOrPartition.Code},
		"no such id":             {sent: plain("v"), with: func(r *kmsg.ProduceRequest) { r.Topics[0].TopicID[3] ^= 1 }, code: kerr.UnknownTopicID.Code},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, Limits{})
			topic := b.create("t", 2)
			req := produceTo(13, topic, 0, c.sent)
			if c.with != nil {
				c.with(req)
			}
			p := b.dial()
			got := ask[*kmsg.ProduceResponse](p, req).Topics[0].Partitions[0]
			if got.ErrorCode != c.code || got.BaseOffset != -1 {
				t.Errorf("code %d (%v), offset %d; want code %d", got.ErrorCode, kerr.ErrorForCode(got.ErrorCode), got.BaseOffset, c.code)
			}
			if req.Version >= 8 && (got.ErrorMessage == nil || *got.ErrorMessage == "") {
				t.Error("it does not say why")
			}
			p.put(topic, 0, 0, "the next one")
			if n := b.Stats().Errors[c.code]; n != 1 {
				t.Errorf("it is counted %d times", n)
			}
		})
	}
}

// Of several partitions, those that are right are stored.
func TestProduceToSeveralPartitions(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 3)
	req := produceTo(9, topic, 0, plain("a", "b"))
	for i, sent := range [][]byte{flip(plain("c"), 65), plain("d")} {
		x := kmsg.NewProduceRequestTopicPartition()
		x.Partition, x.Records = int32(i+1), sent
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, x)
	}
	other := produceTo(9, b.create("u", 1), 0, plain("e"))
	req.Topics = append(req.Topics, other.Topics[0])
	resp := ask[*kmsg.ProduceResponse](b.dial(), req)
	var got []int16
	for _, rt := range resp.Topics {
		for _, p := range rt.Partitions {
			got = append(got, p.ErrorCode)
		}
	}
	if diff := cmp.Diff([]int16{0, kerr.CorruptMessage.Code, 0, 0}, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	for i, want := range []int64{2, 0, 1} {
		if end := topic.Partitions[i].HighWatermark(); end != want {
			t.Errorf("partition %d ends at %d, want %d", i, end, want)
		}
	}
}

// With acks=0 there is no response, and an error ends the connection.
func TestProduceWithoutAcks(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	req := produceTo(9, topic, 0, plain("v"))
	req.Acks = 0
	p.send(req)
	p.send(req)
	p.put(topic, 0, 2, "with acks") // its response is the first that comes
	bad := produceTo(9, topic, 0, flip(plain("v"), 65))
	bad.Acks = 0
	p.send(bad)
	if answer := p.closed(); answer != "" {
		t.Errorf("answer %q", answer)
	}
}

// A batch that is sent twice is stored once and answered twice with its offset; one that leaves something out is refused.
func TestProduceIdempotent(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	id := ask[*kmsg.InitProducerIDResponse](p, &kmsg.InitProducerIDRequest{Version: 4, ProducerID: -1, ProducerEpoch: -1})
	if id.ErrorCode != 0 || id.ProducerEpoch != 0 {
		t.Fatalf("InitProducerId: %+v", id)
	}
	batchAt := func(sequence int32) []byte {
		return records(batch.Options{ProducerID: id.ProducerID, BaseSequence: sequence}, "a", "b")
	}
	for _, c := range []struct {
		sequence int32
		code     int16
		offset   int64
	}{{0, 0, 0}, {2, 0, 2}, {0, 0, 0}, {2, 0, 2}, {8, kerr.OutOfOrderSequenceNumber.Code, -1}, {4, 0, 4}} {
		got := ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, batchAt(c.sequence))).Topics[0].Partitions[0]
		if got.ErrorCode != c.code || got.BaseOffset != c.offset {
			t.Errorf("sequence %d: code %d, offset %d; want %d and %d", c.sequence, got.ErrorCode, got.BaseOffset, c.code, c.offset)
		}
	}
}

// A topic's compression and its time are given to every batch, whatever the producer sends.
func TestProduceConformsToTheTopic(t *testing.T) {
	for _, want := range []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.ZSTD} {
		t.Run(want.String(), func(t *testing.T) {
			b := start(t, Limits{})
			setting := want.String()
			if want == batch.None {
				setting = "uncompressed"
			}
			topic := b.create("t", 1, "compression.type="+setting, "message.timestamp.type=LogAppendTime")
			p := b.dial()
			for _, sent := range []batch.Codec{batch.None, batch.ZSTD, batch.Gzip} {
				o := batch.NoProducer()
				o.Codec = sent
				r := ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, records(o, "a", "b"))).Topics[0].Partitions[0]
				if r.ErrorCode != 0 || r.LogAppendTime != testTime.UnixMilli() {
					t.Fatalf("produce: %+v", r)
				}
			}
			got := ask[*kmsg.FetchResponse](p, fetchOne(12, topic, 0, 1<<20, 0)).Topics[0].Partitions[0].RecordBatches
			n := 0
			for len(got) > 0 {
				x, rest, err := batch.Next(got)
				if err != nil {
					t.Fatal(err)
				}
				got = rest
				if x.Compression() != want || x.TimestampType() != batch.LogAppendTime || x.CheckCRC() != nil {
					t.Errorf("stored with %v, %v", x.Compression(), x.TimestampType())
				}
				for r, err := range x.Records(1 << 20) {
					if err != nil || r.Offset != int64(n) || string(r.Value) != []string{"a", "b"}[n%2] {
						t.Errorf("record %d: %q at %d, %v", n, r.Value, r.Offset, err)
					}
					n++
				}
			}
			if n != 6 {
				t.Errorf("%d records, want 6", n)
			}
		})
	}
}

// What waits for room longer than the client does is refused so that the client tries again.
func TestProduceRefusalsOfTheStoreAreRetriable(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	if err := b.store.DeleteTopic(context.Background(), "t"); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[int16]int16{12: kerr.UnknownTopicOrPartition.Code, 13: kerr.UnknownTopicID.Code} {
		if got := ask[*kmsg.ProduceResponse](p, produceTo(version, topic, 0, plain("v"))).Topics[0].Partitions[0].ErrorCode; got != want {
			t.Errorf("version %d: code %d, want %d", version, got, want)
		}
	}
	for _, m := range reasons[:6] {
		if !m.kind.Retriable {
			t.Errorf("%v becomes %s, which clients do not retry", m.is, m.kind.Message)
		}
	}
}

// Of a partition that a request names twice the last batch counts, and is answered once, as in Kafka.
func TestProducePartitionNamedTwice(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 3)
	p := b.dial()
	req := produceTo(13, topic, 0, plain("first"))
	req.Topics = append(req.Topics, produceTo(13, topic, 1, plain("other")).Topics...)
	req.Topics = append(req.Topics, produceTo(13, topic, 0, plain("a", "b")).Topics...)
	got := ask[*kmsg.ProduceResponse](p, req)
	if len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 2 {
		t.Fatalf("%+v", got.Topics)
	}
	for i, q := range got.Topics[0].Partitions {
		if q.Partition != int32(i) || q.ErrorCode != 0 || q.BaseOffset != 0 {
			t.Errorf("%+v", q)
		}
	}
	for _, odd := range []int32{-1, math.MinInt32, math.MaxInt32} { // partitions that cannot be, in a request with one named twice
		req := produceTo(13, topic, odd, plain("x"))
		req.Topics = append(req.Topics, produceTo(13, topic, odd, plain("y")).Topics...)
		req.Topics = append(req.Topics, produceTo(13, topic, 2, plain("z")).Topics...)
		got := ask[*kmsg.ProduceResponse](p, req).Topics
		if len(got) != 1 || len(got[0].Partitions) != 2 || name(got[0].Partitions[0].ErrorCode) != "UNKNOWN_TOPIC_OR_PARTITION" || got[0].Partitions[1].ErrorCode != 0 {
			t.Errorf("partition %d: %+v", odd, got)
		}
	}
	p.put(topic, 0, 2, "the last batch had two")
	p.put(topic, 1, 1, "one")
}

// What is no batch of any format is corrupt; an old format is refused for what it is.
func TestProduceZeros(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	for want, bytes := range map[string][]byte{
		"CORRUPT_MESSAGE": make([]byte, 100),
		"INVALID_RECORD":  append([]byte{11: 20}, make([]byte, 88)...),
	} {
		if got := ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, bytes)).Topics[0].Partitions[0]; name(got.ErrorCode) != want {
			t.Errorf("%s instead of %s", name(got.ErrorCode), want)
		}
	}
}

// A compacted topic takes no record without a key: the batch is refused as a whole, and the answer says which records are at fault.
func TestACompactedTopicAsksForKeys(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1, "cleanup.policy=compact")
	p := b.dial()
	mixed := batch.NewBuilder(batch.NoProducer())
	for _, key := range [][]byte{[]byte("a"), nil, []byte("b"), nil} {
		mixed.Append(testTime.UnixMilli(), key, []byte("v"))
	}
	got := ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, mixed.Build(nil))).Topics[0].Partitions[0]
	if got.ErrorCode != kerr.InvalidRecord.Code || got.BaseOffset != -1 || len(got.ErrorRecords) != 2 || got.ErrorRecords[0].RelativeOffset != 1 || got.ErrorRecords[1].RelativeOffset != 3 {
		t.Fatalf("%+v", got)
	}
	keyed := batch.NewBuilder(batch.NoProducer())
	keyed.Append(testTime.UnixMilli(), []byte("a"), nil)
	if got := ask[*kmsg.ProduceResponse](p, produceTo(13, topic, 0, keyed.Build(nil))).Topics[0].Partitions[0]; got.ErrorCode != 0 || got.BaseOffset != 0 {
		t.Fatalf("%+v", got)
	}
}
