package directory

import (
	"cmp"
	"slices"
)

// machine decides which claims hold. Records go in as they are read; what is to be written and what was decided comes out. It does no I/O and knows no time.
type machine struct {
	topic, topicID string
	newID          func() string // a name that nobody has used
	most           int           // how many claims a stream may have that were not ended, beside one's own

	parts   [partitions]part
	streams map[string]*stream
	strays  map[string]int32    // keys of former topics of the name, with their partition
	held    map[string]claim    // the claims that are relied on, by stream
	opening map[string]*opening // streams for which a claim is under way
	dropped map[string]bool     // claims of this machine that nobody wants any more, until they are read
	writes  []write
	decided []decision
}

// part is how far one partition of the directory is read.
type part struct {
	next  int64
	exact bool // nothing that could matter has been missed
}

type stream struct {
	claims []claim          // that are live, by offset
	ends   map[string]int64 // when claims were ended, in ms; nil when none was
}

type claim struct {
	id        string
	offset    int64
	partition int32
	written   int64 // in ms, by the writer's clock
}

// opening is a claim on its way to be held.
type opening struct {
	want    int32
	id      string          // of the claim that was written; empty while it waits for a picture that is exact and without void claims
	cleared map[string]bool // void claims that it has deleted
	keep    bool            // somebody wants it
	was     claim           // that it replaces or stands in for; no id when there is none
}

// write is a record to be written; without value the key is deleted.
type write struct {
	partition int32
	key       string
	value     []byte
	claims    string // the stream that a claim is for; empty for other records
	id        string // the claim
}

// decision says what became of an opening.
type decision struct {
	stream string
	claim  claim
	was    claim // the claim that was lost before; no id when there was none
}

// record is one that was read.
type record struct {
	offset int64
	time   int64 // ms
	key    string
	value  []byte // nil: the key is deleted
}

func newMachine(topic, topicID string, newID func() string) *machine {
	m := &machine{topic: topic, topicID: cmp.Or(topicID, "-"), newID: newID, most: mostUnended, held: make(map[string]claim), opening: make(map[string]*opening), dropped: make(map[string]bool)}
	m.forget()
	return m
}

// forget begins to read from the start again, as at first; what is held stays held until the reading says otherwise.
func (m *machine) forget() {
	m.parts, m.streams, m.strays = [partitions]part{}, make(map[string]*stream), make(map[string]int32)
	for _, o := range m.opening {
		m.drop(o)
	}
}

// drop gives up the claim of an opening, which was not checked.
func (m *machine) drop(o *opening) {
	if o.id != "" {
		m.dropped[o.id] = true
		o.id = ""
	}
}

// take returns what is to be written, in this order, and what was decided since the last call.
func (m *machine) take() ([]write, []decision) {
	w, d := m.writes, m.decided
	m.writes, m.decided = nil, nil
	return w, d
}

// place returns the partition of a stream that is open, or opens it.
func (m *machine) place(stream string, want int32) (partition int32, ok bool) {
	if c, ok := m.held[stream]; ok {
		return c.partition, true
	}
	o := m.opening[stream]
	if o == nil {
		o = &opening{want: want, keep: true}
		m.opening[stream] = o
		m.try(stream, o)
	}
	o.keep = true
	return 0, false
}

// abandon says that nobody waits for a stream to be opened any more.
func (m *machine) abandon(stream string) {
	if o := m.opening[stream]; o != nil {
		o.keep = false
	}
}

// end ends the reliance on a stream's claim, and returns false when there is none.
func (m *machine) end(stream string, now int64) bool {
	m.abandon(stream)
	c, ok := m.held[stream]
	if !ok {
		return false
	}
	delete(m.held, stream)
	m.put(endKind, stream, c.id, encode(endValue{now}))
	return true
}

// failed says that a claim could not be written, or perhaps was. It returns whether somebody was waiting for it.
func (m *machine) failed(stream, id string) bool {
	o := m.opening[stream]
	if o == nil || o.id != id {
		return false
	}
	m.drop(o)
	if _, held := m.held[stream]; !held && o.was.id != "" {
		return false // retry tries again
	}
	delete(m.opening, stream)
	return o.keep
}

// retry tries again what waits: after a while also to delete what seems not to have been deleted, because that could not be written.
func (m *machine) retry(deleting bool) {
	for name, o := range m.opening {
		if o.id == "" {
			if deleting {
				o.cleared = nil
			}
			m.try(name, o)
		}
	}
}

// renew writes a new claim beside one that is held, which is deleted when the new one holds.
func (m *machine) renew(stream string) {
	c, ok := m.held[stream]
	if ok && m.opening[stream] == nil {
		o := &opening{want: c.partition, keep: true, was: c}
		m.opening[stream] = o
		m.try(stream, o)
	}
}

// read takes what was read of a partition: records, the offset to go on at, and where the partition ended then. It returns false when something in between is
// missing: then everything has to be read from the start, after forget.
func (m *machine) read(partition int32, records []record, next, end int64) bool {
	if partition < 0 || partition >= partitions {
		return true
	}
	p := &m.parts[partition]
	for _, r := range records {
		if r.offset < p.next || p.exact && r.offset > p.next {
			return false
		}
		p.next = r.offset + 1
		m.apply(partition, r)
	}
	if next < p.next || p.exact && next > p.next {
		return false
	}
	p.next = next
	if !p.exact && next >= end {
		p.exact = true
		m.caughtUp(partition)
	}
	return true
}

