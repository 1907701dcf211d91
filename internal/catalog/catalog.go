package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Catalog is what the broker knows about its topics, and the counters that belong to all of them. The zero Catalog is
// that of a new data directory.
//
// Apply must not run at the same time as any other method; the others may run together. The Topics handed out stay as
// they are when the catalog changes.
type Catalog struct {
	version      uint64
	epoch        int32
	nextProducer int64
	partitions   int64 // of all topics

	// What of the broker's settings was changed while it ran: its own, and those of all brokers of the cluster. The maps are replaced, never changed.
	broker, cluster map[string]string

	byName map[string]*Topic
	byID   map[ID]*Topic

	// folded maps the names that hold a '.' or a '_' to themselves, by their folded form (names.go). Two topics never
	// share a folded form.
	folded map[string]string
}

// Version returns the number of changes applied since the data directory was made.
func (c *Catalog) Version() uint64 { return c.version }

// Epoch returns the number of unclean starts since the data directory was made.
func (c *Catalog) Epoch() int32 { return c.epoch }

// NextProducerID returns the lowest producer id that was never given out.
func (c *Catalog) NextProducerID() int64 { return c.nextProducer }

// LeaderEpoch returns the leader epoch of the topic's partitions: the number of unclean starts since its creation.
// It never goes back for one topic id, and a topic made again starts at 0.
func (c *Catalog) LeaderEpoch(t *Topic) int32 { return c.epoch - t.CreatedEpoch }

// Broker returns the settings that are in force, given those that the broker was started with: what was changed while it ran goes before them.
func (c *Catalog) Broker(started *Broker) *Broker { return started.with(c.broker, c.cluster) }

// Topic returns the topic of that name, or nil.
func (c *Catalog) Topic(name string) *Topic { return c.byName[name] }

// TopicByID returns the topic with that id, or nil.
func (c *Catalog) TopicByID(id ID) *Topic { return c.byID[id] }

// Len returns the number of topics.
func (c *Catalog) Len() int { return len(c.byName) }

// Partitions returns the number of partitions of all topics.
func (c *Catalog) Partitions() int64 { return c.partitions }

// Topics returns all topics by ascending name. The slice is the caller's; making it takes time n log n.
func (c *Catalog) Topics() []*Topic {
	return slices.SortedFunc(maps.Values(c.byName), func(a, b *Topic) int { return strings.Compare(a.Name, b.Name) })
}

// Apply makes the change that brings the catalog to this version. A version that the catalog has reached is skipped,
// and false returned, so that a replay may start before the snapshot's end. Any other version but the next is an
// [ErrGap], and a change that does not fit is an [ErrConflict]; both leave the catalog as it is. Apply keeps nothing
// of ch.
func (c *Catalog) Apply(version uint64, ch Change) (bool, error) {
	switch {
	case version <= c.version:
		return false, nil
	case version != c.version+1:
		return false, fmt.Errorf("catalog: apply change %d after version %d: %w", version, c.version, ErrGap)
	}
	if err := c.apply(version, ch); err != nil {
		return false, fmt.Errorf("catalog: apply change %d: %w", version, err)
	}
	c.version = version
	return true, nil
}

func (c *Catalog) apply(version uint64, ch Change) error {
	switch ch := ch.(type) {
	case TopicCreated:
		return c.insert(&Topic{
			Name:           ch.Name,
			ID:             ch.ID,
			Partitions:     ch.Partitions,
			Configs:        cloneConfigs(ch.Configs),
			CreatedVersion: version,
			CreatedEpoch:   c.epoch,
		})
	case TopicDeleted:
		t, err := c.find(ch.Name, ch.ID)
		if err != nil {
			return err
		}
		c.remove(t)
	case ConfigsChanged:
		t, err := c.find(ch.Name, ch.ID)
		if err != nil {
			return err
		}
		next := *t
		next.Configs = changed(t.Configs, ch.Set, ch.Delete)
		c.replace(&next)
	case PartitionsAdded:
		t, err := c.find(ch.Name, ch.ID)
		if err != nil {
			return err
		}
		if ch.Partitions <= t.Partitions {
			return fmt.Errorf("topic %s: from %d to %d partitions: %w", t.Name, t.Partitions, ch.Partitions, ErrConflict)
		}
		next := *t
		next.Partitions = ch.Partitions
		c.replace(&next)
	case ProducerBlock:
		if ch.Next <= c.nextProducer {
			return fmt.Errorf("next producer id from %d to %d: %w", c.nextProducer, ch.Next, ErrConflict)
		}
		c.nextProducer = ch.Next
	case UncleanStart:
		c.epoch++
	case BrokerChanged:
		layer := &c.broker
		if ch.All {
			layer = &c.cluster
		}
		*layer = changed(*layer, ch.Set, ch.Delete)
	default:
		invariant.Unreachable("catalog change of type %T", ch)
	}
	return nil
}

// changed returns settings with some set and some removed, nil when none are left.
func changed(configs, set map[string]string, remove []string) map[string]string {
	next := maps.Clone(configs)
	if next == nil {
		next = make(map[string]string, len(set))
	}
	maps.Copy(next, set)
	for _, name := range remove {
		delete(next, name)
	}
	if len(next) == 0 {
		return nil
	}
	return next
}

// find returns the topic that a change is about.
func (c *Catalog) find(name string, id ID) (*Topic, error) {
	t := c.byID[id]
	if t == nil || t.Name != name {
		return nil, fmt.Errorf("topic %s with id %v is not there: %w", name, id, ErrConflict)
	}
	return t, nil
}

// insert adds a topic.
func (c *Catalog) insert(t *Topic) error {
	if c.byName[t.Name] != nil || c.byID[t.ID] != nil || c.collision(t.Name) != "" {
		return fmt.Errorf("topic %s with id %v, or one too like it, is there already: %w", t.Name, t.ID, ErrConflict)
	}
	if c.byName == nil {
		c.byName = make(map[string]*Topic)
		c.byID = make(map[ID]*Topic)
		c.folded = make(map[string]string)
	}
	c.byName[t.Name], c.byID[t.ID] = t, t
	if key, ok := fold(t.Name); ok {
		c.folded[key] = t.Name
	}
	c.partitions += int64(t.Partitions)
	return nil
}

// replace puts next in the place of the topic with its name and id.
func (c *Catalog) replace(next *Topic) {
	c.partitions += int64(next.Partitions) - int64(c.byID[next.ID].Partitions)
	c.byName[next.Name], c.byID[next.ID] = next, next
}

// remove takes a topic out.
func (c *Catalog) remove(t *Topic) {
	delete(c.byName, t.Name)
	delete(c.byID, t.ID)
	if key, ok := fold(t.Name); ok {
		delete(c.folded, key)
	}
	c.partitions -= int64(t.Partitions)
}

// cloneConfigs returns a copy, nil for an empty map.
func cloneConfigs(m map[string]string) map[string]string {
	if len(m) == 0 {
		return nil
	}
	return maps.Clone(m)
}
