package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// leaveGroup takes members out of a group: one up to version 2, many, also by their instance ids, from then on (KIP-345).
func leaveGroup(ctx context.Context, r *request, req *kmsg.LeaveGroupRequest) *kmsg.LeaveGroupResponse {
	version := req.Version
	resp, err := askGroup[*kmsg.LeaveGroupResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.Leave{Token: t, Request: req}
	})
	if err != nil {
		resp = kmsg.NewPtrLeaveGroupResponse()
		resp.ErrorCode = r.srv.groupFault(err)
	}
	resp.Version = version
	return resp
}
