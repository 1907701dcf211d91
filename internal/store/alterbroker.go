package store

import (
	"context"
	"errors"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// AlterBroker changes single settings of the broker while it runs or, when all is true, those of all brokers of the cluster, which hold where the broker has no own.
// They are durable, and hold for all topics that do not set theirs, when it returns. A refusal is a *catalog.Error.
func (s *Store) AlterBroker(ctx context.Context, all bool, changes []catalog.ConfigChange) error {
	return s.alterBroker(ctx, func() (catalog.BrokerChanged, error) { return s.catalog.DecideAlterBroker(all, changes) })
}

// ReplaceBroker gives the broker new settings in the place of all that were changed while it ran; else it is AlterBroker.
func (s *Store) ReplaceBroker(ctx context.Context, all bool, configs []catalog.ConfigValue) error {
	return s.alterBroker(ctx, func() (catalog.BrokerChanged, error) { return s.catalog.DecideReplaceBroker(all, configs) })
}

func (s *Store) alterBroker(ctx context.Context, decide func() (catalog.BrokerChanged, error)) error {
	_, err := s.submit(ctx, wal.System, func() (catalog.Change, error) {
		ch, err := decide()
		if err == nil && ch.Empty() {
			err = errUnchanged
		}
		return ch, err
	})
	if err != nil && !errors.Is(err, errUnchanged) {
		return err
	}
	s.resolveAgain()
	return nil
}

// CheckAlterBroker says whether AlterBroker would be refused. It changes nothing.
func (s *Store) CheckAlterBroker(all bool, changes []catalog.ConfigChange) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.catalog.DecideAlterBroker(all, changes)
	return err
}

// CheckReplaceBroker says whether ReplaceBroker would be refused. It changes nothing.
func (s *Store) CheckReplaceBroker(all bool, configs []catalog.ConfigValue) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.catalog.DecideReplaceBroker(all, configs)
	return err
}

// resolvedAtOnce is for how many topics the lock is held together while settings are resolved again.
const resolvedAtOnce = 100

// resolveAgain gives all topics the settings that follow from the broker's in force. Those that are made meanwhile have them already.
func (s *Store) resolveAgain() {
	topics := s.Topics()
	for len(topics) > 0 {
		n := min(resolvedAtOnce, len(topics))
		s.mu.Lock()
		for _, t := range topics[:n] {
			if now := s.byID[t.ID]; now != nil && now.broker != s.Settings() {
				s.alterLocked(now.Catalog)
			}
		}
		s.mu.Unlock()
		topics = topics[n:]
	}
}
