package store

import (
	"context"
	"fmt"
	"io"
	"math"
	"sort"
	"time"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Topic is a topic and its partitions' logs at one moment. It is immutable; a change of the topic makes another one.
type Topic struct {
	Name       string
	ID         catalog.ID
	Settings   catalog.Settings
	Partitions []*commitlog.Log // by number
	Catalog    *catalog.Topic   // what was set for it

	broker *catalog.Broker // by which Settings were resolved
}

// Resolve returns one of the topic's settings, with where it comes from.
func (s *Store) Resolve(t *Topic, setting string) (catalog.Resolved, bool) {
	return t.Catalog.Resolve(s.Settings(), setting)
}

// Topic returns the topic of that name, or nil.
func (s *Store) Topic(name string) *Topic {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byName[name]
}

// TopicByID returns the topic with that id, or nil.
func (s *Store) TopicByID(id catalog.ID) *Topic {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

// Topics returns all topics by name. The slice must not be changed.
func (s *Store) Topics() []*Topic {
	s.mu.RLock()
	sorted := s.sorted
	s.mu.RUnlock()
	if sorted != nil {
		return sorted
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sorted == nil {
		s.sorted = make([]*Topic, 0, len(s.byName))
		for _, t := range s.byName {
			s.sorted = append(s.sorted, t)
		}
		sort.Slice(s.sorted, func(i, j int) bool { return s.sorted[i].Name < s.sorted[j].Name })
	}
	return s.sorted
}

// newTopic makes the view of a topic whose partitions never held a record. It is called with the lock, or by the replay.
func (s *Store) newTopic(c *catalog.Topic) *Topic {
	t := s.viewOf(c)
	s.addLogs(t, s.logConfig(t.Settings))
	return t
}

// viewOf is a topic's view by the settings in force, without its logs.
func (s *Store) viewOf(c *catalog.Topic) *Topic {
	b := s.Settings()
	t := &Topic{Name: c.Name, ID: c.ID, Catalog: c, broker: b}
	if len(c.Configs) > 0 || c.Internal() {
		t.Settings = c.Settings(b)
		return t
	}
	p := s.plain.Load()
	if p == nil || p.broker != b {
		p = &plainSettings{b, c.Settings(b)}
		s.plain.Store(p)
	}
	t.Settings = p.settings
	return t
}

// plainSettings are those of a topic that sets nothing itself, as most are: they are resolved once.
type plainSettings struct {
	broker   *catalog.Broker
	settings catalog.Settings
}

// addLogs makes the logs of the partitions that a new view does not have yet.
func (s *Store) addLogs(t *Topic, cfg *commitlog.Config) {
	epoch := s.catalog.LeaderEpoch(t.Catalog)
	for i := int32(len(t.Partitions)); i < t.Catalog.Partitions; i++ {
		t.Partitions = append(t.Partitions, s.eng.New(commitlog.ID{Topic: t.Name, TopicID: t.ID, Partition: i}, cfg, epoch))
	}
}

// logConfig is what a topic's settings mean to its logs.
func (s *Store) logConfig(t catalog.Settings) *commitlog.Config {
	c := &commitlog.Config{
		SegmentBytes: t.SegmentBytes, SegmentAge: t.SegmentMs, RetentionBytes: t.RetentionBytes, IndexInterval: t.IndexInterval,
		RetentionAge: t.RetentionMs, DeleteDelay: milliseconds(t.DeleteDelayMs),
		Compaction: commitlog.Compaction{
			Enabled: t.Compact, DirtyRatio: t.MinDirtyRatio, MinLag: t.MinCompactionMs, MaxLag: t.MaxCompactionMs, DeleteRetention: t.DeleteRetentionMs,
		},
		ProducerMaxAge: s.Settings().Int("producer.id.expiration.ms"),
	}
	if s.opts.segmentBytes > 0 {
		c.SegmentBytes = s.opts.segmentBytes
	}
	switch t.Durability.Level {
	case catalog.Interval:
		c.Within = time.Duration(t.Durability.IntervalMs) * time.Millisecond
	case catalog.OS:
		c.Within = -1
	}
	return c
}

// milliseconds is a duration of so many, or the longest.
func milliseconds(n int64) time.Duration {
	return time.Duration(min(n, int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}

// publishLocked makes a topic visible.
func (s *Store) publishLocked(t *Topic) {
	s.byName[t.Name], s.byID[t.ID], s.sorted = t, t, nil
}

func (s *Store) hideLocked(t *Topic) {
	if s.byName[t.Name] == t {
		delete(s.byName, t.Name)
	}
	delete(s.byID, t.ID)
	s.sorted = nil
}

// CheckTopic says whether a topic could be created, and what it would be like. It changes nothing.
func (s *Store) CheckTopic(n catalog.NewTopic) (catalog.TopicCreated, error) {
	if n.ID == (catalog.ID{}) {
		if err := s.drawID(&n.ID); err != nil {
			return catalog.TopicCreated{}, err
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.catalog.DecideCreate(n, s.defaults())
}

func (s *Store) defaults() catalog.Defaults {
	return catalog.Defaults{Partitions: int32(s.Settings().Int("num.partitions")), Nodes: []int32{s.ident.nodeID}}
}

func (s *Store) drawID(id *catalog.ID) error {
	for *id == (catalog.ID{}) || id.IsReserved() {
		if _, err := io.ReadFull(s.opts.Random, id[:]); err != nil {
			return fmt.Errorf("draw a topic id: %w", err)
		}
	}
	return nil
}

// CreateTopic makes a topic and returns it when that is durable; it serves from then on. n.ID is drawn when it is zero. A refusal is a *catalog.Error.
func (s *Store) CreateTopic(ctx context.Context, n catalog.NewTopic) (*Topic, error) {
	made := s.CreateTopics(ctx, []catalog.NewTopic{n})[0]
	return made.Topic, made.Err
}

// Created is a topic that was made, or why it was not.
type Created struct {
	Topic *Topic
	Err   error
}

// CreateTopics makes topics, one after the other, as CreateTopic does, and waits for all of them together: they share the syncs of the log.
func (s *Store) CreateTopics(ctx context.Context, topics []catalog.NewTopic) []Created {
	out, changes := make([]Created, len(topics)), make([]*change, len(topics))
	for i := range topics {
		n := topics[i]
		if out[i].Err = s.drawID(&n.ID); out[i].Err != nil {
			continue
		}
		if out[i].Err = s.waitFree(ctx, n.Name); out[i].Err != nil {
			continue
		}
		changes[i], out[i].Err = s.begin(ctx, wal.Normal, func() (catalog.Change, error) { return s.catalog.DecideCreate(n, s.defaults()) })
	}
	for i, c := range changes {
		if out[i].Err != nil {
			continue
		}
		if out[i].Err = c.wait(); out[i].Err == nil {
			out[i].Topic = c.topic
		}
	}
	return out
}

// waitFree waits until the directories of a deleted topic of that name are out of the way.
func (s *Store) waitFree(ctx context.Context, name string) error {
	for {
		s.mu.RLock()
		free := s.leaving[name]
		s.mu.RUnlock()
		if free == nil {
			return nil
		}
		select {
		case <-free:
		case <-ctx.Done():
			return fmt.Errorf("create topic %q: the directories of the deleted topic of that name are still in the way: %w", name, context.Cause(ctx))
		case <-s.failed:
			return s.err
		}
	}
}

// DeleteTopic deletes a topic by its name. It returns when that is durable and the topic is served no more; its files go soon after.
// A refusal is a *catalog.Error.
func (s *Store) DeleteTopic(ctx context.Context, name string) error {
	return s.deleteTopic(ctx, func() (catalog.TopicDeleted, error) { return s.catalog.DecideDelete(name) })
}

// DeleteTopicID is DeleteTopic by id.
func (s *Store) DeleteTopicID(ctx context.Context, id catalog.ID) error {
	return s.deleteTopic(ctx, func() (catalog.TopicDeleted, error) { return s.catalog.DecideDeleteID(id) })
}

func (s *Store) deleteTopic(ctx context.Context, decide func() (catalog.TopicDeleted, error)) error {
	c, err := s.submit(ctx, wal.System, func() (catalog.Change, error) { return decide() })
	if err != nil {
		return err
	}
	for _, l := range c.topic.Partitions {
		l.Delete()
	}
	s.removals.add(c.topic)
	return nil
}
