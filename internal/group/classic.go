package group

import (
	"maps"
	"slices"
)

// state is the state of a classic group. A group that is deleted is not kept, so there is none for Dead.
type state uint8

const (
	empty state = iota
	preparing
	completing
	stable
)

// String returns Kafka's name of the state.
func (s state) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable"}[s]
}

// dead is what Kafka calls a group that is not there.
const dead = "Dead"

// consumerType is the protocol type of consumers, whose subscriptions can be read.
const consumerType = "consumer"

// group is one group: its state, its members and its offsets.
//
//	Empty ── a member joins ──► PreparingRebalance ── all have joined, or the time is over ──► CompletingRebalance
//	  ▲                            │          ▲                                                  │           │
//	  └── nobody is left ──────────┘          └── a member comes, changes, leaves or dies ───────┤    the leader syncs
//	                                                                                             │           ▼
//	                                                                                             └─────── Stable
//
// What a record says of it is durable: generation, protocol, leader, and of each member what stands in the record. A rebalance is not: the members of a
// generation, the protocol and the leader that it chose become durable when the leader syncs.
type group struct {
	id     string
	state  state
	before state // the state before this one
	since  int64 // when it came into this state, milliseconds since 1970; -1: not known

	generation   int32
	protocolType string  // "": none, as in a group that only keeps offsets
	protocol     *string // nil: none
	leader       string  // member id; "": none

	members []*member // in the order in which they came
	byID    map[string]*member
	static  map[string]*member // by instance id
	pending map[string]*timer  // ids that were given away and not used yet, with the time at which they lapse

	votes    map[string]int // how many members know a protocol
	awaiting int            // members that wait for the answer to their Join
	unsynced int            // members that have not sent their Sync in this generation

	newMember bool // a member was added during the delay of the first rebalance
	joinTimer timer
	syncTimer timer

	topics     map[string]struct{} // that its members subscribe to
	subscribed bool                // topics is known

	offsets map[string]map[int32]offset // by topic and partition
	number  uint64                      // of the last step with records of it

	record *groupSet // the last one; nil: none
	broken bool      // the last record says that members have left since the generation began: see leftDurably
}

func newGroup(id string) *group {
	g := &group{id: id, since: -1, byID: map[string]*member{}, static: map[string]*member{}, pending: map[string]*timer{}, votes: map[string]int{}}
	g.joinTimer = timer{kind: joinTimer, group: g}
	g.syncTimer = timer{kind: syncTimer, group: g}
	return g
}

// to changes the state.
func (m *Machine) to(g *group, s state) {
	g.before, g.state, g.since = g.state, s, m.wall()
}

// isLeader says whether the id is the leader's.
func (g *group) isLeader(id string) bool { return g.leader != "" && g.leader == id }

// allJoined says whether nobody is missing for the next generation.
func (g *group) allJoined() bool { return len(g.members) == g.awaiting && len(g.pending) == 0 }

// rebalanceTimeout is the longest of the members'.
func (g *group) rebalanceTimeout() int64 {
	longest := int32(0)
	for _, mb := range g.members {
		longest = max(longest, mb.rebalanceTimeout)
	}
	return int64(longest)
}

// add puts a member into the group.
func (g *group) add(mb *member) {
	if len(g.members) == 0 {
		g.protocolType = mb.protocolType
	}
	if g.leader == "" {
		g.leader = mb.id
	}
	mb.group = g
	mb.session = timer{kind: sessionTimer, group: g, member: mb}
	g.members = append(g.members, mb)
	g.byID[mb.id] = mb
	if mb.instance != nil {
		g.static[*mb.instance] = mb
	}
	g.vote(mb.protocols, 1)
}

// remove takes a member out of the group, or the id of one that is pending. A leader that goes makes way for the first of the others. A Join or a Sync that it waits
// for is refused: a client that is still there joins anew.
func (m *Machine) remove(g *group, id string) {
	if mb := g.byID[id]; mb != nil {
		if mb.joining.on {
			m.answerJoin(mb, refused(mb.joining.version, "", unknownMember))
		}
		m.answerSync(mb, unknownMember)
		m.timers.stop(&mb.session)
		g.members = slices.DeleteFunc(g.members, func(x *member) bool { return x == mb })
		delete(g.byID, id)
		if mb.instance != nil {
			delete(g.static, *mb.instance)
		}
		g.vote(mb.protocols, -1)
		g.synced(mb)
	}
	if g.isLeader(id) {
		g.leader = ""
		if len(g.members) > 0 {
			g.leader = g.members[0].id
		}
	}
	if t := g.pending[id]; t != nil {
		m.timers.stop(t)
		delete(g.pending, id)
	}
}

