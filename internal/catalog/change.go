package catalog

// Change is one durable fact about the catalog: one of the types below. A change is made by a decision, written to
// the write-ahead log, and applied; it says what is so from now on, never what was asked.
type Change interface{ change() }

// TopicCreated adds a topic.
type TopicCreated struct {
	Name       string
	ID         ID
	Partitions int32
	Configs    map[string]string // nil when nothing is set
}

// TopicDeleted removes the topic with this id.
type TopicDeleted struct {
	Name string
	ID   ID
}

// ConfigsChanged sets and removes settings of one topic.
type ConfigsChanged struct {
	Name   string
	ID     ID
	Set    map[string]string // names to values
	Delete []string          // names, ascending, none of them in Set
}

// PartitionsAdded raises the number of partitions of one topic.
type PartitionsAdded struct {
	Name       string
	ID         ID
	Partitions int32 // all of them, the new ones included
}

// ProducerBlock takes producer ids out of the stock: those below Next are in use, or lost to a crash.
type ProducerBlock struct {
	Next int64
}

// UncleanStart says that the broker started after it had not been stopped cleanly. It raises the catalog's epoch, and
// with it the leader epoch of every partition.
type UncleanStart struct{}

// BrokerChanged sets and removes settings of the broker while it runs: its own, or those of all brokers of the cluster.
type BrokerChanged struct {
	All    bool
	Set    map[string]string // names to values
	Delete []string          // names, ascending, none of them in Set
}

func (TopicCreated) change()    {}
func (TopicDeleted) change()    {}
func (ConfigsChanged) change()  {}
func (PartitionsAdded) change() {}
func (ProducerBlock) change()   {}
func (UncleanStart) change()    {}
func (BrokerChanged) change()   {}

// Empty reports whether the change would change nothing.
func (ch ConfigsChanged) Empty() bool { return len(ch.Set) == 0 && len(ch.Delete) == 0 }

// Empty reports whether the change would change nothing.
func (ch BrokerChanged) Empty() bool { return len(ch.Set) == 0 && len(ch.Delete) == 0 }
