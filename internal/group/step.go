package group

// Machine is the coordinator of the groups of one partition of __consumer_offsets. Its methods must not run at the same time.
type Machine struct {
	config  Config
	groups  map[string]*group
	timers  timers
	waiting map[Token]*member // of the Joins and Syncs that were not answered yet
	sweeps  []sweep           // what Expire and TopicGone have left to do, the first is under way

	number  uint64 // of the last step with records
	removed uint64 // of the last step that removed a group

	skew int64 // how far the time of day is ahead of now

	// Of the step under way.
	now     int64
	records []Record
	replies []reply
}

// reply is a Reply whose Shows is not known before the step's end.
type reply struct {
	token   Token
	answer  any
	group   *group // whose records it shows
	nothing bool   // it shows nothing durable
}

// New returns a machine that knows no groups.
func New(c Config) *Machine {
	return &Machine{config: c, groups: map[string]*group{}, waiting: map[Token]*member{}}
}

// SetSkew says how far the time of day, which the records have, is ahead of the time that the steps are given, in milliseconds. Somebody may set the clock of
// the computer; no session lapses by that.
func (m *Machine) SetSkew(skew int64) { m.skew = skew }

// wall is the time of day.
func (m *Machine) wall() int64 { return m.now + m.skew }

// Step takes one event in. Now is in milliseconds since 1970, by a clock that does not jump. The machine keeps nothing of the event's memory, and nobody may write to
// the memory of its answers.
func (m *Machine) Step(now int64, ev Event) Effects {
	m.now = now
	switch ev := ev.(type) {
	case Join:
		m.join(ev)
	case Sync:
		m.sync(ev)
	case Heartbeat:
		m.heartbeat(ev)
	case Leave:
		m.leave(ev)
	case Commit:
		m.commit(ev)
	case Fetch:
		m.fetch(ev)
	case DeleteOffsets:
		m.deleteOffsets(ev)
	case Describe:
		m.describe(ev)
	case List:
		m.list(ev)
	case Delete:
		m.delete(ev)
	case TopicGone:
		m.topicGone(ev)
	case Expire:
		m.expire()
	case Tick:
		m.tick()
	case Cancelled:
		m.cancelled(ev)
	}
	return m.finish()
}

// finish hands over what the step made.
func (m *Machine) finish() Effects {
	e := Effects{Records: m.records}
	if len(m.records) > 0 {
		e.Number = m.number
	}
	for _, r := range m.replies {
		out := Reply{Token: r.token, Answer: r.answer}
		switch {
		case r.nothing:
		case r.group == nil:
			out.Shows = m.removed // that there is no such group
		default:
			out.Shows = r.group.number
		}
		e.Replies = append(e.Replies, out)
	}
	m.records, m.replies = nil, nil
	return e
}

// reply answers a request with what shows the durable state of g, or, when g is nil, that there is no such group.
func (m *Machine) reply(t Token, g *group, answer any) {
	m.replies = append(m.replies, reply{token: t, group: g, answer: answer})
}

// replyNow answers a request with what shows nothing durable.
func (m *Machine) replyNow(t Token, answer any) {
	m.replies = append(m.replies, reply{token: t, nothing: true, answer: answer})
}

// write makes a record of a change and takes it in, as Replay does.
func (m *Machine) write(c change) {
	if len(m.records) == 0 {
		m.number++
	}
	m.records = append(m.records, c.record())
	before := m.groups[c.group()]
	c.apply(m)
	if before != nil {
		before.number = m.number
	}
	if g := m.groups[c.group()]; g != nil {
		g.number = m.number
	} else {
		m.removed = m.number
	}
}

// note makes a record of what a start should know of a group whose next generation is under way. The group itself stays as it is.
func (m *Machine) note(g *group, c *groupSet) {
	if len(m.records) == 0 {
		m.number++
	}
	m.records = append(m.records, c.record())
	g.record, g.number = c, m.number
}

// Need returns the most bytes that a Step with this event, at this time and before any other Step, may put into the log: as one record batch of
// format v2, not compressed. It is 0 when the step makes no records.
func (m *Machine) Need(now int64, ev Event) int {
	need := 0
	switch ev := ev.(type) {
	case Join:
		need = m.needJoin(ev)
	case Sync:
		need = m.needSync(ev)
	case Leave:
		if g := m.groups[ev.Request.Group]; g != nil {
			need = g.emptySize()
			if g.record != nil {
				need += g.record.size()
			}
		}
	case Commit:
		need = needCommit(ev)
	case DeleteOffsets:
		need = m.needDeleteOffsets(ev)
	case Delete:
		need = m.needDelete(ev)
	case TopicGone:
		need = m.needTopicGone(ev)
	case Expire:
		need = m.needExpire()
	case Tick:
		need = m.needTick(now)
	}
	if need == 0 {
		return 0
	}
	return batchHeader + need
}

// Replay takes in a record that the log holds, in the order of the log, before the first Step; a nil value deletes the key. Keys of versions that this package
// does not know are skipped, as Kafka does; a key or a value that is damaged is an error, and changes nothing.
func (m *Machine) Replay(key, value []byte) error {
	c, err := parse(key, value)
	if err != nil || c == nil {
		return err
	}
	if s, ok := c.(*groupSet); ok {
		if g := m.groups[s.id]; g != nil {
			m.dropMembers(g) // what is known of them besides this record comes from an older one
		}
	}
	c.apply(m)
	return nil
}

// Loaded ends the replay: the sessions of the members that are known start now.
func (m *Machine) Loaded(now int64) Effects {
	m.now = now
	for _, id := range m.ids() {
		g := m.groups[id]
		for _, mb := range g.members {
			m.startSession(mb)
		}
		if g.broken || m.full(len(g.members)-1) {
			m.prepareRebalance(g) // members have left, or the limit was lowered
		}
	}
	return m.finish()
}

// cancelled forgets who asked: the member goes on waiting, without an answer.
func (m *Machine) cancelled(ev Cancelled) {
	mb := m.waiting[ev.Token]
	if mb == nil {
		return
	}
	delete(m.waiting, ev.Token)
	if mb.joining.token == ev.Token {
		mb.joining.token = 0
	}
	if mb.syncing.token == ev.Token {
		mb.syncing.token = 0
	}
}

// full says whether a group with n members has no place for one more.
func (m *Machine) full(n int) bool { return m.config.MaxSize > 0 && n >= m.config.MaxSize }

// text returns a pointer to s.
func text(s string) *string { return &s }

// hostile says whether a text is too long for Kafka's protocol and records, where lengths have 16 bits.
func hostile(texts ...string) bool {
	for _, s := range texts {
		if len(s) > maxText {
			return true
		}
	}
	return false
}

const maxText = 1<<15 - 1

func stringOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
