package server

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// joinGroup makes a member of a group, and answers when all members of the next generation are there. package group has the rules.
func joinGroup(ctx context.Context, r *request, req *kmsg.JoinGroupRequest) *kmsg.JoinGroupResponse {
	version := req.Version
	origin := r.peer.ID
	if req.InstanceID != nil {
		origin = *req.InstanceID
	}
	resp, err := askGroup[*kmsg.JoinGroupResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.Join{Token: t, Client: r.peer, NewMember: origin + "-" + newUUID(), Request: req}
	})
	if err != nil {
		resp = kmsg.NewPtrJoinGroupResponse()
		resp.MemberID, resp.Generation, resp.ErrorCode = req.MemberID, -1, r.srv.groupFault(err)
		if version < 7 {
			resp.Protocol = kmsg.StringPtr("") // not nullable there
		}
	}
	resp.Version = version
	return resp
}

// newUUID draws a random UUID in its textual form.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
