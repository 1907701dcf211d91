package server

import (
	"context"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/commitlog"
)

// The timestamps that stand for a place, and the version of the request from which on each may be asked for.
const (
	latestOffset        = -1
	earliestOffset      = -2
	maxTimestampOffset  = -3 // KIP-734
	earliestLocalOffset = -4 // KIP-405: the earliest that is not in remote storage; there is none
	latestTieredOffset  = -5 // KIP-1005
	earliestUpload      = -6 // KIP-1023
)

func placeSince(timestamp int64) int16 {
	switch timestamp {
	case latestOffset, earliestOffset:
		return 0
	case maxTimestampOffset:
		return 7
	case earliestLocalOffset:
		return 8
	case latestTieredOffset:
		return 9
	case earliestUpload:
		return 11
	}
	return -1
}

// listOffsets answers which offsets belong to timestamps. Both isolation levels see the same: there are no transactions.
func listOffsets(_ context.Context, r *request, req *kmsg.ListOffsetsRequest) *kmsg.ListOffsetsResponse {
	resp := kmsg.NewPtrListOffsetsResponse()
	resp.Version = req.Version
	resp.Topics = make([]kmsg.ListOffsetsResponseTopic, len(req.Topics))
	named := make(map[partKey]int)
	for i := range req.Topics {
		for j := range req.Topics[i].Partitions {
			named[partKey{topic: req.Topics[i].Topic, partition: req.Topics[i].Partitions[j].Partition}]++
		}
	}
	for i := range req.Topics {
		in, out := &req.Topics[i], &resp.Topics[i]
		out.Topic = in.Topic
		out.Partitions = make([]kmsg.ListOffsetsResponseTopicPartition, 0, len(in.Partitions))
		for j := range in.Partitions {
			q := &in.Partitions[j]
			a := kmsg.NewListOffsetsResponseTopicPartition()
			a.Partition, a.Timestamp, a.Offset, a.LeaderEpoch = q.Partition, -1, -1, -1
			key := partKey{topic: in.Topic, partition: q.Partition}
			var err error
			switch times := named[key]; {
			case times == 0:
				continue // answered already
			case times > 1:
				err = refuse(kerr.InvalidRequest, "the partition is named more than once")
				named[key] = 0
			default:
				err = r.srv.listOffset(req, in.Topic, q, &a)
			}
			a.ErrorCode, _ = r.srv.fault(err)
			out.Partitions = append(out.Partitions, a)
		}
	}
	return resp
}

func (s *Server) listOffset(req *kmsg.ListOffsetsRequest, topic string, q *kmsg.ListOffsetsRequestTopicPartition, a *kmsg.ListOffsetsResponseTopicPartition) error {
	if since := placeSince(q.Timestamp); q.Timestamp < 0 && (since < 0 || req.Version < since) {
		return refuse(kerr.UnsupportedVersion, "this version of the request does not know the timestamp")
	}
	l, err := s.partition(topic, q.Partition)
	if err != nil {
		return err
	}
	if err := checkKnownEpoch(l, q.CurrentLeaderEpoch); err != nil {
		return err
	}
	if req.Version == 0 {
		return oldStyle(l, q, a)
	}
	return s.place(l, q.Timestamp, a)
}

// place finds the offset for a timestamp.
func (s *Server) place(l *commitlog.Log, timestamp int64, a *kmsg.ListOffsetsResponseTopicPartition) error {
	b, err := l.Bounds()
	if err != nil {
		return err
	}
	var found commitlog.Stamp
	switch timestamp {
	case latestOffset:
		a.Offset, a.LeaderEpoch = b.HighWatermark, b.Epoch
		return nil
	case earliestOffset, earliestLocalOffset:
		if a.Offset, a.LeaderEpoch = b.Start, l.EpochAt(b.Start); b.Start == b.Next {
			a.LeaderEpoch = b.Epoch
		}
		return nil
	case latestTieredOffset, earliestUpload:
		return nil // nothing is in remote storage
	case maxTimestampOffset:
		s.unpacking <- struct{}{}
		found, err = l.MaxTimestamp(s.conf.DecompressedBytes)
		<-s.unpacking
	default:
		s.unpacking <- struct{}{}
		found, err = l.OffsetForTime(timestamp, s.conf.DecompressedBytes)
		<-s.unpacking
	}
	if err != nil || found.Offset < 0 {
		return err
	}
	a.Offset, a.Timestamp, a.LeaderEpoch = found.Offset, found.Timestamp, l.EpochAt(found.Offset)
	return nil
}

// oldStyle answers version 0: a list of offsets, the latest first, of which none but the ends is exact.
func oldStyle(l *commitlog.Log, q *kmsg.ListOffsetsRequestTopicPartition, a *kmsg.ListOffsetsResponseTopicPartition) error {
	b, err := l.Bounds()
	if err != nil {
		return err
	}
	offsets := []int64{}
	if q.Timestamp == latestOffset {
		offsets = append(offsets, b.HighWatermark)
	}
	segments := l.Segments()
	for i := len(segments) - 1; i >= 0 && q.Timestamp != earliestOffset; i-- {
		if g := segments[i]; g.Base > b.Start && g.Base < b.HighWatermark && (q.Timestamp == latestOffset || g.MaxTimestamp <= q.Timestamp) {
			offsets = append(offsets, g.Base)
		}
	}
	if q.Timestamp < 0 && (len(offsets) == 0 || offsets[len(offsets)-1] != b.Start) {
		offsets = append(offsets, b.Start)
	}
	a.OldStyleOffsets = offsets[:min(len(offsets), max(int(q.MaxNumOffsets), 0))]
	return nil
}
