package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// heartbeat keeps a member's session alive and tells it of a rebalance. It waits for no disk: a slow one does not end sessions.
func heartbeat(ctx context.Context, r *request, req *kmsg.HeartbeatRequest) *kmsg.HeartbeatResponse {
	version := req.Version
	resp, err := askGroup[*kmsg.HeartbeatResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.Heartbeat{Token: t, Request: req}
	})
	if err != nil {
		resp = kmsg.NewPtrHeartbeatResponse()
		resp.ErrorCode = r.srv.groupFault(err)
	}
	resp.Version = version
	return resp
}
