package server

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// metadataFeature is the one feature that is shown: the level of the metadata, which some tools print. It is that of Kafka 4.2 and switches nothing here; the
// lowest is the lowest that Kafka 4.2 has.
const (
	metadataFeature  = "metadata.version"
	metadataLevel    = 29
	minMetadataLevel = 7
)

// The kinds of updates of a feature.
const (
	upgradeFeature       = 1
	unsafeDowngradeLevel = 3
)

// updateFeatures answers a request to change the levels of features (key 57, KIP-584). The broker has one version of everything: to set the level that is in
// force is no error, and anything else is INVALID_UPDATE_VERSION for the request as a whole, as in Kafka. Kafka would lower the level of the metadata;
// here nothing can be lowered.
func updateFeatures(_ context.Context, r *request, req *kmsg.UpdateFeaturesRequest) *kmsg.UpdateFeaturesResponse {
	resp := kmsg.NewPtrUpdateFeaturesResponse()
	resp.Version = req.Version
	for i := range req.FeatureUpdates {
		if err := checkFeature(req.Version, &req.FeatureUpdates[i]); err != nil {
			resp.ErrorCode, resp.ErrorMessage = r.srv.fault(err)
			resp.Results = nil
			return resp
		}
		if req.Version < 2 {
			out := kmsg.NewUpdateFeaturesResponseResult()
			out.Feature, out.ErrorMessage = req.FeatureUpdates[i].Feature, kmsg.StringPtr("the level was so before")
			resp.Results = append(resp.Results, out)
		}
	}
	return resp
}

func checkFeature(version int16, u *kmsg.UpdateFeaturesRequestFeatureUpdate) error {
	refused := func(format string, args ...any) error {
		return refuse(kerr.InvalidUpdateVersion, fmt.Sprintf("Invalid update version %d for feature %.100s. ", u.MaxVersionLevel, u.Feature)+fmt.Sprintf(format, args...))
	}
	switch {
	case version >= 1 && (u.UpgradeType < upgradeFeature || u.UpgradeType > unsafeDowngradeLevel):
		return refused("The controller does not support the given upgrade type.")
	case u.Feature != metadataFeature:
		return refused("Broker does not support this feature.")
	case u.MaxVersionLevel < minMetadataLevel || u.MaxVersionLevel > metadataLevel:
		return refused("Broker only supports versions %d-%d.", minMetadataLevel, metadataLevel)
	case u.MaxVersionLevel != metadataLevel:
		return refused("The level is %d and cannot be lowered.", metadataLevel)
	}
	return nil
}
