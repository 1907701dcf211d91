package group

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// newMemberTimeout is how long a new member waits for its first generation before it is asked to come again, in milliseconds: until then nobody knows whether
	// its client is still there.
	newMemberTimeout = 5 * 60 * 1000
	// maxPending is how many ids of a group may be given away and not be used yet. Kafka has no limit but their session timeouts.
	maxPending = 10_000

	// From which version on a JoinGroup request …
	hasRebalanceTimeout = 1 // … tells how long the member may take to join again,
	needsMemberID       = 4 // … must come with a member id,
	hasNullProtocol     = 7 // … is answered with a protocol that may be null,
	canSkipAssignment   = 9 // … lets a leader be told that nothing is to be assigned.
)

// refused is the answer to a Join that is refused.
func refused(version int16, memberID string, code int16) *kmsg.JoinGroupResponse {
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version, resp.ErrorCode, resp.MemberID, resp.Protocol = version, code, memberID, protocolOf(version, nil)
	return resp
}

// protocolOf is a protocol as an answer shows it: without a name it is empty in old versions, and null in new ones.
func protocolOf(version int16, name *string) *string {
	switch {
	case version < hasNullProtocol && name == nil:
		return text("")
	case version >= hasNullProtocol && stringOf(name) == "":
		return nil
	}
	return name
}

// joined is the answer that tells a member its generation, and the leader who else is in it.
func joined(mb *member, version int16) *kmsg.JoinGroupResponse {
	g := mb.group
	resp := kmsg.NewPtrJoinGroupResponse()
	resp.Version, resp.Generation, resp.Protocol, resp.LeaderID, resp.MemberID = version, g.generation, protocolOf(version, g.protocol), g.leader, mb.id
	if g.protocolType != "" {
		resp.ProtocolType = text(g.protocolType)
	}
	if g.isLeader(mb.id) {
		resp.Members = g.memberList()
	}
	return resp
}

// memberList is the members as the leader is told of them.
func (g *group) memberList() []kmsg.JoinGroupResponseMember {
	out := make([]kmsg.JoinGroupResponseMember, len(g.members))
	for i, mb := range g.members {
		out[i] = kmsg.JoinGroupResponseMember{MemberID: mb.id, InstanceID: mb.instance, ProtocolMetadata: mb.metadata(g.protocol)}
	}
	return out
}

func (m *Machine) join(ev Join) {
	req := ev.Request
	if code := m.checkJoin(ev); code != 0 {
		m.replyNow(ev.Token, refused(req.Version, req.MemberID, code))
		return
	}
	g := m.groups[req.Group]
	if g == nil {
		if req.MemberID != "" {
			m.reply(ev.Token, nil, refused(req.Version, req.MemberID, unknownMember))
			return
		}
		m.write(&groupSet{id: req.Group, since: m.wall()})
		g = m.groups[req.Group]
	}
	switch {
	case !m.accepts(g, req.MemberID):
		m.remove(g, req.MemberID)
		m.reply(ev.Token, g, refused(req.Version, "", groupFull))
	case !g.supports(req.ProtocolType, protocolNames(req)):
		m.reply(ev.Token, g, refused(req.Version, req.MemberID, inconsistentProtocol))
	case req.MemberID == "":
		m.joinNew(g, ev)
	default:
		m.joinAgain(g, ev)
	}
}

// checkJoin finds what is wrong with a request, whatever the group.
func (m *Machine) checkJoin(ev Join) int16 {
	req := ev.Request
	timeout := int64(req.SessionTimeoutMillis)
	switch {
	case req.Group == "":
		return invalidGroup
	case timeout < m.config.MinSessionTimeout || timeout > m.config.MaxSessionTimeout:
		return invalidSession
	case hostile(req.Group, ev.NewMember, ev.Client.ID, ev.Client.Host, req.MemberID, stringOf(req.InstanceID), req.ProtocolType), hostile(protocolNames(req)...):
		return invalidRequest
	}
	return 0
}

func protocolNames(req *kmsg.JoinGroupRequest) []string {
	out := make([]string, len(req.Protocols))
	for i, p := range req.Protocols {
		out[i] = p.Name
	}
	return out
}

// accepts says whether the group has a place for this member. While members join again only those that did count, so that the last ones of a group that is too large
// find no place.
func (m *Machine) accepts(g *group, id string) bool {
	mb := g.byID[id]
	switch g.state {
	case empty:
		return true
	case preparing:
		return mb != nil && mb.joining.on || !m.full(g.awaiting)
	default:
		return mb != nil || !m.full(len(g.members))
	}
}

// joinNew takes a request without member id.
func (m *Machine) joinNew(g *group, ev Join) {
	req := ev.Request
	switch {
	case req.InstanceID != nil && g.static[*req.InstanceID] != nil:
		m.replaceStatic(g, g.static[*req.InstanceID], ev)
	case req.InstanceID == nil && req.Version >= needsMemberID:
		m.givePending(g, ev)
	default:
		m.addMember(g, ev.NewMember, ev)
	}
}

