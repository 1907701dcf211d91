package catalog

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MaxPartitions is the most partitions that one topic may have. Kafka refuses more than 10,000 in one request, which
// is a limit of its controller, not of a topic.
const MaxPartitions = 100_000

// Defaults is what a decision has to know about the broker.
type Defaults struct {
	Partitions int32   // of a topic made without a number (num.partitions)
	Nodes      []int32 // the ids under which the broker is known: those that an assignment may name
}

// NewTopic is what a user asks for (CreateTopics).
type NewTopic struct {
	Name              string
	ID                ID    // drawn by the caller: random, and not reserved
	Partitions        int32 // -1: the default, or as many as are assigned
	ReplicationFactor int16 // -1 or 1
	Assignments       map[int32][]int32
	Configs           []ConfigValue
}

// ConfigValue is a value for a setting. Of two with the same name the later one counts.
type ConfigValue struct {
	Name  string
	Value *string // nil: null, which is refused
}

// ConfigChange is one change of a setting (IncrementalAlterConfigs).
type ConfigChange struct {
	Name  string
	Op    ConfigOp
	Value *string // nil is refused, but for Delete
}

// ConfigOp is what to do with a setting, with the numbers of Kafka's protocol (KIP-339).
type ConfigOp int8

// The changes of a setting.
const (
	SetConfig      ConfigOp = 0 // set the value
	DeleteConfig   ConfigOp = 1 // go back to the default
	AppendConfig   ConfigOp = 2 // add elements to a list
	SubtractConfig ConfigOp = 3 // remove elements from a list
)

// DecideCreate decides whether a topic can be made. The checks and their order are those of Kafka 4.2's controller:
// name, existence, collision, settings, then the assignment, or the replication factor and the partitions. A refusal
// is an [*Error]; any other error says that the id is reserved or in use, and that the caller has to draw another.
func (c *Catalog) DecideCreate(n NewTopic, d Defaults) (TopicCreated, error) {
	refuse := func(k Kind, format string, args ...any) (TopicCreated, error) {
		return TopicCreated{}, &Error{Kind: k, Topic: shorten(n.Name), Detail: fmt.Sprintf(format, args...)}
	}
	if err := CheckName(n.Name); err != nil {
		return TopicCreated{}, err
	}
	if c.Topic(n.Name) != nil {
		return refuse(TopicExists, "Topic '%s' already exists.", n.Name)
	}
	if other := c.collision(n.Name); other != "" {
		return refuse(InvalidName, "Topic '%s' collides with existing topic: %s", n.Name, other)
	}
	configs, err := decideConfigs(n.Name, n.Configs)
	if err != nil {
		return TopicCreated{}, err
	}
	partitions := n.Partitions
	switch {
	case len(n.Assignments) > 0:
		if n.ReplicationFactor != -1 {
			return refuse(InvalidRequest, "A manual partition assignment was specified, but replication factor was not set to -1.")
		}
		if n.Partitions != -1 {
			return refuse(InvalidRequest, "A manual partition assignment was specified, but numPartitions was not set to -1.")
		}
		partitions = int32(min(len(n.Assignments), math.MaxInt32))
		for i, p := range slices.Sorted(maps.Keys(n.Assignments)) {
			if int(p) != i {
				return refuse(InvalidAssignment, "The assigned partitions are not numbered from 0 without a gap.")
			}
			if err := checkAssignment(n.Name, n.Assignments[p], d.Nodes); err != nil {
				return TopicCreated{}, err
			}
		}
	case n.ReplicationFactor == 0 || n.ReplicationFactor < -1:
		return refuse(InvalidReplicationFactor, "Replication factor must be larger than 0, or -1 to use the default value.")
	case n.Partitions == 0 || n.Partitions < -1:
		return refuse(InvalidPartitions, "Number of partitions was set to an invalid non-positive value.")
	case n.ReplicationFactor > 1:
		return refuse(InvalidReplicationFactor, "Unable to replicate the partition %d time(s): this broker keeps one replica.", n.ReplicationFactor)
	case n.Partitions == -1:
		partitions = d.Partitions
	}
	if partitions > MaxPartitions {
		return refuse(LimitExceeded, "%d partitions are more than the %d that a topic may have.", partitions, MaxPartitions)
	}
	if n.ID.IsReserved() || c.TopicByID(n.ID) != nil {
		return TopicCreated{}, fmt.Errorf("catalog: create topic %s: id %v is reserved or in use", n.Name, n.ID)
	}
	return TopicCreated{Name: n.Name, ID: n.ID, Partitions: partitions, Configs: configs}, nil
}

