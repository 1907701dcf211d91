package store

import (
	"context"
	"errors"
	"slices"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Partitions is the number that a topic shall have (CreatePartitions).
type Partitions struct {
	Topic       string
	Total       int32     // the new ones included
	Assignments [][]int32 // nil, or the replicas of each new partition
}

// errUnchanged says that a decision changes nothing.
var errUnchanged = errors.New("nothing changes")

// AddPartitions gives a topic more partitions. They serve when it returns, and are durable. A refusal is a *catalog.Error.
func (s *Store) AddPartitions(ctx context.Context, p Partitions) error {
	_, err := s.submit(ctx, wal.Normal, func() (catalog.Change, error) {
		return s.catalog.DecidePartitions(p.Topic, p.Total, p.Assignments, s.defaults())
	})
	return err
}

// CheckPartitions says whether AddPartitions would be refused. It changes nothing.
func (s *Store) CheckPartitions(p Partitions) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.catalog.DecidePartitions(p.Topic, p.Total, p.Assignments, s.defaults())
	return err
}

// AlterConfigs changes single settings of a topic; the others stay. They hold for all that comes after it has returned, and are durable. A refusal
// is a *catalog.Error.
//
// What was acknowledged at a weaker level before a change of the durability is on the disk when the change is: the log syncs all that came before it.
func (s *Store) AlterConfigs(ctx context.Context, topic string, changes []catalog.ConfigChange) error {
	return s.alterConfigs(ctx, func() (catalog.ConfigsChanged, error) { return s.catalog.DecideAlterConfigs(topic, changes) })
}

// ReplaceConfigs gives a topic new settings in the place of all that it has; else it is AlterConfigs.
func (s *Store) ReplaceConfigs(ctx context.Context, topic string, configs []catalog.ConfigValue) error {
	return s.alterConfigs(ctx, func() (catalog.ConfigsChanged, error) { return s.catalog.DecideReplaceConfigs(topic, configs) })
}

func (s *Store) alterConfigs(ctx context.Context, decide func() (catalog.ConfigsChanged, error)) error {
	_, err := s.submit(ctx, wal.System, func() (catalog.Change, error) {
		ch, err := decide()
		if err == nil && ch.Empty() {
			err = errUnchanged
		}
		return ch, err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// CheckAlterConfigs says whether AlterConfigs would be refused. It changes nothing.
func (s *Store) CheckAlterConfigs(topic string, changes []catalog.ConfigChange) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.catalog.DecideAlterConfigs(topic, changes)
	return err
}

// CheckReplaceConfigs says whether ReplaceConfigs would be refused. It changes nothing.
func (s *Store) CheckReplaceConfigs(topic string, configs []catalog.ConfigValue) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.catalog.DecideReplaceConfigs(topic, configs)
	return err
}

// alterLocked makes the view of a topic that was altered visible in the place of the one before. The partitions keep their logs, so whoever holds the
// former view goes on with them.
func (s *Store) alterLocked(c *catalog.Topic) *Topic {
	t := s.viewOf(c)
	t.Partitions = slices.Clone(s.byID[c.ID].Partitions)
	cfg := s.logConfig(t.Settings)
	for _, l := range t.Partitions {
		l.SetConfig(cfg)
	}
	s.addLogs(t, cfg)
	s.publishLocked(t)
	return t
}
