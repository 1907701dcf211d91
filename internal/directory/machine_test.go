package directory

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// world is a directory's log, and programs that use it: what they write arrives late, what they read comes late, they die, and the log is compacted at any time.
type world struct {
	t     *rapid.T
	logs  [partitions][]record
	ends  [partitions]int64
	live  []*program
	dead  []*program // what they have written may still arrive
	part  int        // the one that matters
	most  int        // claims beside one's own that were not ended
	ids   int
	now   int64
	steps []string
}

// program is one opener with what is on its way to and from it.
type program struct {
	name string
	m    *machine
	out  []write
	in   [partitions][]answer // fetched and not looked at yet
	at   [partitions]int64    // up to where it has fetched
}

type answer struct {
	records   []record
	next, end int64
}

func (w *world) start() {
	w.ids++
	p := &program{name: fmt.Sprint("p", w.ids)}
	n := 0
	p.m = newMachine("t", "id", func() string { n++; return fmt.Sprint(p.name, "-", n) })
	p.m.most = w.most
	w.live = append(w.live, p)
	w.mark(p)
}

// mark makes sure that there is something to read in every partition.
func (w *world) mark(p *program) {
	w.append(write{partition: int32(w.part), key: "open/" + p.name})
}

func (w *world) append(x write) {
	w.logs[x.partition] = append(w.logs[x.partition], record{offset: w.ends[x.partition], key: x.key, value: x.value})
	w.ends[x.partition]++
}

// deliver makes the first n writes of a program arrive.
func (w *world) deliver(p *program, n int) {
	for range min(n, len(p.out)) {
		w.append(p.out[0])
		p.out = p.out[1:]
	}
}

// fetch has a broker answer with at most n records, or all.
func (w *world) fetch(p *program, part, n int) {
	a := answer{next: p.at[part], end: w.ends[part]}
	for _, r := range w.logs[part] {
		if r.offset < p.at[part] {
			continue
		}
		if len(a.records) == n {
			break
		}
		a.records = append(a.records, r)
		a.next = r.offset + 1
	}
	if len(a.records) == 0 {
		return
	}
	p.at[part] = a.next
	p.in[part] = append(p.in[part], a)
}

// look gives a program its oldest answer.
func (w *world) look(p *program, part int) {
	if len(p.in[part]) == 0 {
		return
	}
	a := p.in[part][0]
	p.in[part] = p.in[part][1:]
	if !p.m.read(int32(part), a.records, a.next, a.end) {
		p.m.forget()
		p.in, p.at = [partitions][]answer{}, [partitions]int64{}
		w.mark(p)
	}
	w.collect(p)
}

func (w *world) collect(p *program) {
	out, _ := p.m.take()
	p.out = append(p.out, out...)
}

// compact removes from a partition what is overwritten before a place, and deletions that no reader needs who is not so slow that it has to start again.
func (w *world) compact(part int, before int64, tombstones bool) {
	last := make(map[string]int64)
	for _, r := range w.logs[part] {
		if r.offset < before {
			last[r.key] = r.offset
		}
	}
	if len(w.logs[part]) == 0 {
		return
	}
	newest := w.logs[part][len(w.logs[part])-1].offset // the active segment is not compacted
	w.logs[part] = slices.DeleteFunc(w.logs[part], func(r record) bool {
		if r.offset == newest {
			return false
		}
		if at, ok := last[r.key]; ok && r.offset < at {
			return true
		}
		// The first reading of a partition must not take longer than deletions are kept.
		return tombstones && r.value == nil && r.offset < before && !slices.ContainsFunc(w.live, func(p *program) bool { return !p.m.parts[part].exact })
	})
}

// quiet says that everybody who lives has seen and written everything.
func (w *world) quiet() bool {
	return !slices.ContainsFunc(w.live, func(p *program) bool {
		return len(p.out) > 0 || len(p.m.opening) > 0 || len(p.in[w.part]) > 0 || p.m.parts[w.part].next != w.ends[w.part]
	})
}

// agree is what everything is about: whoever has a stream open has it on the same partition.
func (w *world) agree(stream string) {
	at := make(map[int32][]string)
	for _, p := range w.live {
		if c, ok := p.m.held[stream]; ok {
			at[c.partition] = append(at[c.partition], p.name)
		}
	}
	if len(at) > 1 {
		w.t.Fatalf("it is open on several partitions: %v\n%v\nlog: %s", at, w.steps, w.show(stream))
	}
}

