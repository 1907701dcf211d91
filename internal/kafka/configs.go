package kafka

import (
	"cmp"
	"context"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Config is one setting as it is in force.
type Config struct {
	Name      string
	Value     string
	Null      bool   // it has no value
	Source    string // DYNAMIC_TOPIC_CONFIG, STATIC_BROKER_CONFIG, DEFAULT_CONFIG …
	Sensitive bool   // its value is not shown
}

// Set says whether the setting was given, by the topic or the broker, and is not the built-in default.
func (c Config) Set() bool { return c.Source != kmsg.ConfigSourceDefaultConfig.String() }

// TopicConfigs returns the settings that are in force for a topic, by name.
func (c *Client) TopicConfigs(ctx context.Context, topic string) ([]Config, error) {
	const op = "describe the settings of topic"
	ctx, cancel := c.bound(ctx)
	defer cancel()
	rs, err := c.admin.DescribeTopicConfigs(ctx, topic)
	if err != nil {
		return nil, c.wrap(op, topic, err)
	}
	r, err := rs.On(topic, nil)
	if err == nil {
		err = r.Err
	}
	if err != nil {
		return nil, c.answer(op, topic, err, r.ErrMessage)
	}
	out := make([]Config, 0, len(r.Configs))
	for _, k := range r.Configs {
		n := Config{Name: k.Key, Source: k.Source.String(), Sensitive: k.Sensitive, Null: k.Value == nil}
		if k.Value != nil {
			n.Value = *k.Value
		}
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b Config) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}
