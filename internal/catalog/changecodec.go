package catalog

import (
	"encoding/binary"
	"math"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// AppendChange appends to dst the bytes of the change that makes this version, and returns the longer slice. The same
// change gives the same bytes.
func AppendChange(dst []byte, version uint64, ch Change) []byte {
	kind := func(k byte) {
		dst = append(dst, formatOf(k), k)
		dst = binary.AppendUvarint(dst, version)
	}
	changes := func(set map[string]string, remove []string) {
		dst = appendConfigs(dst, set)
		dst = binary.AppendUvarint(dst, uint64(len(remove)))
		for _, name := range remove {
			dst = appendString(dst, name)
		}
	}
	topic := func(name string, id ID) {
		dst = appendString(dst, name)
		dst = append(dst, id[:]...)
	}
	switch ch := ch.(type) {
	case TopicCreated:
		kind(kindTopicCreated)
		topic(ch.Name, ch.ID)
		dst = binary.AppendUvarint(dst, uint64(ch.Partitions))
		dst = appendConfigs(dst, ch.Configs)
	case TopicDeleted:
		kind(kindTopicDeleted)
		topic(ch.Name, ch.ID)
	case ConfigsChanged:
		kind(kindConfigsChanged)
		topic(ch.Name, ch.ID)
		changes(ch.Set, ch.Delete)
	case PartitionsAdded:
		kind(kindPartitionsAdded)
		topic(ch.Name, ch.ID)
		dst = binary.AppendUvarint(dst, uint64(ch.Partitions))
	case ProducerBlock:
		kind(kindProducerBlock)
		dst = binary.AppendUvarint(dst, uint64(ch.Next))
	case UncleanStart:
		kind(kindUncleanStart)
	case BrokerChanged:
		kind(kindBrokerChanged)
		all := byte(0)
		if ch.All {
			all = 1
		}
		dst = append(dst, all)
		changes(ch.Set, ch.Delete)
	default:
		invariant.Unreachable("catalog change of type %T", ch)
	}
	return dst
}

// formatOf is the format in which a kind of change is written.
func formatOf(kind byte) byte {
	if kind == kindBrokerChanged {
		return brokerChangeFormat
	}
	return changeFormat
}

// DecodeChange reads what AppendChange wrote: all of b, which it does not keep. Its errors wrap [ErrMalformed] or
// [ErrNewer]. It takes memory only in proportion to len(b).
func DecodeChange(b []byte) (version uint64, ch Change, err error) {
	d := decoder{rest: b}
	format := d.format(brokerChangeFormat)
	kind := d.byte()
	if d.err == nil && format != formatOf(kind) {
		d.fail("change of kind %d in format %d", kind, format)
	}
	version = d.number(math.MaxUint64)
	switch kind {
	case kindTopicCreated:
		ch = TopicCreated{Name: d.name(), ID: d.id(), Partitions: d.partitions(), Configs: d.configs(&topicTable)}
	case kindTopicDeleted:
		ch = TopicDeleted{Name: d.name(), ID: d.id()}
	case kindConfigsChanged:
		name, id := d.name(), d.id()
		set, remove := d.changes(&topicTable)
		ch = ConfigsChanged{Name: name, ID: id, Set: set, Delete: remove}
	case kindPartitionsAdded:
		ch = PartitionsAdded{Name: d.name(), ID: d.id(), Partitions: d.partitions()}
	case kindProducerBlock:
		ch = ProducerBlock{Next: int64(d.number(math.MaxInt64))}
	case kindUncleanStart:
		ch = UncleanStart{}
	case kindBrokerChanged:
		all := d.byte()
		if all > 1 {
			d.fail("broker %d", all)
		}
		set, remove := d.changes(&brokerTable)
		ch = BrokerChanged{All: all == 1, Set: set, Delete: remove}
	default:
		d.fail("change of kind %d", kind)
	}
	if err := d.end(); err != nil {
		return 0, nil, err
	}
	return version, ch, nil
}

// changes reads settings to set and names of those to remove.
func (d *decoder) changes(known *table) (set map[string]string, remove []string) {
	set = d.configs(known)
	n := d.count(1)
	if n == 0 {
		return set, nil
	}
	remove = make([]string, 0, n)
	last := ""
	for range n {
		name := d.settingName(last)
		if _, both := set[name]; both {
			d.fail("setting %.40q is both set and deleted", name)
		}
		if d.err != nil {
			return nil, nil
		}
		remove = append(remove, name)
		last = name
	}
	return set, remove
}
