package server

import (
	"context"
	"log/slog"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// The keys of the requests that are served.
const (
	keyProduce                     = int16(kmsg.Produce)
	keyFetch                       = int16(kmsg.Fetch)
	keyListOffsets                 = int16(kmsg.ListOffsets)
	keyMetadata                    = int16(kmsg.Metadata)
	keyOffsetCommit                = int16(kmsg.OffsetCommit)
	keyOffsetFetch                 = int16(kmsg.OffsetFetch)
	keyFindCoordinator             = int16(kmsg.FindCoordinator)
	keyJoinGroup                   = int16(kmsg.JoinGroup)
	keyHeartbeat                   = int16(kmsg.Heartbeat)
	keyLeaveGroup                  = int16(kmsg.LeaveGroup)
	keySyncGroup                   = int16(kmsg.SyncGroup)
	keyDescribeGroups              = int16(kmsg.DescribeGroups)
	keyListGroups                  = int16(kmsg.ListGroups)
	keyApiVersions                 = int16(kmsg.ApiVersions)
	keyCreateTopics                = int16(kmsg.CreateTopics)
	keyDeleteTopics                = int16(kmsg.DeleteTopics)
	keyDeleteRecords               = int16(kmsg.DeleteRecords)
	keyInitProducerID              = int16(kmsg.InitProducerID)
	keyOffsetForLeaderEpoch        = int16(kmsg.OffsetForLeaderEpoch)
	keyDescribeConfigs             = int16(kmsg.DescribeConfigs)
	keyAlterConfigs                = int16(kmsg.AlterConfigs)
	keyAlterReplicaLogDirs         = int16(kmsg.AlterReplicaLogDirs)
	keyDescribeLogDirs             = int16(kmsg.DescribeLogDirs)
	keyDeleteGroups                = int16(kmsg.DeleteGroups)
	keyCreatePartitions            = int16(kmsg.CreatePartitions)
	keyElectLeaders                = int16(kmsg.ElectLeaders)
	keyIncrementalAlterConfigs     = int16(kmsg.IncrementalAlterConfigs)
	keyAlterPartitionReassignments = int16(kmsg.AlterPartitionAssignments)
	keyListPartitionReassignments  = int16(kmsg.ListPartitionReassignments)
	keyDescribeQuorum              = int16(kmsg.DescribeQuorum)
	keyUpdateFeatures              = int16(kmsg.UpdateFeatures)
	keyOffsetDelete                = int16(kmsg.OffsetDelete)
	keyDescribeCluster             = int16(kmsg.DescribeCluster)
	keyDescribeProducers           = int16(kmsg.DescribeProducers)
	keyListConfigResources         = int16(kmsg.ListConfigResources)
	keyDescribeTopicPartitions     = int16(kmsg.DescribeTopicPartitions)
	maxKey                         = keyDescribeTopicPartitions
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
	peer group.Client // who asks
	// host and port are where the client is told to connect to.
	host string
	port int32
}

// changed logs what an operator may want to know later: what was changed, and who asked for it.
func (r *request) changed(level slog.Level, what string, args ...any) {
	r.srv.log.Log(context.Background(), level, what, append(args, "client", r.peer.ID, "peer", strings.TrimPrefix(r.peer.Host, "/"))...)
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
		{keyOffsetCommit, 0, 10, typed(offsetCommit)},
		{keyOffsetFetch, 0, 10, typed(offsetFetch)},
		{keyFindCoordinator, 0, 6, typed(findCoordinator)},
		{keyJoinGroup, 0, 9, typed(joinGroup)},
		{keyHeartbeat, 0, 4, typed(heartbeat)},
		{keyLeaveGroup, 0, 5, typed(leaveGroup)},
		{keySyncGroup, 0, 5, typed(syncGroup)},
		{keyDescribeGroups, 0, 6, typed(describeGroups)},
		{keyListGroups, 0, 5, typed(listGroups)},
		{keyApiVersions, 0, 5, typed(apiVersions)},
		{keyCreateTopics, 0, 7, typed(createTopics)},
		{keyDeleteTopics, 0, 6, typed(deleteTopics)},
		{keyDeleteRecords, 0, 2, typed(deleteRecords)},
		{keyInitProducerID, 0, 5, typed(initProducerID)},
		{keyOffsetForLeaderEpoch, 0, 4, typed(offsetForLeaderEpoch)},
		{keyDescribeConfigs, 0, 4, typed(describeConfigs)},
		{keyAlterConfigs, 0, 2, typed(alterConfigs)},
		{keyAlterReplicaLogDirs, 0, 2, typed(alterReplicaLogDirs)},
		{keyDescribeLogDirs, 0, 4, typed(describeLogDirs)},
		{keyCreatePartitions, 0, 3, typed(createPartitions)},
		{keyDeleteGroups, 0, 2, typed(deleteGroups)},
		{keyElectLeaders, 0, 2, typed(electLeaders)},
		{keyIncrementalAlterConfigs, 0, 1, typed(incrementalAlterConfigs)},
		{keyAlterPartitionReassignments, 0, 1, typed(alterPartitionReassignments)},
		{keyListPartitionReassignments, 0, 0, typed(listPartitionReassignments)},
		{keyOffsetDelete, 0, 0, typed(offsetDelete)},
		{keyDescribeQuorum, 0, 2, typed(describeQuorum)},
		{keyUpdateFeatures, 0, 2, typed(updateFeatures)},
		{keyDescribeCluster, 0, 2, typed(describeCluster)},
		{keyDescribeProducers, 0, 0, typed(describeProducers)},
		{keyListConfigResources, 0, 1, typed(listConfigResources)},
		{keyDescribeTopicPartitions, 0, 0, typed(describeTopicPartitions)},
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
