package group

import "github.com/twmb/franz-go/pkg/kerr"

// Kafka's error codes, by the names they have in this package.
var (
	metadataTooLarge     = kerr.OffsetMetadataTooLarge.Code
	illegalGeneration    = kerr.IllegalGeneration.Code
	inconsistentProtocol = kerr.InconsistentGroupProtocol.Code
	invalidGroup         = kerr.InvalidGroupID.Code
	unknownMember        = kerr.UnknownMemberID.Code
	invalidSession       = kerr.InvalidSessionTimeout.Code
	rebalanceInProgress  = kerr.RebalanceInProgress.Code
	nonEmptyGroup        = kerr.NonEmptyGroup.Code
	groupNotFound        = kerr.GroupIDNotFound.Code
	memberIDRequired     = kerr.MemberIDRequired.Code
	groupFull            = kerr.GroupMaxSizeReached.Code
	fencedInstance       = kerr.FencedInstanceID.Code
	subscribedToTopic    = kerr.GroupSubscribedToTopic.Code
	invalidRequest       = kerr.InvalidRequest.Code
)
