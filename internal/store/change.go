package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// kindCatalog is the frame that this package writes; docs/formats/wal.md lists all.
const kindCatalog wal.Kind = 2

// change is one durable change of the catalog on its way.
type change struct {
	store  *Store
	what   catalog.Change
	topic  *Topic          // that it makes, deletes or, once it is durable, has altered
	made   *catalog.Topic  // what it makes of a topic
	broker *catalog.Broker // what it makes of the broker's settings
	entry  wal.Entry
	err    error
	done   chan struct{}
}

// submit decides, appends and applies a change, and returns when it is durable. decide is called with the lock, perhaps more than once. A change that is
// decided sees all decided before it, durable or not; so a refusal waits until those are durable.
func (s *Store) submit(ctx context.Context, class wal.Class, decide func() (catalog.Change, error)) (*change, error) {
	c, err := s.begin(ctx, class, decide)
	if err == nil {
		err = c.wait()
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// begin is submit without waiting until the change is durable.
func (s *Store) begin(ctx context.Context, class wal.Class, decide func() (catalog.Change, error)) (*change, error) {
	reserved := 0
	for {
		c, size, err := s.tryChange(decide, reserved)
		if errors.Is(err, errNotVisible) {
			if err := s.refusal(ctx, nil); err != nil {
				s.giveBack(reserved)
				return nil, err
			}
			continue
		}
		if err != nil {
			s.giveBack(reserved)
			return nil, s.refusal(ctx, err)
		}
		if c != nil {
			return c, nil
		}
		s.giveBack(reserved)
		reserved = 0
		if err := s.wal.Reserve(ctx, size, class); err != nil {
			return nil, fmt.Errorf("change the catalog: %w", err)
		}
		reserved = size
	}
}

// wait returns when the change is durable and visible, or never will be.
func (c *change) wait() error {
	<-c.done // the log answers every entry, also when it fails
	if c.err != nil {
		return fmt.Errorf("change the catalog: %w", c.err)
	}
	return nil
}

// errNotVisible says that a topic is decided and not durable yet.
var errNotVisible = errors.New("not durable yet")

func (s *Store) giveBack(reserved int) {
	if reserved > 0 {
		s.wal.Cancel(reserved)
	}
}

// tryChange appends the change when its bytes are as many as were reserved; otherwise it returns how many it needs.
func (s *Store) tryChange(decide func() (catalog.Change, error), reserved int) (*change, int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, 0, ErrClosed
	}
	what, err := decide()
	if err != nil {
		return nil, 0, err
	}
	version := s.catalog.Version() + 1
	body := catalog.AppendChange(nil, version, what)
	if len(body) != reserved {
		return nil, len(body), nil
	}
	c := &change{store: s, what: what, done: make(chan struct{})}
	if d, ok := what.(catalog.TopicDeleted); ok {
		if c.topic = s.byID[d.ID]; c.topic == nil {
			return nil, 0, errNotVisible
		}
		s.leaving[d.Name] = make(chan struct{})
		s.doomed = append(s.doomed, doomed{id: d.ID, name: d.Name, partitions: s.catalog.TopicByID(d.ID).Partitions})
	}
	if _, err := s.catalog.Apply(version, what); err != nil {
		return nil, 0, err
	}
	switch n := what.(type) {
	case catalog.TopicCreated:
		c.topic = s.newTopic(s.catalog.TopicByID(n.ID))
	case catalog.ConfigsChanged:
		c.made = s.catalog.TopicByID(n.ID)
	case catalog.PartitionsAdded:
		c.made = s.catalog.TopicByID(n.ID)
	case catalog.BrokerChanged:
		c.broker = s.catalog.Broker(s.opts.Settings)
	}
	c.entry = wal.Entry{Kind: kindCatalog, Offset: int64(version), Body: body, BodyCRC: wal.Checksum(body), Done: c}
	s.latest = c
	s.wal.Append(&c.entry)
	return c, 0, nil
}

// Committed makes a durable change visible.
func (c *change) Committed(_ *wal.Entry, err error) {
	s := c.store
	s.mu.Lock()
	c.err = err
	if err == nil {
		switch c.what.(type) {
		case catalog.TopicCreated:
			s.publishLocked(c.topic)
			if c.topic.broker != s.Settings() { // changed meanwhile
				c.topic = s.alterLocked(c.topic.Catalog)
			}
		case catalog.TopicDeleted:
			c.topic = s.byID[c.topic.ID] // as the changes before this one have left it
			s.hideLocked(c.topic)
		case catalog.ConfigsChanged, catalog.PartitionsAdded:
			c.topic = s.alterLocked(c.made)
		case catalog.BrokerChanged:
			s.settings.Store(c.broker)
		}
	}
	if s.latest == c {
		s.latest = nil
	}
	s.mu.Unlock()
	close(c.done)
}

// refusal returns err once everything that it may be the consequence of is durable.
func (s *Store) refusal(ctx context.Context, err error) error {
	s.mu.RLock()
	latest := s.latest
	s.mu.RUnlock()
	if latest == nil {
		return err
	}
	select {
	case <-latest.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("change the catalog: %w", context.Cause(ctx))
	}
}