// dropMembers forgets all members and what is on the way.
func (m *Machine) dropMembers(g *group) {
	for _, mb := range g.members {
		m.timers.stop(&mb.session)
		delete(m.waiting, mb.joining.token)
		delete(m.waiting, mb.syncing.token)
	}
	for _, t := range g.pending {
		m.timers.stop(t)
	}
	m.timers.stop(&g.joinTimer)
	m.timers.stop(&g.syncTimer)
	g.members, g.awaiting, g.unsynced = nil, 0, 0
	clear(g.byID)
	clear(g.static)
	clear(g.pending)
	clear(g.votes)
}

// synced notes that a member's Sync is no longer missing.
func (g *group) synced(mb *member) {
	if mb.unsynced {
		mb.unsynced = false
		g.unsynced--
	}
}

// forgetSyncs expects no Sync any more.
func (m *Machine) forgetSyncs(g *group) {
	for _, mb := range g.members {
		mb.unsynced = false
	}
	g.unsynced = 0
	m.timers.stop(&g.syncTimer)
}

// vote counts the protocols of a member in or out.
func (g *group) vote(protocols []protocol, n int) {
	for i, p := range protocols {
		if slices.ContainsFunc(protocols[:i], func(q protocol) bool { return q.name == p.name }) {
			continue
		}
		if g.votes[p.name] += n; g.votes[p.name] == 0 {
			delete(g.votes, p.name)
		}
	}
}

