package server

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// resource names what has settings.
type resource struct {
	kind kmsg.ConfigResourceType
	name string
}

// checkResource refuses what has no settings that a client may change. all is how often the resource is named in the request.
func (s *Server) checkResource(r resource, all map[resource]int) error {
	if all[r] > 1 {
		return refuse(kerr.InvalidRequest, "Each resource must appear at most once.")
	}
	switch r.kind {
	case kmsg.ConfigResourceTypeTopic:
		if r.name == "" {
			return refuse(kerr.InvalidRequest, "Default topic resources are not allowed.")
		}
		if err := catalog.CheckName(r.name); err != nil {
			return err
		}
		return nil
	case kmsg.ConfigResourceTypeBroker:
		if r.name == "" {
			return nil
		}
		return s.checkBroker(r.name)
	case kmsg.ConfigResourceTypeBrokerLogger:
		if r.name == "" {
			return refuse(kerr.InvalidRequest, "Broker id must not be empty")
		}
		return s.checkBroker(r.name)
	}
	return refuse(kerr.InvalidRequest, "Unsupported resource type: "+strconv.Itoa(int(r.kind)))
}

// errNoLogger answers a change of a logger's level: the broker's log has one level, which is given when it starts.
var errNoLogger = refuse(kerr.InvalidConfig, "there is no logger of that name: the level of the broker's log is given when it starts")
