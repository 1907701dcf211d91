package group

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// batchedLeave is the version of LeaveGroup from which on several members can be taken out at once, also by their instance ids.
const batchedLeave = 3

func (m *Machine) leave(ev Leave) {
	req := ev.Request
	resp := kmsg.NewPtrLeaveGroupResponse()
	resp.Version = req.Version
	if req.Group == "" {
		resp.ErrorCode = invalidGroup
		m.replyNow(ev.Token, resp)
		return
	}
	who := req.Members
	if req.Version < batchedLeave {
		who = []kmsg.LeaveGroupRequestMember{{MemberID: req.MemberID}}
	}
	g := m.groups[req.Group]
	gone := false
	var was []*member
	if g != nil {
		was = slices.Clone(g.members)
	}
	for _, w := range who {
		code := unknownMember
		if g != nil {
			code = m.leaveOne(g, w)
		}
		gone = gone || code == 0
		if req.Version < batchedLeave {
			resp.ErrorCode = code
			continue
		}
		resp.Members = append(resp.Members, kmsg.LeaveGroupResponseMember{MemberID: w.MemberID, InstanceID: w.InstanceID, ErrorCode: code})
	}
	if gone && g.state != empty {
		m.maybeRebalance(g)
		m.leftDurably(g, was)
	}
	m.reply(ev.Token, g, resp)
}

// leftDurably writes the last generation without those that have left since, and without a leader, which marks it as one to which nobody should hold. Kafka
// writes nothing until the next generation begins, and so waits, when it is started again, for members that are gone until their sessions lapse.
func (m *Machine) leftDurably(g *group, was []*member) {
	if g.record == nil {
		return
	}
	c := *g.record
	c.leader = ""
	c.members = slices.DeleteFunc(slices.Clone(c.members), func(x groupMember) bool {
		return slices.ContainsFunc(was, func(mb *member) bool { return mb.id == x.id }) && g.byID[x.id] == nil
	})
	if len(c.members) == len(g.record.members) {
		return
	}
	if len(c.members) == 0 {
		c.protocol = nil
	}
	m.note(g, &c)
}

// leaveOne takes out one member: by its instance id alone, as an administrator does, by an id that is pending, or by its member id.
func (m *Machine) leaveOne(g *group, who kmsg.LeaveGroupRequestMember) int16 {
	switch {
	case who.MemberID == "":
		if who.InstanceID == nil || g.static[*who.InstanceID] == nil {
			return unknownMember
		}
		m.remove(g, g.static[*who.InstanceID].id)
	case g.pending[who.MemberID] != nil:
		m.remove(g, who.MemberID)
	default:
		if code := g.validate(who.MemberID, who.InstanceID); code != 0 {
			return code
		}
		m.remove(g, who.MemberID)
	}
	return 0
}
