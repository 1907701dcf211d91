package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// apiVersions answers which requests are served, in which versions, and the levels of features: metadata.version only, which some tools print.
// transaction.version, group.version and share.version are switches by which clients choose what they send; they are not shown before the requests behind
// them are served.
func apiVersions(_ context.Context, r *request, req *kmsg.ApiVersionsRequest) *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version = req.Version
	if req.Version >= 3 && !(validSoftware(req.ClientSoftwareName) && validSoftware(req.ClientSoftwareVersion)) ||
		req.Version >= 5 && (req.ClusterID == nil) != (req.NodeID == -1) {
		resp.ErrorCode = kerr.InvalidRequest.Code
		r.srv.stats.fault(resp.ErrorCode)
		return resp
	}
	resp.SupportedFeatures = []kmsg.ApiVersionsResponseSupportedFeature{{Name: metadataFeature, MinVersion: minMetadataLevel, MaxVersion: metadataLevel}}
	resp.FinalizedFeatures = []kmsg.ApiVersionsResponseFinalizedFeature{{Name: metadataFeature, MinVersionLevel: metadataLevel, MaxVersionLevel: metadataLevel}}
	resp.FinalizedFeaturesEpoch = 0 // of this list; it rises when the list does
	for _, a := range r.srv.apis {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	return resp
}

// unknownApiVersions answers a request of a version that is not known, in version 0, so that the client can ask again (KIP-511).
func unknownApiVersions() kmsg.Response {
	resp := kmsg.NewPtrApiVersionsResponse()
	resp.Version, resp.ErrorCode = 0, kerr.UnsupportedVersion.Code
	k := kmsg.NewApiVersionsResponseApiKey()
	a := newTable().find(keyApiVersions)
	k.ApiKey, k.MinVersion, k.MaxVersion = a.key, a.min, a.max
	resp.ApiKeys = append(resp.ApiKeys, k)
	return resp
}

// validSoftware follows KIP-511: letters and digits, and within them '-' and '.'.
func validSoftware(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case (c == '-' || c == '.') && i > 0 && i < len(s)-1:
		default:
			return false
		}
	}
	return s != ""
}