// supports says whether a member with these protocols may be in the group: it has one that all others have.
func (g *group) supports(protocolType string, protocols []string) bool {
	if g.state == empty {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType != "" && g.protocolType == protocolType &&
		slices.ContainsFunc(protocols, func(name string) bool { return g.votes[name] == len(g.members) })
}

// chosen is the protocol of the next generation: of those that all members have, each votes for the one that it likes most. The group must not be empty. Of
// protocols with as many votes it is the one that a Java hash map lists first, as in Kafka.
func (g *group) chosen() string {
	votes := map[string]int{}
	for _, mb := range g.members {
		for _, p := range mb.protocols {
			if g.votes[p.name] == len(g.members) {
				votes[p.name]++
				break
			}
		}
	}
	names := slices.SortedFunc(maps.Keys(votes), func(a, b string) int {
		if votes[a] != votes[b] {
			return votes[b] - votes[a]
		}
		return javaOrder(a, b)
	})
	if len(names) == 0 {
		return g.members[0].protocols[0].name // cannot be: supports was asked for each of them
	}
	return names[0]
}

// javaOrder compares texts by their bucket in a small Java HashMap.
func javaOrder(a, b string) int {
	bucket := func(s string) int {
		h := javaHash(s)
		return int((h ^ h>>16) & 15)
	}
	if x, y := bucket(a), bucket(b); x != y {
		return x - y
	}
	return slices.Compare([]byte(a), []byte(b))
}

// electAmongJoined makes sure that the leader is a member that has joined again. It is false when there is none.
func (g *group) electAmongJoined() bool {
	if g.leader == "" {
		return false
	}
	if mb := g.byID[g.leader]; mb != nil && mb.joining.on {
		return true
	}
	for _, mb := range g.members {
		if mb.joining.on {
			g.leader = mb.id
			return true
		}
	}
	return false
}

// maybeRebalance starts a rebalance, or goes on with the one that is under way.
func (m *Machine) maybeRebalance(g *group) {
	if g.state != preparing {
		m.prepareRebalance(g)
		return
	}
	m.maybeCompleteJoin(g)
}

// prepareRebalance asks the members to join again. The first rebalance of a group without members waits for others to come.
func (m *Machine) prepareRebalance(g *group) {
	if g.state == completing {
		for _, mb := range g.members {
			mb.assignment = nil
			m.answerSync(mb, rebalanceInProgress)
		}
	}
	m.forgetSyncs(g)
	first := g.state == empty
	m.to(g, preparing)
	switch {
	case first:
		g.joinTimer.delay = m.config.InitialDelay
		g.joinTimer.left = max(g.rebalanceTimeout()-m.config.InitialDelay, 0)
		g.joinTimer.initial = true
		m.timers.start(&g.joinTimer, m.now+m.config.InitialDelay)
	case g.allJoined():
		m.completeJoin(g)
	default:
		m.awaitJoins(g)
	}
}

// awaitJoins completes the rebalance with those that have joined when the rebalance timeout is over.
func (m *Machine) awaitJoins(g *group) {
	g.joinTimer.initial = false
	m.timers.start(&g.joinTimer, m.now+g.rebalanceTimeout())
}

// maybeCompleteJoin goes on to the next generation when nobody is missing; the first rebalance waits for its delay.
func (m *Machine) maybeCompleteJoin(g *group) {
	if g.state == preparing && g.before != empty && g.allJoined() {
		m.completeJoin(g)
	}
}

// completeFirstJoin ends the delay of the first rebalance, or makes it longer when somebody came.
func (m *Machine) completeFirstJoin(g *group) {
	t := &g.joinTimer
	if !g.newMember || t.left == 0 {
		m.completeJoin(g)
		return
	}
	g.newMember = false
	delay := min(m.config.InitialDelay, t.left)
	t.left, t.delay = max(t.left-t.delay, 0), delay
	m.timers.start(t, m.now+delay)
}

// completeJoin makes the next generation of those that have joined, and of static members.
func (m *Machine) completeJoin(g *group) {
	m.timers.stop(&g.joinTimer)
	for _, mb := range slices.Clone(g.members) {
		if !mb.joining.on && mb.instance == nil {
			m.remove(g, mb.id)
		}
	}
	if len(g.members) > 0 && !g.electAmongJoined() {
		m.awaitJoins(g) // until the sessions of those that are left lapse
		return
	}
	m.forgetSyncs(g)
	if len(g.members) == 0 {
		m.write(&groupSet{id: g.id, generation: g.generation + 1, protocolType: g.protocolType, since: m.wall()})
		return
	}
	g.generation++
	g.protocol = text(g.chosen())
	g.readSubscriptions()
	m.to(g, completing)
	for _, mb := range g.members {
		if mb.joining.on {
			m.answerJoin(mb, joined(mb, mb.joining.version))
		}
		m.startSession(mb)
		mb.isNew = false
		mb.unsynced = true
		g.unsynced++
	}
	m.timers.start(&g.syncTimer, m.now+g.rebalanceTimeout())
}

// syncsMissed removes the members that have not sent their Sync in time.
func (m *Machine) syncsMissed(g *group) {
	if g.state != completing && g.state != stable || g.unsynced == 0 {
		return
	}
	for _, mb := range slices.Clone(g.members) {
		if mb.unsynced {
			m.remove(g, mb.id)
		}
	}
	m.prepareRebalance(g)
}

// sessionLapsed removes a member that was not heard of. One that waits for an answer is alive, but for a new one, which may be gone without that anybody knows.
func (m *Machine) sessionLapsed(g *group, mb *member) {
	if !mb.isNew && (mb.joining.on || mb.syncing.on) {
		return
	}
	m.remove(g, mb.id)
	switch {
	case g.state == stable || g.state == completing:
		m.maybeRebalance(g)
	case g.state == preparing && g.allJoined():
		m.completeJoin(g)
	}
}

// pendingLapsed takes back an id that was not used.
func (m *Machine) pendingLapsed(g *group, id string) {
	m.remove(g, id)
	if g.state == preparing && g.allJoined() {
		m.completeJoin(g)
	}
}

// validate says what is wrong with a member id and an instance id, 0 for nothing.
func (g *group) validate(id string, instance *string) int16 {
	if instance != nil {
		switch mb := g.static[*instance]; {
		case mb == nil:
			return unknownMember
		case mb.id != id:
			return fencedInstance
		}
	}
	if g.byID[id] == nil {
		return unknownMember
	}
	return 0
}
