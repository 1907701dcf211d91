package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// deleteGroups deletes groups that have no members, with their offsets. It is answered when that is durable.
func deleteGroups(ctx context.Context, r *request, req *kmsg.DeleteGroupsRequest) *kmsg.DeleteGroupsResponse {
	resp := kmsg.NewPtrDeleteGroupsResponse()
	resp.Version = req.Version
	seen := make(map[string]bool, len(req.Groups))
	for _, id := range req.Groups {
		if seen[id] {
			continue
		}
		seen[id] = true
		g, err := askGroup[*kmsg.DeleteGroupsResponseGroup](ctx, r, id, func(t group.Token) group.Event {
			return group.Delete{Token: t, Group: id}
		})
		if err != nil {
			g = &kmsg.DeleteGroupsResponseGroup{ErrorCode: r.srv.groupFault(err)}
		}
		g.Group = id
		resp.Groups = append(resp.Groups, *g)
	}
	return resp
}