// checkAssignment checks the replicas of one partition.
func checkAssignment(topic string, replicas, nodes []int32) error {
	refuse := func(format string, args ...any) error {
		return &Error{Kind: InvalidAssignment, Topic: topic, Detail: fmt.Sprintf(format, args...)}
	}
	if len(replicas) == 0 {
		return refuse("The manual partition assignment includes an empty replica list.")
	}
	for i, r := range replicas {
		if !slices.Contains(nodes, r) {
			return refuse("The manual partition assignment includes broker %d, but no such broker is registered.", r)
		}
		if slices.Contains(replicas[:i], r) {
			return refuse("The manual partition assignment includes the broker %d more than once.", r)
		}
	}
	if len(replicas) > 1 {
		return refuse("The manual partition assignment includes %d replicas; this broker keeps one.", len(replicas))
	}
	return nil
}

// DecideDelete decides on the deletion of a topic by name.
func (c *Catalog) DecideDelete(name string) (TopicDeleted, error) {
	t, err := c.known(name)
	if err != nil {
		return TopicDeleted{}, err
	}
	return TopicDeleted{Name: t.Name, ID: t.ID}, nil
}

// DecideDeleteID decides on the deletion of a topic by id.
func (c *Catalog) DecideDeleteID(id ID) (TopicDeleted, error) {
	t := c.TopicByID(id)
	if t == nil {
		return TopicDeleted{}, &Error{Kind: UnknownTopicID, Detail: fmt.Sprintf("No topic has the id %v.", id)}
	}
	return TopicDeleted{Name: t.Name, ID: t.ID}, nil
}

