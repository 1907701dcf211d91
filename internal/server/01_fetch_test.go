package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/store"
)

// offsets are those of the batches in a response's partition.
func offsets(t testing.TB, p *kmsg.FetchResponseTopicPartition) (out []int64) {
	t.Helper()
	for left := p.RecordBatches; len(left) > 0; {
		x, rest, err := batch.Next(left)
		if err != nil {
			t.Fatalf("partition %d: %v", p.Partition, err)
		}
		if err := x.CheckCRC(); err != nil {
			t.Fatalf("partition %d: %v", p.Partition, err)
		}
		out, left = append(out, x.BaseOffset()), rest
	}
	return out
}

// A fetch from within a batch begins with the whole batch; one from the end is empty; one behind it, or before the start, is out of range.
func TestFetchPositions(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.put(topic, 0, 0, "a", "b", "c")
	p.put(topic, 0, 3, "d", "e")
	for version := int16(4); version <= 18; version++ {
		for _, c := range []struct {
			offset int64
			code   int16
			want   []int64
		}{{0, 0, []int64{0, 3}}, {2, 0, []int64{0, 3}}, {3, 0, []int64{3}}, {5, 0, nil}, {6, kerr.OffsetOutOfRange.Code, nil}, {-1, kerr.OffsetOutOfRange.Code, nil}} {
			req := fetchOne(version, topic, 0, 1<<20, 0)
			req.Topics[0].Partitions[0].FetchOffset = c.offset
			got := ask[*kmsg.FetchResponse](p, req).Topics[0].Partitions[0]
			end := int64(5)
			if c.code != 0 {
				end = -1
			}
			if o := offsets(t, &got); got.ErrorCode != c.code || len(o) != len(c.want) || len(o) > 0 && o[0] != c.want[0] || got.HighWatermark != end || got.RecordBatches == nil {
				t.Errorf("version %d, offset %d: code %d, batches %v, end %d, records null: %v", version, c.offset, got.ErrorCode, o, got.HighWatermark, got.RecordBatches == nil)
			}
			if got.PreferredReadReplica != -1 {
				t.Errorf("preferred replica %d", got.PreferredReadReplica)
			}
		}
	}
}

// read_committed has a list of aborted transactions, an empty one; read_uncommitted has null. The last stable offset is the high watermark.
func TestFetchIsolation(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.put(topic, 0, 0, "a")
	for level, null := range []bool{true, false} {
		req := fetchOne(11, topic, 0, 1<<20, 0)
		req.IsolationLevel = int8(level)
		got := ask[*kmsg.FetchResponse](p, req).Topics[0].Partitions[0]
		if (got.AbortedTransactions == nil) != null || len(got.AbortedTransactions) > 0 || got.LastStableOffset != 1 {
			t.Errorf("isolation %d: %+v", level, got)
		}
	}
}

// The limits of the request and of the partition cut between batches; the first batch of the response comes whole whatever they are (KIP-74).
func TestFetchLimits(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p := b.dial()
	value := strings.Repeat("x", 1000)
	size := int32(len(plain(value)))
	for i := range 4 {
		p.put(topic, 0, int64(i), value)
		p.put(topic, 1, int64(i), value)
	}
	for name, c := range map[string]struct {
		all, part    int32
		first, other int
	}{
		"enough for all":            {1 << 20, 1 << 20, 4, 4},
		"two of each partition":     {1 << 20, 2 * size, 2, 2},
		"not quite three":           {1 << 20, 3*size - 1, 2, 2},
		"three in all":              {3 * size, 1 << 20, 3, 0},
		"five in all":               {5 * size, 1 << 20, 4, 1},
		"less than one":             {1, 1, 1, 0},
		"nothing":                   {0, 0, 1, 0},
		"less than one a partition": {1 << 20, 1, 1, 0},
	} {
		req := fetchOne(12, topic, 0, c.all, 0)
		req.Topics[0].Partitions[0].PartitionMaxBytes = c.part
		q := kmsg.NewFetchRequestTopicPartition()
		q.Partition, q.PartitionMaxBytes = 1, c.part
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, q)
		got := ask[*kmsg.FetchResponse](p, req).Topics[0].Partitions
		if a, b := len(offsets(t, &got[0])), len(offsets(t, &got[1])); a != c.first || b != c.other {
			t.Errorf("%s: %d and %d batches, want %d and %d", name, a, b, c.first, c.other)
		}
		if got[1].HighWatermark != 4 {
			t.Errorf("%s: a partition without records has the end %d", name, got[1].HighWatermark)
		}
	}
}

