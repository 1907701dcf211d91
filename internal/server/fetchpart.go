package server

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/store"
)

// partKey names a partition as the client does: by the topic's name up to version 12, by its id from then on.
type partKey struct {
	topic     string
	id        catalog.ID
	partition int32
}

// fetchPart is one partition that is fetched.
type fetchPart struct {
	set *session
	key partKey
	log *commitlog.Log // nil when there is none

	// What the client asks for.
	offset    int64
	max       int32
	epoch     int32 // the leader epoch that it knows, or -1
	lastEpoch int32 // that of the last record it has, or -1

	// What it was told last.
	toldEnd, toldStart int64

	// What this fetch found.
	span      commitlog.Span
	err       error
	diverging kmsg.FetchResponseTopicPartitionDivergingEpoch
	found     bool // it is among the fetch's findings

	watched   bool
	forgotten bool

	// Guarded by set.mu.
	queued bool
	next   *fetchPart
}

// Advanced is called by the log: there is more to read, or the log has ended.
func (p *fetchPart) Advanced() { p.set.enqueue(p) }

// ask takes over what a request says. It reports whether that differs from before.
func (p *fetchPart) ask(q *kmsg.FetchRequestTopicPartition) bool {
	same := p.offset == q.FetchOffset && p.max == q.PartitionMaxBytes && p.epoch == q.CurrentLeaderEpoch && p.lastEpoch == q.LastFetchedEpoch
	p.offset, p.max, p.epoch, p.lastEpoch = q.FetchOffset, q.PartitionMaxBytes, q.CurrentLeaderEpoch, q.LastFetchedEpoch
	return !same
}

// resolve finds the log. A topic that is named by its id is never looked for by name, so that one that was made again is not taken for the old one.
func (p *fetchPart) resolve(st *store.Store, byID, watch bool) error {
	var t *store.Topic
	if byID {
		if t = st.TopicByID(p.key.id); t == nil {
			return errNoTopicID
		}
	} else if t = st.Topic(p.key.topic); t == nil {
		return errNoTopic
	}
	if p.key.partition < 0 || int(p.key.partition) >= len(t.Partitions) {
		return errNoTopic
	}
	p.log = t.Partitions[p.key.partition]
	if watch {
		p.watch()
	}
	return nil
}

func (p *fetchPart) watch() {
	if !p.watched && p.log != nil {
		p.watched = true
		p.log.Watch(p)
	}
}

func (p *fetchPart) unwatch() {
	if p.watched {
		p.watched = false
		p.log.Unwatch(p)
	}
}

// read looks at the partition: an error, a diverging epoch or a span of up to max bytes, which may be empty.
func (p *fetchPart) read(st *store.Store, byID, watch bool, max int, atLeastOne bool) {
	p.diverging = kmsg.NewFetchResponseTopicPartitionDivergingEpoch()
	for range 2 {
		if p.err = nil; p.log == nil {
			if p.err = p.resolve(st, byID, watch); p.err != nil {
				return
			}
		}
		if p.err = p.readLog(max, atLeastOne); !errors.Is(p.err, commitlog.ErrDeleted) {
			return
		}
		p.unwatch() // by name there may be another topic meanwhile
		p.log = nil
	}
}

func (p *fetchPart) readLog(max int, atLeastOne bool) error {
	if p.epoch >= 0 || p.lastEpoch >= 0 {
		if err := checkEpoch(p.log, p.epoch); err != nil {
			return err
		}
	}
	if p.lastEpoch >= 0 {
		epoch, end := p.log.EpochEnd(p.lastEpoch)
		switch {
		case epoch < 0 || end < 0:
			return refuse(kerr.OffsetOutOfRange, "nothing is known of the epoch of the last record fetched")
		case epoch < p.lastEpoch || end < p.offset:
			p.diverging.Epoch, p.diverging.EndOffset = epoch, end
			return p.log.Read(&p.span, end, 0, false) // for the bounds
		}
	}
	return p.log.Read(&p.span, p.offset, max, atLeastOne)
}

// checkEpoch compares the leader epoch that a client knows with the log's (KIP-320); -1 is not compared.
func checkEpoch(l *commitlog.Log, epoch int32) error {
	b, err := l.Bounds()
	switch {
	case err != nil:
		return err
	case epoch >= 0 && epoch < b.Epoch:
		return refuse(kerr.FencedLeaderEpoch, "the leader epoch of the request is older than the broker's")
	case epoch > b.Epoch:
		return refuse(kerr.UnknownLeaderEpoch, "the leader epoch of the request is newer than the broker's")
	}
	return nil
}

// checkKnownEpoch is checkEpoch where any number but -1 is an epoch: a negative one is older than all. Fetch takes those for none, as Kafka does.
func checkKnownEpoch(l *commitlog.Log, epoch int32) error {
	if epoch < -1 {
		return refuse(kerr.FencedLeaderEpoch, "the leader epoch of the request is negative")
	}
	return checkEpoch(l, epoch)
}

func (p *fetchPart) diverges() bool { return p.diverging.EndOffset >= 0 }

// more says whether the client can read more than the fetch found, at the offset that it asked for.
func (p *fetchPart) more() bool {
	return p.err != nil || p.offset < p.span.Bounds.HighWatermark || p.diverges()
}

// worthTelling says whether an incremental response has to name the partition (KIP-227), and remembers that it was told.
func (p *fetchPart) worthTelling() bool {
	if p.err != nil {
		p.toldEnd = -1 // so that it is named again when the error has gone
		return true
	}
	b := &p.span.Bounds
	worth := p.span.Size > 0 || p.toldEnd != b.HighWatermark || p.toldStart != b.Start || p.diverges()
	p.toldEnd, p.toldStart = b.HighWatermark, b.Start
	return worth
}
