package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The kinds of endpoints that DescribeCluster may be about (KIP-919).
const (
	brokerEndpoints     = 1
	controllerEndpoints = 2
)

// describeCluster answers with the one broker that there is.
func describeCluster(_ context.Context, r *request, req *kmsg.DescribeClusterRequest) *kmsg.DescribeClusterResponse {
	st := r.srv.store
	resp := kmsg.NewPtrDescribeClusterResponse()
	resp.Version, resp.EndpointType = req.Version, req.EndpointType
	var err error
	if req.Version >= 1 {
		switch req.EndpointType {
		case brokerEndpoints:
		case controllerEndpoints:
			err = refuse(kerr.MismatchedEndpointType, "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER")
		default:
			err = refuse(kerr.UnsupportedEndpointType, "Unsupported endpoint type")
		}
	}
	if err != nil {
		resp.ErrorCode, resp.ErrorMessage = r.srv.fault(err)
		resp.EndpointType = brokerEndpoints
		return resp
	}
	resp.ClusterID, resp.ControllerID = st.ClusterID(), st.NodeID()
	if req.IncludeClusterAuthorizedOperations {
		resp.ClusterAuthorizedOperations = allClusterOperations
	}
	b := kmsg.NewDescribeClusterResponseBroker()
	b.NodeID, b.Host, b.Port = st.NodeID(), r.host, r.port
	resp.Brokers = append(resp.Brokers, b)
	return resp
}
