package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The keys of the requests that are served.
const (
	keyProduce         = int16(kmsg.Produce)
	keyFetch           = int16(kmsg.Fetch)
	keyListOffsets     = int16(kmsg.ListOffsets)
	keyMetadata        = int16(kmsg.Metadata)
	keyApiVersions     = int16(kmsg.ApiVersions)
	keyCreateTopics    = int16(kmsg.CreateTopics)
	keyDeleteTopics    = int16(kmsg.DeleteTopics)
	keyInitProducerID  = int16(kmsg.InitProducerID)
	keyDescribeConfigs = int16(kmsg.DescribeConfigs)
	keyDescribeCluster = int16(kmsg.DescribeCluster)
	maxKey             = keyDescribeCluster
)

// api is a request that is served: its versions, and how.
type api struct {
	key, min, max int16
	// handle answers a request; it is nil for the two that a connection answers in its own way, Produce and Fetch.
	handle func(context.Context, *request) kmsg.Response
}

// request is what a handler gets to know.
type request struct {
	srv  *Server
	body kmsg.Request
	// host and port are where the client is told to connect to.
	host string
	port int32
}

// table has the requests that are served, in the order of their keys.
type table []api

// newTable is the whole of what ApiVersions shows. Produce is shown from version 0 on, as Kafka does for clients that look for it; the versions
// below 3 are answered with UNSUPPORTED_VERSION.
func newTable() table {
	return table{
		{keyProduce, 0, 13, nil},
		{keyFetch, 4, 18, nil},
		{keyListOffsets, 0, 11, typed(listOffsets)},
		{keyMetadata, 0, 13, typed(metadata)},
		{keyApiVersions, 0, 5, typed(apiVersions)},
		{keyCreateTopics, 0, 7, typed(createTopics)},
		{keyDeleteTopics, 0, 6, typed(deleteTopics)},
		{keyInitProducerID, 0, 5, typed(initProducerID)},
		{keyDescribeConfigs, 0, 4, typed(describeConfigs)},
		{keyDescribeCluster, 0, 2, typed(describeCluster)},
	}
}

// find returns the api of a key, or nil.
func (t table) find(key int16) *api {
	for i := range t {
		if t[i].key == key {
			return &t[i]
		}
	}
	return nil
}

func (a *api) serves(version int16) bool { return a.min <= version && version <= a.max }

// typed makes a handler of one for a certain request.
func typed[Q kmsg.Request, R kmsg.Response](h func(context.Context, *request, Q) R) func(context.Context, *request) kmsg.Response {
	return func(ctx context.Context, r *request) kmsg.Response { return h(ctx, r, r.body.(Q)) }
}
