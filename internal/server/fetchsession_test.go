package server

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/store"
)

// transcript writes down what a client does and what it is told.
type transcript struct {
	t     *testing.T
	p     *peer
	topic *store.Topic
	id    int32
	lines []string
}

// next fetches with an epoch; change says which partitions are named anew ("P@OFFSET") and which are forgotten ("-P").
func (s *transcript) next(epoch int32, change ...string) *kmsg.FetchResponse {
	s.t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes, req.SessionID, req.SessionEpoch = 13, 1, 1<<20, s.id, epoch
	for _, c := range change {
		var p int32
		var offset int64
		if _, err := fmt.Sscanf(c, "-%d", &p); err == nil {
			f := kmsg.NewFetchRequestForgottenTopic()
			f.TopicID, f.Partitions = s.topic.ID, []int32{p}
			req.ForgottenTopics = append(req.ForgottenTopics, f)
			continue
		}
		if _, err := fmt.Sscanf(c, "%d@%d", &p, &offset); err != nil {
			s.t.Fatal(c)
		}
		addFetch(req, s.topic, p, offset, 1<<20)
	}
	resp := ask[*kmsg.FetchResponse](s.p, req)
	line := fmt.Sprintf("epoch %d %v:", epoch, change)
	if resp.ErrorCode != 0 {
		line += " " + kerr.ErrorForCode(resp.ErrorCode).(*kerr.Error).Message
	}
	if resp.SessionID == 0 {
		line += " no session"
	}
	for _, t := range resp.Topics {
		for i := range t.Partitions {
			p := &t.Partitions[i]
			line += fmt.Sprintf(" %d", p.Partition)
			if p.ErrorCode != 0 {
				line += "!" + kerr.ErrorForCode(p.ErrorCode).(*kerr.Error).Message
			} else {
				line += fmt.Sprintf("%v<%d", offsets(s.t, p), p.HighWatermark)
			}
		}
	}
	s.lines = append(s.lines, line)
	return resp
}

