package server

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/wire"
)

// fetcher answers the Fetch requests (key 1) of one connection. The records of a response are not copied: the fetcher holds them until it is released.
//
// A fetch looks at the partitions that are ready: all of a full request, and of a session those that the client or their log has changed. When it
// has not found enough it waits for the logs to make more of them ready. What it looked at and has more to read is ready again, behind the others,
// so that every partition gets its turn.
type fetcher struct {
	srv     *Server
	encoder wire.Fetch
	timer   *time.Timer
	waited  time.Duration // of the last fetch

	// Of one request.
	set       *session
	kept      bool // set belongs to srv.sessions and has to be given back
	full      bool // the response names all partitions
	create    bool // the set becomes a session
	committed bool // of read_committed
	reject    error
	wait      time.Duration // at most
	least     int           // bytes of records that are worth an answer
	limit     int           // bytes of records
	bytes     int           // found
	enough    bool          // there is a reason to answer now
	waiting   bool          // it waits for the logs
	findings  []*fetchPart
	resp      kmsg.FetchResponse
	spans     [][][]byte
}

// answer waits, if it has to, and answers the request that was opened. The response is valid until release.
func (f *fetcher) answer(ctx context.Context, err error) (*kmsg.FetchResponse, [][][]byte) {
	if err != nil {
		f.resp.ErrorCode, _ = f.srv.fault(err)
		return &f.resp, nil
	}
	f.collect()
	if f.wait > 0 && len(f.set.parts) > 0 {
		f.await(ctx)
	}
	f.respond()
	return &f.resp, f.spans
}

// open takes over a request and finds the set of partitions that it is about (KIP-227). The request is not needed any more.
func (f *fetcher) open(req *kmsg.FetchRequest) error {
	s := f.srv
	f.waited, f.bytes, f.enough, f.waiting = 0, 0, false, false
	f.resp.Version, f.resp.ErrorCode, f.resp.SessionID, f.resp.Topics = req.Version, 0, 0, f.resp.Topics[:0]
	f.limit = max(0, min(int(req.MaxBytes), s.conf.fetchBytes))
	f.least = min(int(req.MinBytes), f.limit)
	f.wait = time.Duration(req.MaxWaitMillis) * time.Millisecond
	f.committed = req.IsolationLevel == 1
	f.create = req.Version >= 7 && req.SessionEpoch == 0
	replica := req.ReplicaID
	if req.Version >= 15 {
		replica = req.ReplicaState.ID
	}
	if f.reject = nil; replica >= 0 {
		f.reject = refuse(kerr.NotLeaderForPartition, "partitions have no replicas: a fetch as one of them is not answered")
	}
	byID := req.Version >= 13
	f.full, f.kept = true, false
	if req.SessionEpoch == 0 || req.SessionEpoch == -1 {
		if req.SessionID != 0 {
			s.sessions.remove(req.SessionID)
		}
		f.set = newSession(byID)
		f.set.update(req)
		return nil
	}
	set, err := s.sessions.take(req.SessionID, req.SessionEpoch, byID)
	if err != nil {
		return err
	}
	f.set, f.kept, f.full = set, true, false
	set.update(req)
	set.order = set.order[:0]
	return nil
}

// collect reads the partitions that are ready.
func (f *fetcher) collect() {
	for p := f.set.takeReady(); p != nil; {
		if f.bytes >= f.limit && f.bytes > 0 && !f.full {
			f.set.putBack(p)
			f.enough = true
			return
		}
		next := f.set.unqueue(p) // before it is read: what comes then makes it ready again
		if !p.forgotten {
			f.read(p)
		}
		p = next
	}
}

// read looks at one partition, perhaps once more.
func (f *fetcher) read(p *fetchPart) {
	if p.found {
		f.drop(p)
	} else {
		p.found = true
		f.findings = append(f.findings, p)
	}
	if f.reject != nil {
		if p.err = p.resolve(f.srv.store, f.set.byID, false); p.err == nil {
			p.err = f.reject
		}
		f.enough = true
		return
	}
	memory := &f.srv.fetchMemory
	granted := memory.take(min(int(p.max), f.limit-f.bytes))
	p.read(f.srv.store, f.set.byID, f.set.watch, granted, f.bytes == 0)
	memory.give(granted - p.span.Size)
	f.bytes += p.span.Size
	// What is not there is no reason to answer while there is something else to wait for, as in Kafka. A read that ends before the high watermark was cut by a limit.
	if p.err != nil && (p.log != nil || f.waiting) || p.diverges() || p.span.Size > 0 && p.span.Next < p.span.Bounds.HighWatermark {
		f.enough = true
	}
}

