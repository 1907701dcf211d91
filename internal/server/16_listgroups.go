package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// listGroups answers with all groups, or those in some states and of some types. Without __consumer_offsets there are none, and none is made.
func listGroups(ctx context.Context, r *request, req *kmsg.ListGroupsRequest) *kmsg.ListGroupsResponse {
	resp := kmsg.NewPtrListGroupsResponse()
	resp.Version = req.Version
	if r.srv.store.Topic(offsetsTopic) == nil {
		return resp
	}
	set, err := r.srv.groups.ensure(ctx)
	if err != nil {
		resp.ErrorCode = r.srv.groupFault(err)
		return resp
	}
	for _, s := range set.all {
		answer, err := s.ask(ctx, func(t group.Token) group.Event {
			return group.List{Token: t, States: req.StatesFilter, Types: req.TypesFilter}
		})
		if err != nil {
			resp.ErrorCode, resp.Groups = r.srv.groupFault(err), nil
			return resp
		}
		resp.Groups = append(resp.Groups, answer.([]kmsg.ListGroupsResponseGroup)...)
	}
	return resp
}
