package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// syncGroup takes the leader's assignment and answers each member with its part, when that is durable.
func syncGroup(ctx context.Context, r *request, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	version := req.Version
	resp, err := askGroup[*kmsg.SyncGroupResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.Sync{Token: t, Client: r.peer, Request: req}
	})
	if err != nil {
		resp = kmsg.NewPtrSyncGroupResponse()
		resp.ErrorCode, resp.MemberAssignment = r.srv.groupFault(err), []byte{}
	}
	resp.Version = version
	return resp
}
