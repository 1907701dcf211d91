package group_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/group"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// failer is *testing.T or *rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is a machine with what a broker puts around it: a clock, a log, and clients that wait. The log is durable up to the step that it says; replies wait for that.
type world struct {
	t       failer
	m       *group.Machine
	config  group.Config
	now     int64
	log     []entry
	durable uint64
	asked   map[group.Token]bool // Join and Sync that wait
	token   group.Token
}

// entry is one step's records.
type entry struct {
	number  uint64
	records []group.Record
}

func newWorld(t failer, c group.Config) *world {
	return &world{t: t, m: group.New(c), config: c, asked: map[group.Token]bool{}}
}

// step gives the machine an event, and checks what holds for every step.
func (w *world) step(ev group.Event) group.Effects {
	w.t.Helper()
	switch ev := ev.(type) {
	case group.Join:
		w.asked[ev.Token] = true
	case group.Sync:
		w.asked[ev.Token] = true
	case group.Cancelled:
		delete(w.asked, ev.Token)
	}
	need := w.m.Need(w.now, ev)
	e := w.m.Step(w.now, ev)
	w.take(e, need, ev)
	return e
}

func (w *world) take(e group.Effects, need int, ev any) {
	w.t.Helper()
	b := batch.NewBuilder(batch.NoProducer())
	for _, r := range e.Records {
		b.Append(w.now, r.Key, r.Value)
	}
	if size := b.Size(); len(e.Records) > 0 && size > need {
		w.t.Fatalf("%T %+v: the records take %d bytes, Need said %d", ev, ev, size, need)
	}
	if len(e.Records) > 0 {
		last := uint64(0)
		if len(w.log) > 0 {
			last = w.log[len(w.log)-1].number
		}
		if e.Number != last+1 {
			w.t.Fatalf("step with records %d follows %d", e.Number, last)
		}
		w.log = append(w.log, entry{e.Number, e.Records})
	} else if e.Number != 0 {
		w.t.Fatalf("step without records has number %d", e.Number)
	}
	for _, r := range e.Replies {
		switch r.Answer.(type) {
		case *kmsg.JoinGroupResponse, *kmsg.SyncGroupResponse:
			if !w.asked[r.Token] {
				w.t.Fatalf("token %d is answered, and nobody waits for it", r.Token)
			}
			delete(w.asked, r.Token)
		}
		if len(w.log) == 0 && r.Shows > 0 || len(w.log) > 0 && r.Shows > w.log[len(w.log)-1].number {
			w.t.Fatalf("a reply shows step %d, which has not been", r.Shows)
		}
	}
	if err := w.m.Check(); err != nil {
		w.t.Fatalf("after %T: %v", ev, err)
	}
}

// newToken gives a request its token.
func (w *world) newToken() group.Token {
	w.token++
	return w.token
}

// advance lets time pass, with a Tick whenever the machine wants one.
func (w *world) advance(ms int64, each func(group.Effects)) {
	w.t.Helper()
	until := w.now + ms
	for n := 0; ; n++ {
		at, ok := w.m.Next()
		if !ok || at > until {
			break
		}
		if n > 10_000 {
			w.t.Fatalf("ticks at %d lead nowhere:\n%v", at, w.m)
		}
		w.now = max(w.now, at)
		each(w.step(group.Tick{}))
	}
	w.now = until
}

// replica is a machine made of the log up to a step.
func (w *world) replica(upTo uint64) *group.Machine {
	w.t.Helper()
	m := group.New(w.config)
	for _, e := range w.log {
		if e.number > upTo {
			break
		}
		for _, r := range e.records {
			if err := m.Replay(r.Key, r.Value); err != nil {
				w.t.Fatalf("replay: %v", err)
			}
		}
	}
	return m
}

// checkReplay compares with a machine that is made of the log.
func (w *world) checkReplay() {
	w.t.Helper()
	rebalancing := w.m.Rebalancing()
	if have, want := w.replica(1<<62).Durable(rebalancing), w.m.Durable(rebalancing); have != want {
		w.t.Fatalf("after a restart:\n%s\nbefore:\n%s", have, want)
	}
}

// restart forgets the machine and what is not durable, and makes a new one of the log. Numbers start anew.
func (w *world) restart() group.Effects {
	w.t.Helper()
	w.m = w.replica(w.durable)
	var all []group.Record
	for _, e := range w.log {
		if e.number <= w.durable {
			all = append(all, e.records...)
		}
	}
	w.log, w.durable = nil, 0
	if len(all) > 0 {
		w.log = []entry{{0, all}}
	}
	clear(w.asked)
	e := w.m.Loaded(w.now)
	w.take(e, 0, "Loaded")
	return e
}

func (w *world) end() uint64 {
	if len(w.log) == 0 {
		return 0
	}
	return w.log[len(w.log)-1].number
}

// codeName is Kafka's name of an error code.
func codeName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	return kerr.TypedErrorForCode(code).Message
}
