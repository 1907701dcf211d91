package server

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// incrementalAlterConfigs changes single settings of topics and of the broker (key 44, KIP-339), one resource after the other. What was changed is durable, and
// holds for everybody, before the answer leaves. A resource that is named twice is refused each time. Topics and brokers have settings; the
// levels of loggers, metrics of clients and settings of groups are not served.
func incrementalAlterConfigs(ctx context.Context, r *request, req *kmsg.IncrementalAlterConfigsRequest) *kmsg.IncrementalAlterConfigsResponse {
	resp := kmsg.NewPtrIncrementalAlterConfigsResponse()
	resp.Version = req.Version
	ctx, cancel := within(ctx, int32(adminTime.Milliseconds()))
	defer cancel()
	all := make(map[resource]int, len(req.Resources))
	for i := range req.Resources {
		all[resource{req.Resources[i].ResourceType, req.Resources[i].ResourceName}]++
	}
	resp.Resources = make([]kmsg.IncrementalAlterConfigsResponseResource, len(req.Resources))
	for i := range req.Resources {
		q, out := &req.Resources[i], &resp.Resources[i]
		*out = kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = q.ResourceType, q.ResourceName
		err := r.srv.checkResource(resource{q.ResourceType, q.ResourceName}, all)
		if err == nil {
			err = r.srv.alter(ctx, q, req.ValidateOnly)
		}
		if err == nil && !req.ValidateOnly {
			names := make([]string, len(q.Configs))
			for j := range q.Configs {
				names[j] = q.Configs[j].Name
			}
			r.changed(slog.LevelInfo, "settings changed", "of", q.ResourceType, "name", q.ResourceName, "settings", names)
		}
		out.ErrorCode, out.ErrorMessage = r.srv.fault(err)
	}
	return resp
}

// alter changes settings of one resource, or says whether it would be refused.
func (s *Server) alter(ctx context.Context, q *kmsg.IncrementalAlterConfigsRequestResource, only bool) error {
	changes := make([]catalog.ConfigChange, len(q.Configs))
	for i, c := range q.Configs {
		changes[i] = catalog.ConfigChange{Name: c.Name, Op: catalog.ConfigOp(c.Op), Value: c.Value}
	}
	switch {
	case q.ResourceType == kmsg.ConfigResourceTypeBrokerLogger && len(changes) > 0:
		return errNoLogger
	case q.ResourceType == kmsg.ConfigResourceTypeBrokerLogger:
		return nil
	case q.ResourceType == kmsg.ConfigResourceTypeBroker && only:
		return s.store.CheckAlterBroker(q.ResourceName == "", changes)
	case q.ResourceType == kmsg.ConfigResourceTypeBroker:
		return s.store.AlterBroker(ctx, q.ResourceName == "", changes)
	case only:
		return s.store.CheckAlterConfigs(q.ResourceName, changes)
	}
	return s.store.AlterConfigs(ctx, q.ResourceName, changes)
}
