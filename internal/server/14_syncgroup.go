package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// needsProtocol is the version of SyncGroup from which on a member must say by which protocol it syncs (KIP-559).
const needsProtocol = 5

// syncGroup takes the leader's assignment and answers each member with its part, when that is durable.
func syncGroup(ctx context.Context, r *request, req *kmsg.SyncGroupRequest) *kmsg.SyncGroupResponse {
	version := req.Version
	if version >= needsProtocol && (req.ProtocolType == nil || req.Protocol == nil) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.Version, resp.MemberAssignment = version, []byte{}
		resp.ErrorCode, _ = r.srv.fault(refuse(kerr.InconsistentGroupProtocol, "the request does not say by which protocol"))
		return resp
	}
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
