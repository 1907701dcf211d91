package catalog

import (
	"encoding/binary"
	"math"
)

// topicSize is the fewest bytes that a topic has in a snapshot: a name of one character, the id, and four numbers.
const topicSize = 2 + 16 + 4

// AppendSnapshot appends the whole catalog to dst and returns the longer slice. The same catalog gives the same bytes.
func (c *Catalog) AppendSnapshot(dst []byte) []byte {
	format := byte(snapshotFormat)
	if len(c.broker)+len(c.cluster) > 0 {
		format = brokerSnapshotFormat
	}
	dst = append(dst, format)
	dst = binary.AppendUvarint(dst, c.version)
	dst = binary.AppendUvarint(dst, uint64(c.epoch))
	dst = binary.AppendUvarint(dst, uint64(c.nextProducer))
	dst = binary.AppendUvarint(dst, uint64(len(c.byName)))
	for _, t := range c.Topics() {
		dst = appendString(dst, t.Name)
		dst = append(dst, t.ID[:]...)
		dst = binary.AppendUvarint(dst, uint64(t.Partitions))
		dst = binary.AppendUvarint(dst, t.CreatedVersion)
		dst = binary.AppendUvarint(dst, uint64(t.CreatedEpoch))
		dst = appendConfigs(dst, t.Configs)
	}
	if format == brokerSnapshotFormat {
		dst = appendConfigs(dst, c.broker)
		dst = appendConfigs(dst, c.cluster)
	}
	return dst
}

// DecodeSnapshot reads what AppendSnapshot wrote: all of b, which it does not keep. Its errors wrap [ErrMalformed] or
// [ErrNewer]. It takes memory only in proportion to len(b).
func DecodeSnapshot(b []byte) (*Catalog, error) {
	d := decoder{rest: b}
	format := d.format(brokerSnapshotFormat)
	c := &Catalog{
		version:      d.number(math.MaxUint64),
		epoch:        int32(d.number(math.MaxInt32)),
		nextProducer: int64(d.number(math.MaxInt64)),
	}
	last := ""
	for range d.count(topicSize) {
		t := &Topic{
			Name:           d.name(),
			ID:             d.id(),
			Partitions:     d.partitions(),
			CreatedVersion: d.number(c.version),
			CreatedEpoch:   int32(d.number(uint64(c.epoch))),
			Configs:        d.configs(&topicTable),
		}
		if d.err == nil && t.Name <= last {
			d.fail("topic %s after %s", t.Name, last)
		}
		if d.err != nil {
			return nil, d.err
		}
		if err := c.insert(t); err != nil {
			d.fail("%v", err)
			return nil, d.err
		}
		last = t.Name
	}
	if format == brokerSnapshotFormat {
		c.broker = d.configs(&brokerTable)
		c.cluster = d.configs(&brokerTable)
		if d.err == nil && len(c.broker)+len(c.cluster) == 0 {
			d.fail("no settings of the broker, in the format that is for them")
		}
	}
	if err := d.end(); err != nil {
		return nil, err
	}
	return c, nil
}