func (w *world) show(s string) string {
	out := ""
	for _, r := range w.logs[partitionOf("t", s)] {
		out += fmt.Sprintf("\n%d %s %s", r.offset, r.key, r.value)
	}
	return out
}

func TestOpenersAgreeWhateverHappens(t *testing.T) {
	const stream = "s"
	part := int(partitionOf("t", stream))
	for range 20 { // each a hundred worlds
		rapid.Check(t, func(t *rapid.T) { oneWorld(t, stream, part) })
	}
}

func oneWorld(t *rapid.T, stream string, part int) {
	w := &world{t: t, part: part, most: rapid.IntRange(0, 2).Draw(t, "most")}
	n := func(what string, most int) int { return rapid.IntRange(1, most).Draw(t, what) }
	who := func() *program { return w.live[n("who", len(w.live))-1] }
	catchUp := func(p *program) {
		w.fetch(p, part, -1)
		for len(p.in[part]) > 0 {
			w.look(p, part)
		}
	}
	rest := func() bool {
		for i := range 60 {
			for _, p := range w.live {
				w.deliver(p, len(p.out))
				catchUp(p)
				p.m.retry(i%20 == 19)
				w.collect(p)
				w.agree(stream)
			}
			if w.quiet() {
				return true
			}
		}
		return false
	}
	do := []struct {
		weight int
		name   string
		do     func()
	}{
		{3, "start", func() {
			if len(w.live) < 4 {
				w.start()
				if rapid.Bool().Draw(t, "caught up") {
					catchUp(w.live[len(w.live)-1])
				}
			}
		}},
		{8, "place", func() {
			p := who()
			p.m.place(stream, rapid.Int32Range(0, 3).Draw(t, "want"))
			w.collect(p)
		}},
		{1, "abandon", func() { who().m.abandon(stream) }},
		{3, "end", func() {
			p := who()
			p.m.end(stream, w.now)
			w.collect(p)
		}},
		{1, "renew", func() {
			p := who()
			p.m.renew(stream)
			w.collect(p)
		}},
		{1, "a write fails", func() {
			p := who()
			if o := p.m.opening[stream]; o != nil && o.id != "" {
				id := o.id
				if rapid.Bool().Draw(t, "before it arrives") {
					p.out = slices.DeleteFunc(p.out, func(x write) bool { return x.claims != "" && x.id == id })
				}
				p.m.failed(stream, id)
				p.m.retry(false)
				w.collect(p)
			} else if len(p.out) > 0 && p.out[0].value == nil {
				p.out = p.out[1:] // a deletion
			}
		}},
		{8, "deliver", func() { w.deliver(who(), n("n", 3)) }},
		{5, "fetch", func() { w.fetch(who(), part, n("n", 4)) }},
		{5, "look", func() { w.look(who(), part) }},
		{6, "catch up", func() { catchUp(who()) }},
		{2, "die", func() {
			i := n("who", len(w.live)) - 1
			w.dead = append(w.dead, w.live[i])
			w.live = slices.Delete(w.live, i, i+1)
			if len(w.live) == 0 {
				w.start()
			}
		}},
		{3, "deliver of the dead", func() {
			if len(w.dead) > 0 {
				w.deliver(w.dead[n("who", len(w.dead))-1], 1)
			}
		}},
		{4, "sweep", func() {
			p := who()
			p.m.sweep(stream, rules{now: w.now, retention: -1, lease: 1 << 40})
			w.collect(p)
		}},
		{2, "sweep after the retention", func() {
			// Nobody who has the stream open sleeps for so long.
			if rest() {
				w.now++
				p := who()
				p.m.sweep(stream, rules{now: w.now, retention: 0, lease: 1 << 40})
				w.collect(p)
			}
		}},
		{3, "compact", func() {
			w.compact(part, rapid.Int64Range(0, w.ends[part]).Draw(t, "before"), rapid.Bool().Draw(t, "deletions as well"))
		}},
	}
	var choice []int
	for i, x := range do {
		for range x.weight {
			choice = append(choice, i)
		}
	}
	w.start()
	for range rapid.IntRange(10, 120).Draw(t, "steps") {
		x := do[rapid.SampledFrom(choice).Draw(t, "step")]
		w.steps = append(w.steps, x.name)
		x.do()
		w.agree(stream)
	}
	// Left alone, everybody gets an answer.
	if !rest() {
		for _, p := range w.live {
			t.Logf("%s: out %v opening %v part %v", p.name, p.out, p.m.opening, p.m.parts[part])
		}
		t.Fatalf("it does not come to rest: %v%s", w.steps, w.show(stream))
	}
}