// drop lets go of what was found in a partition.
func (f *fetcher) drop(p *fetchPart) {
	f.srv.fetchMemory.give(p.span.Size)
	f.bytes -= p.span.Size
	p.span.Release()
}

// await collects until there is enough, or nobody waits any longer.
func (f *fetcher) await(ctx context.Context) {
	if f.enough || f.bytes >= f.least || f.nothingThere() {
		return
	}
	began := time.Now()
	if f.timer == nil {
		f.timer = time.NewTimer(f.wait)
	} else {
		f.timer.Reset(f.wait)
	}
	defer f.timer.Stop()
	defer func() { f.waited = time.Since(began) }()
	f.waiting = true
	for f.set.startWatching(); ; {
		select {
		case <-f.set.wake:
		case <-f.timer.C:
			return
		case <-f.srv.draining:
			return
		case <-ctx.Done():
			return
		}
		if f.collect(); f.enough || f.bytes >= f.least {
			return
		}
	}
}

// nothingThere says that none of the partitions exists: there is nothing to wait for. Those that do not are found by every fetch.
func (f *fetcher) nothingThere() bool {
	missing := 0
	for _, p := range f.findings {
		if p.err != nil && p.log == nil {
			missing++
		}
	}
	return missing == len(f.set.parts)
}

// respond makes the response out of the findings.
func (f *fetcher) respond() {
	if f.full {
		f.findings = append(f.findings[:0], f.set.order...) // as the request has them
		if f.create && f.srv.sessions.keep(f.set) {
			f.kept = true
			f.keep()
		}
	}
	f.resp.SessionID = f.set.id
	if !f.full && len(f.set.parts) == 0 {
		f.resp.SessionID = 0 // all are forgotten: so is the session
	}
	f.spans = f.spans[:0]
	for _, p := range f.findings {
		worth := p.worthTelling()
		if p.forgotten || !f.full && !worth {
			continue
		}
		f.add(p)
		f.spans = append(f.spans, p.span.Bytes)
	}
}

// keep makes the request's partitions those of a session: it watches their logs, and looks at all of them the next time.
func (f *fetcher) keep() {
	s := f.set
	s.watch, s.order = true, nil
	for _, p := range f.findings {
		p.watch()
		s.enqueue(p)
	}
}

// add puts a partition into the response, together with those of its topic before it.
func (f *fetcher) add(p *fetchPart) {
	topics := f.resp.Topics
	if n := len(topics); n == 0 || topics[n-1].Topic != p.key.topic || topics[n-1].TopicID != p.key.id {
		var reuse []kmsg.FetchResponseTopicPartition
		if n < cap(topics) {
			reuse = topics[:n+1][n].Partitions[:0]
		}
		topics = append(topics, kmsg.FetchResponseTopic{Topic: p.key.topic, TopicID: p.key.id, Partitions: reuse})
		f.resp.Topics = topics
	}
	out := kmsg.NewFetchResponseTopicPartition()
	out.Partition, out.RecordBatches = p.key.partition, []byte{}
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset = -1, -1, -1
	if p.err != nil {
		if out.ErrorCode, _ = f.srv.fault(p.err); p.log == nil { // what is not there has an empty list in Kafka
			out.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		}
	} else {
		b := &p.span.Bounds
		out.HighWatermark, out.LastStableOffset, out.LogStartOffset, out.DivergingEpoch = b.HighWatermark, b.LastStable, b.Start, p.diverging
		if f.committed {
			out.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		}
	}
	t := &topics[len(topics)-1]
	t.Partitions = append(t.Partitions, out)
}

// release lets go of the records, and of the session or the watched logs.
func (f *fetcher) release() {
	for _, p := range f.findings {
		if f.kept && p.more() && !p.forgotten {
			f.set.enqueue(p)
		}
		f.drop(p)
		p.found = false
	}
	clear(f.findings)
	clear(f.spans)
	f.findings, f.spans = f.findings[:0], f.spans[:0]
	switch {
	case f.set == nil:
	case f.kept:
		f.srv.sessions.put(f.set)
	default:
		f.set.end()
	}
	f.set, f.kept = nil, false
}