// DecidePartitions decides on raising a topic's partitions to total (CreatePartitions). assignments is nil, or has
// the replicas of each new partition in turn.
func (c *Catalog) DecidePartitions(name string, total int32, assignments [][]int32, d Defaults) (PartitionsAdded, error) {
	t, err := c.known(name)
	if err != nil {
		return PartitionsAdded{}, err
	}
	refuse := func(k Kind, format string, args ...any) (PartitionsAdded, error) {
		return PartitionsAdded{}, &Error{Kind: k, Topic: t.Name, Detail: fmt.Sprintf(format, args...)}
	}
	switch {
	case total == t.Partitions:
		return refuse(InvalidPartitions, "Topic already has %d partition(s).", total)
	case total < t.Partitions:
		return refuse(InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", t.Name, t.Partitions, total)
	case total > MaxPartitions:
		return refuse(LimitExceeded, "%d partitions are more than the %d that a topic may have.", total, MaxPartitions)
	}
	if added := int(total - t.Partitions); assignments != nil && len(assignments) != added {
		return refuse(InvalidAssignment, "Attempted to add %d additional partition(s), but %d assignment(s) were specified.", added, len(assignments))
	}
	for _, replicas := range assignments {
		if err := checkAssignment(t.Name, replicas, d.Nodes); err != nil {
			return PartitionsAdded{}, err
		}
	}
	return PartitionsAdded{Name: t.Name, ID: t.ID, Partitions: total}, nil
}

// DecideAlterConfigs decides on changes of single settings of a topic (IncrementalAlterConfigs); the others stay. The
// outcome is empty when nothing changes.
func (c *Catalog) DecideAlterConfigs(name string, changes []ConfigChange) (ConfigsChanged, error) {
	t, err := c.known(name)
	if err != nil {
		return ConfigsChanged{}, err
	}
	next, refused := decideChanges(&topicTable, t.Configs, changes)
	if refused != nil {
		refused.Topic = t.Name
		return ConfigsChanged{}, refused
	}
	if fault := conflict(next); fault != "" {
		return ConfigsChanged{}, &Error{Kind: InvalidConfig, Topic: t.Name, Detail: fault}
	}
	ch := ConfigsChanged{Name: t.Name, ID: t.ID}
	ch.Set, ch.Delete = difference(t.Configs, next)
	return ch, nil
}

// decideChanges returns the settings that changes make of current ones.
func decideChanges(known *table, current map[string]string, changes []ConfigChange) (map[string]string, *Error) {
	refuse := func(k Kind, format string, args ...any) (map[string]string, *Error) {
		return nil, &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
	}
	next := maps.Clone(current)
	if next == nil {
		next = make(map[string]string)
	}
	seen := make(map[string]bool, len(changes))
	for _, ch := range changes {
		if seen[ch.Name] {
			return refuse(InvalidRequest, "The setting %.100s is named more than once.", ch.Name)
		}
		seen[ch.Name] = true
		if ch.Op == DeleteConfig {
			delete(next, ch.Name)
			continue
		}
		if ch.Op < SetConfig || ch.Op > SubtractConfig {
			return refuse(InvalidRequest, "Unknown operation %d on the setting %.100s.", ch.Op, ch.Name)
		}
		if ch.Value == nil {
			return refuse(InvalidRequest, "Null value not supported for: %.100s", ch.Name)
		}
		s := known.byName[ch.Name]
		if s == nil {
			return refuse(InvalidConfig, "Unknown %s config name: %.100s", known.of, ch.Name)
		}
		value := *ch.Value
		if ch.Op != SetConfig {
			if s.Type != List {
				return refuse(InvalidConfig, "Can't append to or subtract from key %s because its type is not LIST.", ch.Name)
			}
			value = edit(s, next, ch.Op, value)
		}
		canonical, fault := s.canonical(value)
		if fault != "" {
			return refuse(InvalidConfig, "%s", fault)
		}
		next[ch.Name] = canonical
	}
	return next, nil
}

// edit returns the list that is in next, or the default, with elements added or removed.
func edit(s *Setting, next map[string]string, op ConfigOp, value string) string {
	current, ok := next[s.Name]
	if !ok {
		current = s.Default
	}
	list, change := elements(current), elements(strings.TrimSpace(value))
	if op == AppendConfig {
		return strings.Join(unique(append(list, change...)), ",")
	}
	return strings.Join(slices.DeleteFunc(list, func(e string) bool { return slices.Contains(change, e) }), ",")
}

// DecideReplaceConfigs decides on new settings of a topic in the place of all that it has (AlterConfigs). The outcome
// is empty when nothing changes.
func (c *Catalog) DecideReplaceConfigs(name string, configs []ConfigValue) (ConfigsChanged, error) {
	t, err := c.known(name)
	if err != nil {
		return ConfigsChanged{}, err
	}
	next, refused := decideChanges(&topicTable, nil, asChanges(configs))
	if refused != nil {
		refused.Topic = t.Name
		return ConfigsChanged{}, refused
	}
	if fault := conflict(next); fault != "" {
		return ConfigsChanged{}, &Error{Kind: InvalidConfig, Topic: t.Name, Detail: fault}
	}
	ch := ConfigsChanged{Name: t.Name, ID: t.ID}
	ch.Set, ch.Delete = difference(t.Configs, next)
	return ch, nil
}

// asChanges sets each of some settings.
func asChanges(configs []ConfigValue) []ConfigChange {
	changes := make([]ConfigChange, len(configs))
	for i, v := range configs {
		changes[i] = ConfigChange{Name: v.Name, Value: v.Value}
	}
	return changes
}

// DecideAlterBroker decides on changes of single settings of the broker (IncrementalAlterConfigs), or, when all is true, of the defaults of all brokers of
// the cluster. Only what [Setting.Dynamic] allows can be set. Every refusal is an InvalidRequest, as in Kafka, but for an element that is added to what is no
// list. The outcome is empty when nothing changes.
func (c *Catalog) DecideAlterBroker(all bool, changes []ConfigChange) (BrokerChanged, error) {
	current := c.broker
	if all {
		current = c.cluster
	}
	return decideBroker(all, current, current, changes)
}

// DecideReplaceBroker decides on new settings in the place of all that were changed (AlterConfigs); else it is DecideAlterBroker.
func (c *Catalog) DecideReplaceBroker(all bool, configs []ConfigValue) (BrokerChanged, error) {
	current := c.broker
	if all {
		current = c.cluster
	}
	return decideBroker(all, current, nil, asChanges(configs))
}

func decideBroker(all bool, current, from map[string]string, changes []ConfigChange) (BrokerChanged, error) {
	kind := InvalidRequest
	for _, ch := range changes {
		s := brokerTable.byName[ch.Name]
		switch {
		case s == nil || ch.Op == DeleteConfig:
		case !s.Dynamic:
			return BrokerChanged{}, &Error{Kind: InvalidRequest, Detail: fmt.Sprintf("Cannot update these configs dynamically: %s", ch.Name)}
		case ch.Op != SetConfig && s.Type != List:
			kind = InvalidConfig
		}
	}
	next, refused := decideChanges(&brokerTable, from, changes)
	if refused == nil && next[settingMaxConnections] == "0" {
		refused = &Error{Detail: "Invalid value 0 for configuration " + settingMaxConnections + ": no client could connect to change it again"}
	}
	if refused != nil {
		refused.Kind = kind
		return BrokerChanged{}, refused
	}
	ch := BrokerChanged{All: all}
	ch.Set, ch.Delete = difference(current, next)
	return ch, nil
}

// DecideProducerBlock takes size producer ids out of the stock, of which the first is returned. size is at least 1.
func (c *Catalog) DecideProducerBlock(size int64) (first int64, ch ProducerBlock, err error) {
	if size < 1 || size > math.MaxInt64-c.nextProducer {
		return 0, ProducerBlock{}, fmt.Errorf("catalog: take %d producer ids from %d on: want 1 at least, and no id beyond 2^63-1", size, c.nextProducer)
	}
	return c.nextProducer, ProducerBlock{Next: c.nextProducer + size}, nil
}

// known returns the topic of that name, or a refusal.
func (c *Catalog) known(name string) (*Topic, error) {
	t := c.Topic(name)
	if t == nil {
		return nil, &Error{Kind: UnknownTopic, Topic: shorten(name), Detail: "This broker has no such topic."}
	}
	return t, nil
}

// decideConfigs returns the canonical values of a topic's settings, nil when there are none.
func decideConfigs(topic string, configs []ConfigValue) (map[string]string, error) {
	out := make(map[string]string, min(len(configs), len(topicTable.rows)))
	refuse := func(detail string) (map[string]string, error) {
		return nil, &Error{Kind: InvalidConfig, Topic: topic, Detail: detail}
	}
	for _, v := range configs {
		s := topicTable.byName[v.Name]
		if s == nil {
			return refuse(fmt.Sprintf("Unknown topic config name: %.100s", v.Name))
		}
		if v.Value == nil {
			return refuse("Null value not supported for topic configs: " + v.Name)
		}
		canonical, fault := s.canonical(*v.Value)
		if fault != "" {
			return refuse(fault)
		}
		out[v.Name] = canonical
	}
	if fault := conflict(out); fault != "" {
		return refuse(fault)
	}
	return cloneConfigs(out), nil
}

// conflict says which of the settings contradict each other, or "".
func conflict(configs map[string]string) string {
	value := func(name string) int64 {
		if v, ok := configs[name]; ok {
			return parseInt(name, v)
		}
		return parseInt(name, topicTable.byName[name].Default)
	}
	least, most := value("min.compaction.lag.ms"), value("max.compaction.lag.ms")
	if least > most {
		return "conflict topic config setting min.compaction.lag.ms (" + strconv.FormatInt(least, 10) +
			") > max.compaction.lag.ms (" + strconv.FormatInt(most, 10) + ")"
	}
	return ""
}

// difference returns what makes next of current settings.
func difference(current, next map[string]string) (set map[string]string, remove []string) {
	for name, value := range next {
		if now, ok := current[name]; !ok || now != value {
			if set == nil {
				set = make(map[string]string)
			}
			set[name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(current)) {
		if _, ok := next[name]; !ok {
			remove = append(remove, name)
		}
	}
	return set, remove
}