// givePending gives a client an id to come back with, so that clients that try again do not fill the group.
func (m *Machine) givePending(g *group, ev Join) {
	if len(g.pending) >= maxPending {
		m.reply(ev.Token, g, refused(ev.Request.Version, "", groupFull))
		return
	}
	id := strings.Clone(ev.NewMember)
	t := &timer{kind: pendingTimer, group: g, id: id}
	g.pending[id] = t
	m.timers.start(t, m.now+int64(ev.Request.SessionTimeoutMillis))
	m.reply(ev.Token, g, refused(ev.Request.Version, id, memberIDRequired))
}

// addMember adds a member, and with it starts a rebalance.
func (m *Machine) addMember(g *group, id string, ev Join) {
	req := ev.Request
	if t := g.pending[id]; t != nil {
		m.timers.stop(t)
		delete(g.pending, id)
	}
	mb := &member{id: strings.Clone(id), clientID: strings.Clone(ev.Client.ID), host: strings.Clone(ev.Client.Host), protocolType: strings.Clone(req.ProtocolType), isNew: true}
	if req.InstanceID != nil {
		mb.instance = text(strings.Clone(*req.InstanceID))
	}
	mb.take(req)
	if g.state == preparing && g.before == empty {
		g.newMember = true
	}
	g.add(mb)
	m.awaitJoin(mb, ev)
	m.timers.start(&mb.session, m.now+newMemberTimeout)
	m.maybeRebalance(g)
}

// take notes what a member says of itself.
func (mb *member) take(req *kmsg.JoinGroupRequest) {
	mb.sessionTimeout, mb.rebalanceTimeout = req.SessionTimeoutMillis, req.RebalanceTimeoutMillis
	if req.Version < hasRebalanceTimeout {
		mb.rebalanceTimeout = mb.sessionTimeout
	}
	mb.protocols = protocolsOf(req)
}

// update takes a new request of a member that is in the group; it waits for the answer.
func (m *Machine) update(mb *member, ev Join) {
	mb.group.vote(mb.protocols, -1)
	mb.take(ev.Request)
	mb.group.vote(mb.protocols, 1)
	m.awaitJoin(mb, ev)
}

// joinAgain takes a request with a member id.
func (m *Machine) joinAgain(g *group, ev Join) {
	req := ev.Request
	if g.pending[req.MemberID] != nil {
		if req.InstanceID != nil {
			m.reply(ev.Token, g, refused(req.Version, req.MemberID, unknownMember))
			return
		}
		m.addMember(g, req.MemberID, ev)
		return
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != 0 {
		m.reply(ev.Token, g, refused(req.Version, req.MemberID, code))
		return
	}
	mb := g.byID[req.MemberID]
	same := mb.matches(req.Protocols)
	switch {
	case g.state == completing && same, g.state == stable && same && !g.isLeader(mb.id):
		// It has lost the answer to its Join, or asks for nothing new: it is told the generation again. A leader that comes in a stable group wants a rebalance,
		// since something changed that no member's metadata shows, as the number of partitions.
		m.reply(ev.Token, g, joined(mb, req.Version))
	case g.state == empty:
		m.reply(ev.Token, g, refused(req.Version, req.MemberID, unknownMember))
	default:
		m.update(mb, ev)
		m.maybeRebalance(g)
	}
}

// replaceStatic gives the place of a static member to who comes with its instance id and without a member id: the process was started again. In a stable group
// whose protocol stays the same nobody else has to know.
func (m *Machine) replaceStatic(g *group, old *member, ev Join) {
	req := ev.Request
	leader, leads := g.leader, g.isLeader(old.id)
	if old.joining.on {
		m.answerJoin(old, refused(old.joining.version, old.id, fencedInstance))
	}
	m.answerSync(old, fencedInstance)

	// The member goes on under its new id, with its place, its assignment and, as in Kafka, the client and the host of the old one.
	mb := old
	delete(g.byID, old.id)
	mb.id = strings.Clone(ev.NewMember)
	g.byID[mb.id] = mb
	mb.isNew = false
	if leads {
		g.leader = mb.id
	}
	m.startSession(mb)
	m.update(mb, ev)

	switch {
	case g.state == stable && g.chosen() == stringOf(g.protocol):
		m.write(g.snapshot(func(x *member) []byte { return x.assignment }))
		resp := joined(mb, req.Version)
		if req.Version < canSkipAssignment {
			resp.Members, resp.LeaderID = nil, leader // a leader that could not be told to assign nothing is not told that it leads
		} else {
			resp.SkipAssignment = leads
		}
		m.answerJoin(mb, resp)
	case g.state == stable, g.state == completing:
		m.prepareRebalance(g)
	default:
		m.maybeCompleteJoin(g)
	}
}

// needJoin bounds the records of a Join: of a new group, or of a group with a static member that is replaced.
func (m *Machine) needJoin(ev Join) int {
	req := ev.Request
	g := m.groups[req.Group]
	switch {
	case m.checkJoin(ev) != 0:
		return 0
	case g == nil && req.MemberID == "":
		return recordOverhead + len(req.Group)
	case g == nil, g.state != stable, req.MemberID != "", req.InstanceID == nil, g.static[*req.InstanceID] == nil:
		return 0
	}
	need := g.size() + 2*len(ev.NewMember)
	for _, mb := range g.members {
		need += len(mb.assignment)
	}
	longest := 0
	for _, p := range req.Protocols {
		longest = max(longest, len(p.Metadata)+len(p.Name))
	}
	return need + longest
}
