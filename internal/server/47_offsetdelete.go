package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// offsetDelete deletes committed offsets of topics to which no member of the group is subscribed (KIP-496).
func offsetDelete(ctx context.Context, r *request, req *kmsg.OffsetDeleteRequest) *kmsg.OffsetDeleteResponse {
	version := req.Version
	resp, err := askGroup[*kmsg.OffsetDeleteResponse](ctx, r, req.Group, func(t group.Token) group.Event {
		return group.DeleteOffsets{Token: t, Request: req, Refused: r.srv.refusedPartition}
	})
	if err != nil {
		resp = kmsg.NewPtrOffsetDeleteResponse()
		resp.ErrorCode = r.srv.groupFault(err)
	}
	resp.Version = version
	return resp
}
