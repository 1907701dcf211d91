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
		dst = append(dst, changeFormat, k)
		dst = binary.AppendUvarint(dst, version)
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
		dst = appendConfigs(dst, ch.Set)
		dst = binary.AppendUvarint(dst, uint64(len(ch.Delete)))
		for _, name := range ch.Delete {
			dst = appendString(dst, name)
		}
	case PartitionsAdded:
		kind(kindPartitionsAdded)
		topic(ch.Name, ch.ID)
		dst = binary.AppendUvarint(dst, uint64(ch.Partitions))
	case ProducerBlock:
		kind(kindProducerBlock)
		dst = binary.AppendUvarint(dst, uint64(ch.Next))
	case UncleanStart:
		kind(kindUncleanStart)
	default:
		invariant.Unreachable("catalog change of type %T", ch)
	}
	return dst
}

// DecodeChange reads what AppendChange wrote: all of b, which it does not keep. Its errors wrap [ErrMalformed] or
// [ErrNewer]. It takes memory only in proportion to len(b).
func DecodeChange(b []byte) (version uint64, ch Change, err error) {
	d := decoder{rest: b}
	d.format(changeFormat)
	kind := d.byte()
	version = d.number(math.MaxUint64)
	switch kind {
	case kindTopicCreated:
		ch = TopicCreated{Name: d.name(), ID: d.id(), Partitions: d.partitions(), Configs: d.configs()}
	case kindTopicDeleted:
		ch = TopicDeleted{Name: d.name(), ID: d.id()}
	case kindConfigsChanged:
		ch = d.configsChanged()
	case kindPartitionsAdded:
		ch = PartitionsAdded{Name: d.name(), ID: d.id(), Partitions: d.partitions()}
	case kindProducerBlock:
		ch = ProducerBlock{Next: int64(d.number(math.MaxInt64))}
	case kindUncleanStart:
		ch = UncleanStart{}
	default:
		d.fail("change of kind %d", kind)
	}
	if err := d.end(); err != nil {
		return 0, nil, err
	}
	return version, ch, nil
}

func (d *decoder) configsChanged() ConfigsChanged {
	ch := ConfigsChanged{Name: d.name(), ID: d.id(), Set: d.configs()}
	n := d.count(1)
	if n == 0 {
		return ch
	}
	ch.Delete = make([]string, 0, n)
	last := ""
	for range n {
		name := d.settingName(last)
		if _, both := ch.Set[name]; both {
			d.fail("setting %.40q is both set and deleted", name)
		}
		if d.err != nil {
			return ConfigsChanged{}
		}
		ch.Delete = append(ch.Delete, name)
		last = name
	}
	return ch
}