func (s *transcript) want(lines ...string) {
	s.t.Helper()
	if got, want := strings.Join(s.lines, "\n"), strings.Join(lines, "\n"); got != want {
		s.t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func converse(t *testing.T, limits Limits, partitions int32, set ...string) (*bench, *transcript) {
	b := start(t, limits, set...)
	return b, &transcript{t: t, p: b.dial(), topic: b.create("t", partitions)}
}

// The life of a session (KIP-227): it names what has changed and nothing else, forgets, refuses wrong epochs, and ends.
func TestFetchSessionTranscript(t *testing.T) {
	b, s := converse(t, Limits{}, 3)
	w := b.dial()
	w.put(s.topic, 0, 0, "a")
	s.id = s.next(0, "0@0", "1@0", "2@0").SessionID
	s.next(1)                      // partition 0 was not read on: it comes again
	s.next(2, "0@1")               // now it was
	s.next(3)                      // nothing is new
	w.put(s.topic, 2, 0, "b", "c") // one partition changes
	s.next(4)                      //
	s.next(5, "2@2", "1@0")        // what is named and has not changed is not answered
	s.next(6, "-2")                //
	w.put(s.topic, 2, 2, "d")      // it was forgotten
	w.put(s.topic, 1, 0, "e")      //
	s.next(7)                      //
	s.next(7)                      // an epoch twice
	s.next(9)                      // one left out
	s.next(8, "1@1", "2@2")        // a wrong one changes nothing; a partition may come back
	s.next(9, "1@5")               // beyond the end
	s.next(10)                     // errors are repeated
	s.next(11, "1@1")              // until they are gone; then the partition is named again
	s.next(-1, "0@0")              // closes the session and is answered without one
	s.next(12)                     //
	s.want("epoch 0 [0@0 1@0 2@0]: 0[0]<1 1[]<0 2[]<0",
		"epoch 1 []: 0[0]<1",
		"epoch 2 [0@1]:",
		"epoch 3 []:",
		"epoch 4 []: 2[0]<2",
		"epoch 5 [2@2 1@0]:",
		"epoch 6 [-2]:",
		"epoch 7 []: 1[0]<1",
		"epoch 7 []: INVALID_FETCH_SESSION_EPOCH no session",
		"epoch 9 []: INVALID_FETCH_SESSION_EPOCH no session",
		"epoch 8 [1@1 2@2]: 2[2]<3",
		"epoch 9 [1@5]: 2[2]<3 1!OFFSET_OUT_OF_RANGE",
		"epoch 10 []: 2[2]<3 1!OFFSET_OUT_OF_RANGE",
		"epoch 11 [1@1]: 2[2]<3 1[]<1",
		"epoch -1 [0@0]: no session 0[0]<1",
		"epoch 12 []: FETCH_SESSION_ID_NOT_FOUND no session")
	if n := b.Stats().FetchSessions; n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}

// A session whose partitions are all forgotten ends.
func TestFetchSessionWithoutPartitionsEnds(t *testing.T) {
	_, s := converse(t, Limits{}, 1)
	s.id = s.next(0, "0@0").SessionID
	s.next(1, "-0")
	s.next(2)
	s.want("epoch 0 [0@0]: 0[]<0", "epoch 1 [-0]: no session", "epoch 2 []: FETCH_SESSION_ID_NOT_FOUND no session")
}

// A session by id does not take a topic that was made again for the old one.
func TestFetchSessionOfADeletedTopic(t *testing.T) {
	b, s := converse(t, Limits{}, 1)
	s.id = s.next(0, "0@0").SessionID
	if err := b.store.DeleteTopic(context.Background(), "t"); err != nil {
		t.Fatal(err)
	}
	s.next(1)
	b.dial().put(b.create("t", 1), 0, 0, "not for the session")
	s.next(2)
	s.want("epoch 0 [0@0]: 0[]<0", "epoch 1 []: 0!UNKNOWN_TOPIC_ID", "epoch 2 []: 0!UNKNOWN_TOPIC_ID")
}

// A session names topics either by name or by id.
func TestFetchSessionKeepsToItsNames(t *testing.T) {
	_, s := converse(t, Limits{}, 1)
	s.id = s.next(0, "0@0").SessionID
	req := fetchOne(12, s.topic, 0, 1<<20, 0)
	req.SessionID, req.SessionEpoch = s.id, 1
	if got := ask[*kmsg.FetchResponse](s.p, req); got.ErrorCode != kerr.FetchSessionTopicIDError.Code {
		t.Errorf("code %d", got.ErrorCode)
	}
}

// A waiting fetch of a session is woken by any of its partitions.
func TestFetchSessionWaits(t *testing.T) {
	b, s := converse(t, Limits{}, 200)
	full := fetchAll(13, s.topic, 1<<20)
	s.id = ask[*kmsg.FetchResponse](s.p, full).SessionID
	w := b.dial()
	for i := range 20 {
		req := kmsg.NewPtrFetchRequest()
		req.Version, req.MinBytes, req.MaxBytes, req.MaxWaitMillis, req.SessionID, req.SessionEpoch = 13, 1, 1<<20, 1_000_000_000, s.id, int32(i+1)
		if i > 0 {
			addFetch(req, s.topic, int32(i*9-9), 1, 1<<20)
		}
		id := s.p.send(req)
		if i%2 == 0 {
			b.eventually(func(st Stats) bool { return st.Requests[keyFetch] == int64(i+2) })
		}
		w.put(s.topic, int32(i*9), 0, "v")
		got := &kmsg.FetchResponse{Version: 13}
		s.p.receive(id, got)
		for len(got.Topics) == 0 || len(got.Topics[0].Partitions[0].RecordBatches) == 0 {
			t.Fatalf("fetch %d: %+v", i, got)
		}
		if p := got.Topics[0].Partitions; len(p) != 1 || p[0].Partition != int32(i*9) {
			t.Fatalf("fetch %d: %+v", i, p)
		}
	}
}

// Partitions that always have something to read get their turn, one after the other.
func TestFetchSessionIsFair(t *testing.T) {
	b, s := converse(t, Limits{}, 5)
	w := b.dial()
	value := strings.Repeat("x", 1000)
	for p := range int32(5) {
		for i := range 20 {
			w.put(s.topic, p, int64(i), value)
		}
	}
	req := fetchAll(13, s.topic, int32(len(plain(value)))) // room for one batch
	resp := ask[*kmsg.FetchResponse](s.p, req)
	read := make(map[int32]int64)
	for epoch := int32(1); epoch <= 50; epoch++ {
		next := kmsg.NewPtrFetchRequest()
		next.Version, next.MinBytes, next.MaxBytes, next.SessionID, next.SessionEpoch = 13, 1, req.MaxBytes, resp.SessionID, epoch
		for i := range resp.Topics {
			for j := range resp.Topics[i].Partitions {
				if p := &resp.Topics[i].Partitions[j]; len(p.RecordBatches) > 0 {
					read[p.Partition]++
					addFetch(next, s.topic, p.Partition, read[p.Partition], 1<<20)
				}
			}
		}
		id := resp.SessionID
		resp = ask[*kmsg.FetchResponse](s.p, next)
		if resp.SessionID != id || resp.ErrorCode != 0 {
			t.Fatalf("epoch %d: %+v", epoch, resp)
		}
	}
	for p := range int32(5) {
		if read[p] < 8 || read[p] > 12 {
			t.Errorf("partition %d was read %d times of 50", p, read[p])
		}
	}
}

// Slots are given as Kafka gives them: an unused session makes room after two minutes, a smaller one when it is older than that.
func TestFetchSessionSlots(t *testing.T) {
	now := testTime
	c := &sessions{}
	c.init(2, func() time.Time { return now })
	of := func(partitions int) *session {
		s := newSession(true)
		for i := range partitions {
			s.parts[partKey{partition: int32(i)}] = &fetchPart{set: s}
		}
		return s
	}
	keep := func(s *session) bool {
		ok := c.keep(s)
		if ok {
			c.put(s)
		}
		return ok
	}
	small, large := of(1), of(5)
	if !keep(small) || !keep(large) {
		t.Fatal("there were two slots")
	}
	if keep(of(100)) {
		t.Error("a session made room at once")
	}
	touch := func(s *session) {
		t.Helper()
		if _, err := c.take(s.id, s.epoch, true); err != nil {
			t.Fatal(err)
		}
		c.put(s)
	}
	now = now.Add(90 * time.Second)
	touch(small)
	touch(large)
	now = now.Add(90 * time.Second)
	if keep(of(1)) {
		t.Error("a session made room for one that is no larger")
	}
	bigger := of(2)
	if !keep(bigger) || c.byID[small.id] != nil || c.byID[large.id] == nil {
		t.Error("the smallest old session made no room")
	}
	now = now.Add(100 * time.Second)
	touch(bigger)
	now = now.Add(30 * time.Second)
	if !keep(of(1)) || c.byID[large.id] != nil {
		t.Error("an unused session made no room")
	}
	if nextEpoch(math.MaxInt32) != 1 {
		t.Error("after the greatest epoch comes 1")
	}
}
