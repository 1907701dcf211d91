package group

import (
	"bytes"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// needsProtocol is the version of SyncGroup from which on a member must say which protocol it follows (KIP-559).
const needsProtocol = 5

// syncAnswer gives a member its assignment, or an error.
func syncAnswer(mb *member, version, code int16) *kmsg.SyncGroupResponse {
	resp := kmsg.NewPtrSyncGroupResponse()
	resp.Version, resp.ErrorCode, resp.MemberAssignment = version, code, []byte{}
	if code != 0 {
		return resp
	}
	g := mb.group
	resp.Protocol = g.protocol
	if g.protocolType != "" {
		resp.ProtocolType = text(g.protocolType)
	}
	if mb.assignment != nil {
		resp.MemberAssignment = mb.assignment
	}
	return resp
}

func (m *Machine) sync(ev Sync) {
	req := ev.Request
	g := m.groups[req.Group]
	if code := g.checkSync(req); code != 0 {
		resp := syncAnswer(nil, req.Version, code)
		if code == invalidGroup {
			m.replyNow(ev.Token, resp)
		} else {
			m.reply(ev.Token, g, resp)
		}
		return
	}
	mb := g.byID[req.MemberID]
	g.synced(mb)
	if g.unsynced == 0 {
		m.timers.stop(&g.syncTimer)
	}
	if g.state == stable {
		m.reply(ev.Token, g, syncAnswer(mb, req.Version, 0))
		return
	}
	if mb.syncing.on {
		m.answerSync(mb, rebalanceInProgress) // an older request of the same member
	}
	mb.syncing = waiter{on: true, token: ev.Token, version: req.Version}
	m.waiting[ev.Token] = mb
	if g.isLeader(mb.id) {
		m.assign(g, req)
	}
}

// checkSync finds what is wrong with a request, 0 for nothing. The group may be nil.
func (g *group) checkSync(req *kmsg.SyncGroupRequest) int16 {
	switch {
	case req.Version >= needsProtocol && (req.ProtocolType == nil || req.Protocol == nil):
		return inconsistentProtocol
	case req.Group == "":
		return invalidGroup
	case g == nil, g.state == empty:
		return unknownMember
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != 0 {
		return code
	}
	differs := func(theirs *string, ours string) bool { return theirs != nil && *theirs != ours }
	switch {
	case req.Generation != g.generation:
		return illegalGeneration
	case g.protocolType != "" && differs(req.ProtocolType, g.protocolType), g.protocol != nil && differs(req.Protocol, *g.protocol):
		return inconsistentProtocol
	case g.state == preparing:
		return rebalanceInProgress
	}
	return 0
}

// assign stores what the leader assigned, which makes the generation durable, and gives it to those that wait for it. Members that the leader left out get nothing to
// do.
func (m *Machine) assign(g *group, req *kmsg.SyncGroupRequest) {
	assignment := make(map[string][]byte, len(req.GroupAssignment))
	for _, a := range req.GroupAssignment {
		assignment[a.MemberID] = a.MemberAssignment
	}
	m.write(g.snapshot(func(mb *member) []byte { return bytes.Clone(assignment[mb.id]) }))
	for _, mb := range g.members {
		m.answerSync(mb, 0)
	}
}

// needSync bounds the record of the Sync of a leader.
func (m *Machine) needSync(ev Sync) int {
	req := ev.Request
	g := m.groups[req.Group]
	if g == nil || g.state != completing || !g.isLeader(req.MemberID) {
		return 0
	}
	need := g.size()
	for _, a := range req.GroupAssignment {
		need += len(a.MemberAssignment)
	}
	return need
}