// The picture of a stream is the same for all who have read everything, and it is what is left after compaction.
func TestTwoSimultaneousOpeners(t *testing.T) {
	for _, late := range []bool{false, true} {
		m, _ := machines(2)
		a, b := m[0], m[1]
		a.place("s", 3)
		b.place("s", 5)
		var log []write
		for range 6 {
			for _, x := range m {
				out, _ := x.take()
				log = append(log, out...)
			}
			if late {
				slices.Reverse(m)
			}
			feed(m, log)
		}
		if pa, pb := a.held["s"].partition, b.held["s"].partition; pa != pb || len(a.held) != 1 || len(b.held) != 1 {
			t.Errorf("%v and %v", a.held, b.held)
		}
		if s := a.streams["s"]; len(s.claims) != 2 || s.agreeing() != 2 {
			t.Errorf("%+v", s.claims)
		}
	}
}

// machines returns some that have read an empty directory.
func machines(n int) (out []*machine, ids *int) {
	ids = new(int)
	for range n {
		m := newMachine("t", "", func() string { *ids++; return fmt.Sprint("c", *ids) })
		for p := range int32(partitions) {
			m.read(p, nil, 0, 0)
		}
		out = append(out, m)
	}
	return out, ids
}

// feed gives machines what they have not read of a log.
func feed(ms []*machine, log []write) {
	var at [partitions]int64
	offsets := make([]int64, len(log))
	for i, w := range log {
		offsets[i] = at[w.partition]
		at[w.partition]++
	}
	for _, m := range ms {
		for i, w := range log {
			if offsets[i] >= m.parts[w.partition].next {
				m.read(w.partition, []record{{offset: offsets[i], key: w.key, value: w.value}}, offsets[i]+1, at[w.partition])
			}
		}
	}
}

// run lets machines write and read until nothing is written any more, and returns the log.
func run(t *testing.T, ms []*machine, log []write) []write {
	t.Helper()
	for range 100 {
		n := len(log)
		for _, m := range ms {
			out, _ := m.take()
			log = append(log, out...)
		}
		if len(log) == n {
			return log
		}
		feed(ms, log)
	}
	t.Fatal("it does not come to rest")
	return nil
}

// An opener that dies after its claim keeps nobody waiting: what it claimed is taken over, or is void and goes.
func TestNobodyWaitsForAnOpenerThatDied(t *testing.T) {
	ms, _ := machines(4)
	ms[0].place("s", 1)
	log, _ := ms[0].take() // it dies: its claim is the first
	ms[1].place("s", 2)
	ms[2].place("s", 3)
	w1, _ := ms[1].take()
	w2, _ := ms[2].take()
	log = append(append(log, w1...), w2...) // the second dies as well, after a claim that is void
	feed(ms[2:], log)
	log = run(t, ms[2:], log)
	if c := ms[2].held["s"]; c.partition != 1 {
		t.Errorf("%+v", c)
	}
	ms[3].place("s", 7)
	run(t, ms[2:], log)
	if c := ms[3].held["s"]; c.partition != 1 {
		t.Errorf("%+v", c)
	}
	if s := ms[3].streams["s"]; s.agreeing() != len(s.claims) || len(s.claims) != 3 {
		t.Errorf("%+v", s.claims)
	}
}

// What was ended keeps its place until the topic's retention is over, and then a stream can be placed anew.
func TestAStreamThatEndedKeepsItsPlaceForAWhile(t *testing.T) {
	ms, _ := machines(2)
	a, b := ms[0], ms[1]
	a.place("s", 1)
	log := run(t, ms, nil)
	if !a.end("s", 1000) || a.end("s", 1000) {
		t.Error("it ends once")
	}
	log = run(t, ms, log)
	r := rules{now: 2000, retention: 1500, lease: lease}
	b.sweep("s", r)
	if out, _ := b.take(); len(out) != 0 {
		t.Errorf("%v", out)
	}
	b.place("s", 2)
	log = run(t, ms, log)
	if c := b.held["s"]; c.partition != 1 {
		t.Errorf("%+v", c)
	}
	a.sweep("s", r) // the newer claim keeps the place
	log = run(t, ms, log)
	if s := a.streams["s"]; len(s.claims) != 1 || len(s.ends) != 0 {
		t.Errorf("%+v", s)
	}
	b.end("s", 3000)
	log = run(t, ms, log)
	r.now = 4501
	a.sweep("s", r)
	log = run(t, ms, log)
	if len(a.streams) != 0 || len(b.streams) != 0 {
		t.Errorf("%v, %v", a.streams, b.streams)
	}
	a.place("s", 2)
	run(t, ms, log)
	if c := a.held["s"]; c.partition != 2 {
		t.Errorf("%+v", c)
	}
}