// A fetch waits for min_bytes until max_wait, and is answered when they are there.
func TestFetchWaits(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 2)
	p, w := b.dial(), b.dial()
	t.Run("in vain", func(t *testing.T) {
		began := time.Now()
		got := ask[*kmsg.FetchResponse](p, fetchOne(12, topic, 0, 1<<20, 50))
		if d := time.Since(began); d < 50*time.Millisecond || got.ErrorCode != 0 || len(got.Topics[0].Partitions[0].RecordBatches) > 0 {
			t.Errorf("after %v: %+v", d, got)
		}
	})
	t.Run("for one record", func(t *testing.T) {
		id := p.send(fetchOne(12, topic, 0, 1<<20, 1_000_000_000))
		b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == 2 })
		w.put(topic, 1, 0, "not this one")
		w.put(topic, 0, 0, "this one")
		got := &kmsg.FetchResponse{Version: 12}
		if p.receive(id, got); len(offsets(t, &got.Topics[0].Partitions[0])) != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("for many bytes", func(t *testing.T) {
		req := fetchOne(12, topic, 0, 1<<20, 1_000_000_000)
		req.MinBytes = 10_000
		id := p.send(req)
		wrote := 1
		for size := len(plain("this one")); size < 10_000; wrote++ {
			w.put(topic, 0, int64(wrote), strings.Repeat("y", 990))
			size += len(plain(strings.Repeat("y", 990)))
		}
		got := &kmsg.FetchResponse{Version: 12}
		if p.receive(id, got); len(got.Topics[0].Partitions[0].RecordBatches) < 10_000 {
			t.Errorf("%d bytes", len(got.Topics[0].Partitions[0].RecordBatches))
		}
	})
	t.Run("until the topic is deleted", func(t *testing.T) {
		doomed := b.create("doomed", 1)
		id := p.send(fetchOne(13, doomed, 0, 1<<20, 1_000_000_000))
		b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == 4 })
		if err := b.store.DeleteTopic(context.Background(), "doomed"); err != nil {
			t.Fatal(err)
		}
		got := &kmsg.FetchResponse{Version: 13}
		if p.receive(id, got); got.Topics[0].Partitions[0].ErrorCode != kerr.UnknownTopicID.Code {
			t.Errorf("got %+v", got)
		}
	})
}

// Errors are a partition's, and are answered at once.
func TestFetchErrors(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.put(topic, 0, 0, "a")
	for name, c := range map[string]struct {
		version int16
		with    func(*kmsg.FetchRequest)
		code    int16
	}{
		"no such topic":      {12, func(r *kmsg.FetchRequest) { r.Topics[0].Topic = "none" }, kerr.UnknownTopicOrPartition.Code},
		"no such id":         {13, func(r *kmsg.FetchRequest) { r.Topics[0].TopicID[0] ^= 1 }, kerr.UnknownTopicID.Code},
		"no such partition":  {12, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].Partition = 7 }, kerr.UnknownTopicOrPartition.Code},
		"a newer epoch":      {12, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].CurrentLeaderEpoch = 9 }, kerr.UnknownLeaderEpoch.Code},
		"a replica":          {12, func(r *kmsg.FetchRequest) { r.ReplicaID = 2 }, kerr.NotLeaderForPartition.Code},
		"a replica, by tag":  {18, func(r *kmsg.FetchRequest) { r.ReplicaState.ID = 2 }, kerr.NotLeaderForPartition.Code},
		"an epoch never had": {12, func(r *kmsg.FetchRequest) { r.Topics[0].Partitions[0].LastFetchedEpoch = 5 }, kerr.OffsetOutOfRange.Code},
	} {
		req := fetchOne(c.version, topic, 0, 1<<20, 1_000_000_000)
		c.with(req)
		if got := ask[*kmsg.FetchResponse](p, req).Topics[0].Partitions[0]; got.ErrorCode != c.code || got.HighWatermark != -1 {
			t.Errorf("%s: %+v, want code %d", name, got, c.code)
		}
	}
}

// A client whose last record is not in the log is told where its epoch ends (KIP-595).
func TestFetchDivergingEpoch(t *testing.T) {
	b := start(t, Limits{})
	topic := b.create("t", 1)
	p := b.dial()
	p.put(topic, 0, 0, "a", "b")
	req := fetchOne(12, topic, 0, 1<<20, 1_000_000_000)
	req.Topics[0].Partitions[0].FetchOffset, req.Topics[0].Partitions[0].LastFetchedEpoch = 5, 0
	got := ask[*kmsg.FetchResponse](p, req).Topics[0].Partitions[0]
	if got.ErrorCode != 0 || got.DivergingEpoch.Epoch != 0 || got.DivergingEpoch.EndOffset != 2 || len(got.RecordBatches) > 0 {
		t.Errorf("got %+v", got)
	}
}

// When little memory for responses is left they get smaller, and still have a batch.
func TestFetchMemoryIsBounded(t *testing.T) {
	b := start(t, Limits{FetchBytes: 1})
	topic := b.create("t", 1)
	p := b.dial()
	for i := range 5 {
		p.put(topic, 0, int64(i), strings.Repeat("x", 40<<10))
	}
	got := ask[*kmsg.FetchResponse](p, fetchOne(12, topic, 0, 1<<20, 0)).Topics[0].Partitions[0]
	if n := len(offsets(t, &got)); n != 1 {
		t.Errorf("%d batches, want 1", n)
	}
}

// fetchAll makes a full fetch of all partitions for a session.
func fetchAll(version int16, t *store.Topic, maxBytes int32) *kmsg.FetchRequest {
	req := fetchOne(version, t, 0, maxBytes, 0)
	req.SessionEpoch = 0
	for i := 1; i < len(t.Partitions); i++ {
		q := req.Topics[0].Partitions[0]
		q.Partition = int32(i)
		req.Topics[0].Partitions = append(req.Topics[0].Partitions, q)
	}
	return req
}
