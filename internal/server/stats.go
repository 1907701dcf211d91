package server

import (
	"math/bits"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/group"
)

// Stats are figures since New, and of this moment where that is said.
type Stats struct {
	Connections    int64           // open at this moment
	Accepted       int64           // connections
	Refused        int64           // connections above a limit
	Foreign        int64           // connections whose peer spoke HTTP or TLS
	Malformed      int64           // connections that ended with what is no valid request
	BytesIn        int64           // of requests
	BytesOut       int64           // of responses
	Requests       map[int16]int64 // by API key
	Errors         map[int16]int64 // by Kafka's code, in responses; partitions count one by one
	Panics         int64
	RequestMemory  int64        // bytes of requests in memory at this moment
	FetchMemory    int64        // bytes of records in responses at this moment
	FetchSessions  int          // at this moment
	Groups         group.Counts // at this moment, of the partitions of __consumer_offsets that are loaded
	ProduceLatency Histogram
	FetchLatency   Histogram // without the time that a fetch waited for records
}

// Histogram counts durations: Counts[i] those below 2^i microseconds that no bucket before it has; the last one all others.
type Histogram struct {
	Counts [24]int64
	Sum    time.Duration
}

// counters are Stats in the making.
type counters struct {
	accepted, refused, foreign, malformed, bytesIn, bytesOut, panics atomic.Int64

	requests [maxKey + 1]atomic.Int64
	errors   [maxCode - minCode + 1]atomic.Int64
	produce  histogram
	fetch    histogram
}

const (
	minCode = -1
	maxCode = 160 // above all of Kafka's
)

type histogram struct {
	counts [24]atomic.Int64
	sum    atomic.Int64
}

func (h *histogram) add(d time.Duration) {
	i := bits.Len64(uint64(max(d, 0) / time.Microsecond))
	h.counts[min(i, len(h.counts)-1)].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) read() (out Histogram) {
	for i := range h.counts {
		out.Counts[i] = h.counts[i].Load()
	}
	out.Sum = time.Duration(h.sum.Load())
	return out
}

func (c *counters) fault(code int16) {
	if code != 0 && code >= minCode && code <= maxCode {
		c.errors[code-minCode].Add(1)
	}
}

// Stats returns the figures.
func (s *Server) Stats() Stats {
	c := &s.stats
	st := Stats{
		Accepted: c.accepted.Load(), Refused: c.refused.Load(), Foreign: c.foreign.Load(), Malformed: c.malformed.Load(), BytesIn: c.bytesIn.Load(), BytesOut: c.bytesOut.Load(), Panics: c.panics.Load(),
		Requests: make(map[int16]int64), Errors: make(map[int16]int64), RequestMemory: s.memory.inUse(), FetchMemory: s.fetchMemory.used.Load(),
		FetchSessions: s.sessions.len(), ProduceLatency: c.produce.read(), FetchLatency: c.fetch.read(),
	}
	for i := range c.requests {
		if n := c.requests[i].Load(); n > 0 {
			st.Requests[int16(i)] = n
		}
	}
	for i := range c.errors {
		if n := c.errors[i].Load(); n > 0 {
			st.Errors[int16(i)+minCode] = n
		}
	}
	s.mu.Lock()
	st.Connections = int64(len(s.conns))
	s.mu.Unlock()
	st.Groups = s.groups.counts()
	return st
}
