package group

import "github.com/twmb/franz-go/pkg/kmsg"

// heartbeat keeps a member's session, and tells it of a rebalance.
func (m *Machine) heartbeat(ev Heartbeat) {
	req := ev.Request
	resp := kmsg.NewPtrHeartbeatResponse()
	resp.Version = req.Version
	resp.ErrorCode = m.beat(req)
	m.replyNow(ev.Token, resp)
}

func (m *Machine) beat(req *kmsg.HeartbeatRequest) int16 {
	if req.Group == "" {
		return invalidGroup
	}
	g := m.groups[req.Group]
	if g == nil {
		return unknownMember
	}
	if code := g.validate(req.MemberID, req.InstanceID); code != 0 {
		return code
	}
	if req.Generation != g.generation {
		return illegalGeneration
	}
	m.startSession(g.byID[req.MemberID])
	if g.state == preparing {
		return rebalanceInProgress
	}
	return 0
}
