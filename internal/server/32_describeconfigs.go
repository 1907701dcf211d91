package server

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// describeConfigs answers with the settings of topics and of the broker (key 32): all that this broker knows, with their types, what they do, what they are
// set to, and where that comes from. A resource without a name is all brokers together: what was changed for them while they run.
//
// Kafka shows settings of its own that mean nothing here (docs/reference/broker-settings.md). Loggers have no level of their own, and metrics of clients and
// settings of groups are not served.
func describeConfigs(_ context.Context, r *request, req *kmsg.DescribeConfigsRequest) *kmsg.DescribeConfigsResponse {
	resp := kmsg.NewPtrDescribeConfigsResponse()
	resp.Version = req.Version
	resp.Resources = make([]kmsg.DescribeConfigsResponseResource, len(req.Resources))
	for i := range req.Resources {
		q, out := &req.Resources[i], &resp.Resources[i]
		*out = kmsg.NewDescribeConfigsResponseResource()
		out.ResourceType, out.ResourceName = q.ResourceType, q.ResourceName
		out.Configs = []kmsg.DescribeConfigsResponseResourceConfig{}
		err := r.srv.describeResource(req, q, out)
		if out.ErrorCode, out.ErrorMessage = r.srv.fault(err); err == nil {
			out.ErrorMessage = kmsg.StringPtr("") // as Kafka has it, not null
		}
	}
	return resp
}

func (s *Server) describeResource(req *kmsg.DescribeConfigsRequest, q *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource) error {
	switch q.ResourceType {
	case kmsg.ConfigResourceTypeTopic:
		if err := catalog.CheckName(q.ResourceName); err != nil {
			return err
		}
		t := s.store.Topic(q.ResourceName)
		if t == nil {
			return errNoTopic
		}
		describe(req, q, out, catalog.TopicSettings(), true, func(name string) (catalog.Resolved, bool) { return s.store.Resolve(t, name) })
		return nil
	case kmsg.ConfigResourceTypeBroker:
		b := s.store.Settings()
		if q.ResourceName == "" {
			rows := slices.DeleteFunc(catalog.BrokerSettings(), func(row catalog.Setting) bool {
				_, ok := b.ForAll(row.Name)
				return !ok
			})
			describe(req, q, out, rows, false, b.ForAll)
			return nil
		}
		if err := s.checkBroker(q.ResourceName); err != nil {
			return err
		}
		describe(req, q, out, catalog.BrokerSettings(), false, b.Resolve)
		return nil
	case kmsg.ConfigResourceTypeBrokerLogger:
		if q.ResourceName == "" {
			return refuse(kerr.InvalidRequest, "Broker id must not be empty")
		}
		return s.checkBroker(q.ResourceName) // there are no loggers with a level of their own
	}
	return refuse(kerr.InvalidRequest, fmt.Sprintf("Unsupported resource type: %d", q.ResourceType))
}

func (s *Server) checkBroker(name string) error {
	id, err := strconv.ParseInt(name, 10, 32)
	if err != nil {
		return refuse(kerr.InvalidRequest, fmt.Sprintf("Node id must be an integer, but it is: %.100s", name))
	}
	if self := s.store.NodeID(); int32(id) != self {
		return refuse(kerr.InvalidRequest, fmt.Sprintf("Unexpected broker id, expected %d or empty string, but received %d", self, id))
	}
	return nil
}

// describe adds the settings that are asked for: all of them when none is named. A topic's can all be changed, a broker's only those that say so.
func describe(req *kmsg.DescribeConfigsRequest, q *kmsg.DescribeConfigsRequestResource, out *kmsg.DescribeConfigsResponseResource, rows []catalog.Setting, topic bool, resolve func(string) (catalog.Resolved, bool)) {
	for i := range rows {
		if len(q.ConfigNames) > 0 && !slices.Contains(q.ConfigNames, rows[i].Name) {
			continue
		}
		v, ok := resolve(rows[i].Name)
		if !ok {
			continue
		}
		c := kmsg.NewDescribeConfigsResponseResourceConfig()
		c.Name, c.Value, c.ReadOnly = rows[i].Name, valueOf(&v), !topic && !rows[i].Dynamic
		c.IsDefault, c.Source, c.ConfigType = v.Source == catalog.FromDefault, kmsg.ConfigSource(v.Source), kmsg.ConfigType(v.Setting.Type)
		if req.IncludeSynonyms {
			for _, y := range v.Synonyms {
				syn := kmsg.NewDescribeConfigsResponseResourceConfigConfigSynonym()
				syn.Name, syn.Value, syn.Source = y.Name, kmsg.StringPtr(y.Value), kmsg.ConfigSource(y.Source)
				c.ConfigSynonyms = append(c.ConfigSynonyms, syn)
			}
		}
		if req.IncludeDocumentation {
			c.Documentation = documentation(&v.Setting)
		}
		out.Configs = append(out.Configs, c)
	}
}

func documentation(s *catalog.Setting) *string {
	text := s.Doc
	if s.Effect == catalog.NoEffect {
		text += " Without effect here: " + s.Why + "."
	}
	return &text
}
