package server

import (
	"context"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// listConfigResources answers what has settings (key 74, KIP-1142): topics, the broker, and the broker's loggers, of which there are none but whose resource
// exists. Metrics of clients and settings of groups are not served, so there are none; version 0 asks for the former only.
func listConfigResources(_ context.Context, r *request, req *kmsg.ListConfigResourcesRequest) *kmsg.ListConfigResourcesResponse {
	resp := kmsg.NewPtrListConfigResourcesResponse()
	resp.Version = req.Version
	all := []int8{int8(kmsg.ConfigResourceTypeTopic), int8(kmsg.ConfigResourceTypeBroker), int8(kmsg.ConfigResourceTypeBrokerLogger), int8(kmsg.ConfigResourceTypeClientMetrics), int8(kmsg.ConfigResourceTypeGroupConfig)}
	types := req.ResourceTypes
	switch {
	case req.Version == 0:
		return resp
	case len(types) == 0:
		types = all
	}
	for _, kind := range types {
		if !slices.Contains(all, kind) {
			resp.ErrorCode, _ = r.srv.fault(refuse(kerr.UnsupportedVersion, "the request asks for a kind of resource that is not known"))
			return resp
		}
	}
	add := func(kind int8, name string) {
		c := kmsg.NewListConfigResourcesResponseConfigResource()
		c.Type, c.Name = kind, name
		resp.ConfigResources = append(resp.ConfigResources, c)
	}
	node := strconv.Itoa(int(r.srv.store.NodeID()))
	for _, kind := range all {
		if !slices.Contains(types, kind) {
			continue
		}
		switch kmsg.ConfigResourceType(kind) {
		case kmsg.ConfigResourceTypeTopic:
			for _, t := range r.srv.store.Topics() {
				add(kind, t.Name)
			}
		case kmsg.ConfigResourceTypeBroker, kmsg.ConfigResourceTypeBrokerLogger:
			add(kind, node)
		}
	}
	return resp
}
