package compat

import "slices"

// scenes is the whole comparison.
func scenes() []scene {
	return slices.Concat(
		produceScenes(), produceBatchScenes(), produceSequenceScenes(), fetchScenes(), fetchSessionScenes(), listOffsetsScenes(),
		metadataScenes(), createTopicsScenes(), deleteTopicsScenes(), describeScenes(), initProducerIDScenes(), connectionScenes(),
		leaderEpochScenes(), createPartitionsScenes(), deleteRecordsScenes(), incrementalAlterScenes(), alterConfigsScenes(), logDirsScenes(),
		topicPartitionsScenes(), describeProducersScenes(), reassignmentScenes(), clusterScenes(), internalTopicScenes(),
		joinScenes(), staticScenes(), syncScenes(), heartbeatScenes(), leaveScenes(), commitScenes(), offsetFetchScenes(), groupAdminScenes(),
	)
}
