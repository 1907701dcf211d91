package bobbintest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/server"
)

// Fault is what goes wrong with requests of one kind. Delay alone, Error or Drop must be set; Error and Drop exclude each other.
type Fault struct {
	// Delay is how long the broker waits before it does anything about a request. What the same connection sends behind it waits too.
	Delay time.Duration
	// Error is a name of Kafka's, such as "NOT_LEADER_OR_FOLLOWER", or its number. It is the answer to the request: for each topic, partition, group or
	// resource that the request names. The request is not handled.
	Error string
	// Drop breaks the connection instead of an answer. The request is not handled. What was asked for on the connection before is still answered.
	Drop bool
	// Handled, with Error or Drop, has the request handled all the same: only the answer is wrong, or lost.
	Handled bool
	// Times is how many requests the fault meets: all, until it is ended, when 0.
	Times int
}

// fault is a Fault that is in force.
type fault struct {
	Fault
	key  int16
	code int16

	mu   sync.Mutex
	left int // how many requests it still meets; below 0: all
	met  int
}

// Fail makes requests of one kind go wrong, by Kafka's name of it ("Produce", "Fetch", "JoinGroup" …). It returns what ends the fault and says how many
// requests it has met; it ends with the test at the latest. Of several faults for one kind the first one is in force until it has ended, then the next.
//
// Every kind of request can be delayed and dropped. Errors can be given to Produce, Fetch, ListOffsets, Metadata, OffsetCommit, OffsetFetch,
// FindCoordinator, JoinGroup, Heartbeat, LeaveGroup, SyncGroup, CreateTopics, DeleteTopics, DeleteRecords, CreatePartitions, InitProducerId and
// OffsetForLeaderEpoch. The Broker's own requests, such as that of CreateTopic, meet no fault.
func (b *Broker) Fail(t testing.TB, api string, f Fault) (end func() (met int)) {
	t.Helper()
	key, ok := keyOf(api)
	switch {
	case !ok:
		t.Fatalf("bobbintest: fail %s: Kafka's protocol has no such request", api)
	case f.Error != "" && f.Drop:
		t.Fatalf("bobbintest: fail %s: Error and Drop exclude each other", api)
	case f.Error == "" && !f.Drop && (f.Delay <= 0 || f.Handled):
		t.Fatalf("bobbintest: fail %s: nothing is to go wrong: set Delay, Error or Drop", api)
	}
	x := &fault{Fault: f, key: key, left: f.Times}
	if f.Times <= 0 {
		x.left = -1
	}
	if f.Error != "" {
		code, err := kafka.LookUpCode(f.Error)
		if err != nil {
			t.Fatalf("bobbintest: fail %s: %v", api, err)
		}
		if x.code = code.Code; !canRefuse(key) {
			t.Fatalf("bobbintest: fail %s: the answer cannot be made an error, only delayed or dropped", api)
		}
	}
	b.mu.Lock()
	b.faults = append(b.faults, x)
	b.mu.Unlock()
	end = func() int {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.left = 0
		return x.met
	}
	t.Cleanup(func() { end() })
	return end
}

// keyOf finds a kind of request by its name, in any case.
func keyOf(api string) (key int16, ok bool) {
	for k := int16(0); k <= kmsg.MaxKey; k++ {
		if strings.EqualFold(kmsg.NameForKey(k), api) {
			return k, true
		}
	}
	return 0, false
}

// rule decides about a request. The broker asks it before it does anything.
func (b *Broker) rule(clientID string, req kmsg.Request) server.Ruling {
	way := server.Ruling{Delay: b.way}
	if clientID == ownID {
		return way
	}
	b.mu.Lock()
	faults, cluster := b.faults, ""
	if b.life != nil && len(faults) > 0 {
		cluster = b.life.ClusterID()
	}
	b.mu.Unlock()
	for _, f := range faults { // which are only added to
		if f.key == req.Key() {
			if r, met := f.rule(req, cluster); met {
				r.Delay += b.way
				return r
			}
		}
	}
	return way
}

// rule says what a fault does to a request, and counts it.
func (f *fault) rule(req kmsg.Request, cluster string) (r server.Ruling, met bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.left == 0 {
		return r, false
	}
	r = server.Ruling{Delay: f.Delay, Drop: f.Drop, Handle: f.Handled}
	if f.Error != "" {
		if fetch, ok := req.(*kmsg.FetchRequest); ok && fetch.SessionEpoch > 0 {
			// It names only what has changed of the session. The client is made to name all.
			return server.Ruling{Answer: sessionEnds()}, true
		}
		r.Answer = refuse(req, f.code, cluster)
		r.Drop = r.Answer == nil
	}
	f.met++
	if f.left > 0 {
		f.left--
	}
	return r, true
}
