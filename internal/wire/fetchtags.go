package wire

import (
	"github.com/twmb/franz-go/pkg/kmsg"
)

// The tagged fields of a fetch response. A field is written when it differs from its default, as its tag, its size and
// its content; the unknown ones come after those that are known.

// tags ends a struct that has no tagged fields of its own.
func (e *fetchEncoder) tags(unknown *kmsg.Tags) {
	if e.flexible {
		e.uvarint(uint32(unknown.Len()))
		e.unknown(unknown)
	}
}

func (e *fetchEncoder) unknown(tags *kmsg.Tags) {
	if tags.Len() > 0 {
		e.dst = tags.AppendEach(e.dst)
	}
}

// partitionTags ends a partition: where its log diverges (tag 0), who leads it (1), which snapshot to read (2).
func (e *fetchEncoder) partitionTags(p *kmsg.FetchResponseTopicPartition) {
	diverging := p.DivergingEpoch.Epoch != -1 || p.DivergingEpoch.EndOffset != -1 || p.DivergingEpoch.UnknownTags.Len() > 0
	leader := p.CurrentLeader.LeaderID != -1 || p.CurrentLeader.LeaderEpoch != -1 || p.CurrentLeader.UnknownTags.Len() > 0
	snapshot := p.SnapshotID.EndOffset != -1 || p.SnapshotID.Epoch != -1 || p.SnapshotID.UnknownTags.Len() > 0
	n := p.UnknownTags.Len()
	for _, present := range []bool{diverging, leader, snapshot} {
		if present {
			n++
		}
	}
	e.uvarint(uint32(n))
	if diverging {
		e.tagged(0, func() {
			e.int32(p.DivergingEpoch.Epoch)
			e.int64(p.DivergingEpoch.EndOffset)
			e.tags(&p.DivergingEpoch.UnknownTags)
		})
	}
	if leader {
		e.tagged(1, func() {
			e.int32(p.CurrentLeader.LeaderID)
			e.int32(p.CurrentLeader.LeaderEpoch)
			e.tags(&p.CurrentLeader.UnknownTags)
		})
	}
	if snapshot {
		e.tagged(2, func() {
			e.int64(p.SnapshotID.EndOffset)
			e.int32(p.SnapshotID.Epoch)
			e.tags(&p.SnapshotID.UnknownTags)
		})
	}
	e.unknown(&p.UnknownTags)
}

// brokers ends the response: the addresses of the leaders that its partitions name (tag 0).
func (e *fetchEncoder) brokers(resp *kmsg.FetchResponse) {
	n := resp.UnknownTags.Len()
	if len(resp.Brokers) > 0 {
		n++
	}
	e.uvarint(uint32(n))
	if len(resp.Brokers) > 0 {
		e.tagged(0, func() {
			e.length(len(resp.Brokers))
			for i := range resp.Brokers {
				b := &resp.Brokers[i]
				e.int32(b.NodeID)
				e.string(b.Host)
				e.int32(b.Port)
				if b.Rack == nil {
					e.uvarint(0)
				} else {
					e.string(*b.Rack)
				}
				e.tags(&b.UnknownTags)
			}
		})
	}
	e.unknown(&resp.UnknownTags)
}

// tagged writes one tagged field; content appends what is in it.
func (e *fetchEncoder) tagged(tag uint32, content func()) {
	e.uvarint(tag)
	at := len(e.dst)
	content()
	size := len(e.dst) - at
	// The size is written in front of the content once it is known: written again behind it, the content has its place.
	e.dst = e.dst[:at]
	e.uvarint(uint32(size))
	content()
}