// ready says whether all partitions are exact.
func (m *machine) ready() bool {
	return !slices.ContainsFunc(m.parts[:], func(p part) bool { return !p.exact })
}

// caughtUp looks after what is this machine's own in a partition that has become exact.
func (m *machine) caughtUp(partition int32) {
	for name, c := range m.held {
		if s := m.streams[name]; partitionOf(m.topic, name) == partition && (s == nil || !s.has(c.id)) {
			m.lost(name, c)
		}
	}
	m.retry(false)
}

func (m *machine) of(name string) *stream {
	s := m.streams[name]
	if s == nil {
		s = new(stream)
		m.streams[name] = s
	}
	return s
}

func (m *machine) apply(partition int32, r record) {
	k, ok := parseKey(r.key)
	if !ok || k.topic != m.topic {
		return
	}
	if k.topicID != m.topicID {
		if r.value == nil {
			delete(m.strays, r.key)
		} else {
			m.strays[r.key] = partition
		}
		return
	}
	s := m.of(k.stream)
	switch {
	case k.kind == claimKind && r.value == nil:
		s.claims = slices.DeleteFunc(s.claims, func(c claim) bool { return c.id == k.claim })
		delete(m.dropped, k.claim)
		if c, ok := m.held[k.stream]; ok && c.id == k.claim && m.parts[partition].exact {
			m.lost(k.stream, c)
		}
	case k.kind == claimKind:
		if p, ok := decodeClaim(r.value); ok {
			s.claims = slices.DeleteFunc(s.claims, func(c claim) bool { return c.id == k.claim })
			c := claim{id: k.claim, offset: r.offset, partition: p, written: r.time}
			s.claims = append(s.claims, c)
			m.check(k.stream, s, c, m.parts[partition].exact)
		}
	case r.value == nil:
		delete(s.ends, k.claim)
	default:
		if t, ok := decodeEnd(r.value); ok {
			if s.ends == nil {
				s.ends = make(map[string]int64)
			}
			s.ends[k.claim] = t
		}
	}
	if len(s.claims) == 0 && len(s.ends) == 0 {
		delete(m.streams, k.stream)
	}
	if o := m.opening[k.stream]; o != nil && o.id == "" {
		m.try(k.stream, o)
	}
}

func (s *stream) has(id string) bool {
	return slices.ContainsFunc(s.claims, func(c claim) bool { return c.id == id })
}

// agreeing returns how many claims, from the lowest offset on, have the same partition. Those behind them are void.
func (s *stream) agreeing() int {
	for i, c := range s.claims {
		if c.partition != s.claims[0].partition {
			return i
		}
	}
	return len(s.claims)
}

// check decides about a claim when it is read, if it is this machine's.
func (m *machine) check(name string, s *stream, c claim, exact bool) {
	if m.dropped[c.id] {
		delete(m.dropped, c.id)
		m.put(claimKind, name, c.id, nil)
		return
	}
	o := m.opening[name]
	if o == nil || o.id != c.id {
		return
	}
	if !exact || s.agreeing() < len(s.claims) {
		m.put(claimKind, name, c.id, nil)
		o.clear(c.id)
		o.id = "" // and tries again
		return
	}
	delete(m.opening, name)
	if !o.keep {
		m.put(claimKind, name, c.id, nil)
		return
	}
	was, renewed := m.held[name]
	m.held[name] = c
	if renewed {
		m.put(claimKind, name, was.id, nil)
		return
	}
	if o.was.id == "" { // else two who have it open would delete each other's for ever
		m.supersede(name, s)
	}
	m.decided = append(m.decided, decision{stream: name, claim: c, was: o.was})
}

// lost claims again after somebody deleted the claim that is held.
func (m *machine) lost(name string, c claim) {
	delete(m.held, name)
	o := m.opening[name]
	if o == nil {
		o = &opening{want: c.partition, keep: true}
		m.opening[name] = o
		defer m.try(name, o)
	}
	o.was = c
}

// try writes a claim for the partition that the stream has by what is known, or that is wanted. While void claims are in sight it deletes those that it has not deleted
// yet, and waits: a void claim can be the lowest for a moment, and whoever followed it would chase claims that are on their way out.
func (m *machine) try(name string, o *opening) {
	if !o.keep {
		delete(m.opening, name)
		return
	}
	if !m.parts[partitionOf(m.topic, name)].exact {
		return
	}
	p := o.want
	if s := m.streams[name]; s != nil && len(s.claims) > 0 {
		for _, v := range s.claims[s.agreeing():] {
			if o.clear(v.id) {
				m.put(claimKind, name, v.id, nil)
			}
		}
		if slices.ContainsFunc(s.claims, func(c claim) bool { return o.cleared[c.id] }) {
			return
		}
		p = s.claims[0].partition
	}
	o.id = m.newID()
	m.put(claimKind, name, o.id, encode(claimValue{p}))
	m.writes[len(m.writes)-1].claims = name
}

// clear notes that a void claim is deleted, and returns false when it was noted before.
func (o *opening) clear(id string) bool {
	if o.cleared[id] {
		return false
	}
	if o.cleared == nil {
		o.cleared = make(map[string]bool)
	}
	o.cleared[id] = true
	return true
}

func (m *machine) put(kind, name, id string, value []byte) {
	m.writes = append(m.writes, write{
		partition: partitionOf(m.topic, name), key: key{kind, m.topic, m.topicID, id, name}.String(), value: value, id: id,
	})
}
