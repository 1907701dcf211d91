package server

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of coordinators.
const (
	groupCoordinator       = 0
	transactionCoordinator = 1
	shareCoordinator       = 2
)

// noErrorText is Kafka's text where there is no error.
const noErrorText = "NONE"

// findCoordinator answers who coordinates a group: this broker, at once. Transactions and share groups are not served, which is INVALID_REQUEST: a coordinator that is
// "not available" would make clients try for ever.
func findCoordinator(ctx context.Context, r *request, req *kmsg.FindCoordinatorRequest) *kmsg.FindCoordinatorResponse {
	resp := kmsg.NewPtrFindCoordinatorResponse()
	resp.Version = req.Version
	keys := req.CoordinatorKeys
	if req.Version < 4 {
		keys = []string{req.CoordinatorKey}
	}
	for _, key := range keys {
		c := kmsg.NewFindCoordinatorResponseCoordinator()
		c.Key, c.NodeID, c.Port = key, -1, -1
		err := r.srv.coordinates(ctx, req)
		if c.ErrorCode, c.ErrorMessage = r.srv.fault(err); err == nil {
			c.NodeID, c.Host, c.Port = r.srv.store.NodeID(), r.host, r.port
			c.ErrorMessage = kmsg.StringPtr("") // as Kafka has it: not null, and "NONE" up to version 3
			if req.Version < 4 {
				c.ErrorMessage = kmsg.StringPtr(noErrorText)
			}
		}
		resp.Coordinators = append(resp.Coordinators, c)
	}
	if req.Version < 4 {
		c := resp.Coordinators[0]
		resp.ErrorCode, resp.ErrorMessage, resp.NodeID, resp.Host, resp.Port = c.ErrorCode, c.ErrorMessage, c.NodeID, c.Host, c.Port
		resp.Coordinators = nil
	}
	return resp
}

// coordinates says why this broker is not a coordinator of the kind that is asked for.
func (s *Server) coordinates(ctx context.Context, req *kmsg.FindCoordinatorRequest) error {
	switch req.CoordinatorType {
	case groupCoordinator:
		if _, err := s.groups.ensure(ctx); err != nil {
			s.log.Warn("groups cannot be coordinated for the moment", "err", err)
			return refuse(kerr.CoordinatorNotAvailable, err.Error())
		}
		return nil
	case transactionCoordinator:
		return refuse(kerr.InvalidRequest, "transactions are not served")
	case shareCoordinator:
		return refuse(kerr.InvalidRequest, "share groups are not served")
	}
	return refuse(kerr.InvalidRequest, fmt.Sprintf("there is no coordinator of type %d", req.CoordinatorType))
}
