package server

import (
	"context"
	"log/slog"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// alterConfigs gives topics and the broker new settings in the place of all that were set (key 33); else it is as IncrementalAlterConfigs, by which Kafka has
// replaced it. A resource that is named twice is refused each time; Kafka 4.2 never answers it.
func alterConfigs(ctx context.Context, r *request, req *kmsg.AlterConfigsRequest) *kmsg.AlterConfigsResponse {
	resp := kmsg.NewPtrAlterConfigsResponse()
	resp.Version = req.Version
	ctx, cancel := within(ctx, int32(adminTime.Milliseconds()))
	defer cancel()
	all := make(map[resource]int, len(req.Resources))
	for i := range req.Resources {
		all[resource{req.Resources[i].ResourceType, req.Resources[i].ResourceName}]++
	}
	resp.Resources = make([]kmsg.AlterConfigsResponseResource, len(req.Resources))
	for i := range req.Resources {
		q, out := &req.Resources[i], &resp.Resources[i]
		*out = kmsg.NewAlterConfigsResponseResource()
		out.ResourceType, out.ResourceName = q.ResourceType, q.ResourceName
		err := r.srv.checkResource(resource{q.ResourceType, q.ResourceName}, all)
		if err == nil {
			err = r.srv.replace(ctx, q, req.ValidateOnly)
		}
		if err == nil && !req.ValidateOnly {
			names := make([]string, len(q.Configs))
			for j := range q.Configs {
				names[j] = q.Configs[j].Name
			}
			r.changed(slog.LevelInfo, "settings replaced", "of", q.ResourceType, "name", q.ResourceName, "settings", names)
		}
		out.ErrorCode, out.ErrorMessage = r.srv.fault(err)
	}
	return resp
}

// replace gives one resource new settings, or says whether it would be refused.
func (s *Server) replace(ctx context.Context, q *kmsg.AlterConfigsRequestResource, only bool) error {
	configs := make([]catalog.ConfigValue, len(q.Configs))
	for i, c := range q.Configs {
		configs[i] = catalog.ConfigValue{Name: c.Name, Value: c.Value}
	}
	switch {
	case q.ResourceType == kmsg.ConfigResourceTypeBrokerLogger:
		return errNoLogger
	case q.ResourceType == kmsg.ConfigResourceTypeBroker && only:
		return s.store.CheckReplaceBroker(q.ResourceName == "", configs)
	case q.ResourceType == kmsg.ConfigResourceTypeBroker:
		return s.store.ReplaceBroker(ctx, q.ResourceName == "", configs)
	case only:
		return s.store.CheckReplaceConfigs(q.ResourceName, configs)
	}
	return s.store.ReplaceConfigs(ctx, q.ResourceName, configs)
}