// Claims of programs that were killed do not pile up, and one that was not killed claims again.
func TestClaimsOfProgramsThatWereKilledDoNotPileUp(t *testing.T) {
	ms, ids := machines(1)
	living := ms[0]
	living.place("s", 1)
	log := run(t, ms, nil)
	first := living.held["s"]
	for range 30 {
		more, _ := machines(1)
		killed := more[0]
		killed.newID = func() string { *ids++; return fmt.Sprint("c", *ids) }
		killed.forget()
		log = append(log, write{partition: partitionOf("t", "s"), key: "open/x"})
		feed(more, log)
		killed.place("s", 9)
		log = run(t, []*machine{living, killed}, log)
		if n := len(living.streams["s"].claims); n > mostUnended+2 || killed.held["s"].partition != 1 {
			t.Fatalf("%d claims, %+v", n, killed.held["s"])
		}
	}
	if c := living.held["s"]; c.partition != 1 || c.id == first.id {
		t.Errorf("%+v", c)
	}
}

func TestKeysAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := key{
			rapid.SampledFrom([]string{claimKind, endKind}).Draw(t, "kind"), rapid.StringMatching(`[a-zA-Z0-9._-]{1,20}`).Draw(t, "topic"),
			rapid.StringMatching(`[a-zA-Z0-9_-]{1,22}`).Draw(t, "id"), rapid.StringMatching(`[a-zA-Z0-9_-]{1,22}`).Draw(t, "claim"), rapid.StringN(1, 50, -1).Draw(t, "stream"),
		}
		if got, ok := parseKey(k.String()); !ok || got != k {
			t.Errorf("%+v", got)
		}
		p := rapid.Int32Min(0).Draw(t, "partition")
		if got, ok := decodeClaim(encode(claimValue{p})); !ok || got != p {
			t.Error(got)
		}
	})
	for _, bad := range []string{"", "claim", "claim/t/id/c", "claim/t/id/c/", "pin/t/id/c/s", "claim//id/c/s", "open/x"} {
		if k, ok := parseKey(bad); ok {
			t.Errorf("%q is %+v", bad, k)
		}
	}
	for _, bad := range []string{"", "{}", `{"partition":-1}`, `{"partition":"1"}`, `{"partition":2147483648}`, "null", "[]"} {
		if p, ok := decodeClaim([]byte(bad)); ok {
			t.Errorf("%q is %d", bad, p)
		}
	}
}

func FuzzRecords(f *testing.F) {
	f.Add("claim/t/-/c/s", []byte(`{"partition":1}`), "end/t/-/c/s", []byte(`{"time":1}`))
	f.Fuzz(func(t *testing.T, k1 string, v1 []byte, k2 string, v2 []byte) {
		ms, _ := machines(1)
		m := ms[0]
		for i, r := range []record{{key: k1, value: v1}, {key: k2, value: v2}, {key: k1}, {key: k1, value: v2}} {
			for p := range int32(partitions) {
				r.offset = int64(i)
				m.read(p, []record{r}, int64(i)+1, int64(i)+1)
			}
		}
		for _, name := range m.names() {
			m.sweep(name, rules{now: 1 << 50, lease: lease})
		}
	})
}

// The hash and the keys are part of the format.
func TestTheFormatStays(t *testing.T) {
	// FNV-1a-64 of "cars/car-1" … modulo 8, as another implementation has them.
	for s, want := range map[string]int32{"car-1": 1, "car-2": 0, "a/b": 3, "ü": 4} {
		if got := partitionOf("cars", s); got != want {
			t.Errorf("%s: %d", s, got)
		}
	}
	m := newMachine("cars", "", func() string { return "c" })
	for p := range int32(partitions) {
		m.read(p, nil, 0, 0)
	}
	m.place("a/b", 3)
	out, _ := m.take()
	if len(out) != 1 || out[0].key != "claim/cars/-/c/a/b" || string(out[0].value) != `{"partition":3}` {
		t.Errorf("%+v", out)
	}
	m.read(out[0].partition, []record{{offset: 0, key: out[0].key, value: out[0].value}}, 1, 1)
	m.end("a/b", 1767225600000)
	out, _ = m.take()
	if len(out) != 1 || out[0].key != "end/cars/-/c/a/b" || string(out[0].value) != `{"time":1767225600000}` {
		t.Errorf("%+v", out)
	}
}
