package server

import (
	"context"
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// allGroupOperations are the bits of what everybody may do with a group where nobody is asked who they are.
const allGroupOperations = 1<<3 | 1<<6 | 1<<8 | 1<<10 | 1<<11

// describeGroups answers with the state and the members of groups.
func describeGroups(ctx context.Context, r *request, req *kmsg.DescribeGroupsRequest) *kmsg.DescribeGroupsResponse {
	resp := kmsg.NewPtrDescribeGroupsResponse()
	resp.Version = req.Version
	for _, id := range req.Groups {
		g, err := askGroup[*kmsg.DescribeGroupsResponseGroup](ctx, r, id, func(t group.Token) group.Event {
			return group.Describe{Token: t, Group: id, Version: req.Version}
		})
		if err != nil {
			g = new(kmsg.DescribeGroupsResponseGroup)
			*g = kmsg.NewDescribeGroupsResponseGroup()
			g.ErrorCode = r.srv.groupFault(err)
		}
		g.Group = id
		g.AuthorizedOperations = math.MinInt32
		if req.IncludeAuthorizedOperations && (id != "" || req.Version < 6) && (g.ErrorCode == 0 || g.ErrorCode == kerr.GroupIDNotFound.Code) {
			g.AuthorizedOperations = allGroupOperations
		}
		resp.Groups = append(resp.Groups, *g)
	}
	return resp
}
