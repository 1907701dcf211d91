package kafka

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var errNotHeld = errors.New("it is not this member's any more")

// Commit makes offsets the group's: each is the next that is to be read. Errors that pass are retried until ctx ends. It is an Error of the kind Fenced when a
// partition is not this member's any more; then none is committed. One Commit runs at a time, so that an older one cannot come behind a newer one.
func (f *Feed) Commit(ctx context.Context, offsets map[int32]int64) error {
	const op = "commit offsets of topic"
	if f.opts.Group == "" {
		return &Error{Op: op, Topic: f.opts.Topic, Kind: Invalid, Err: errors.New("there is no group to commit for")}
	}
	if len(offsets) == 0 {
		return nil
	}
	select {
	case f.committing <- struct{}{}:
	case <-ctx.Done():
		return f.client.wrap(op, f.opts.Topic, ctx.Err())
	}
	defer func() { <-f.committing }()
	for attempt := 0; ; attempt++ {
		generation, err := f.commitOnce(ctx, offsets)
		switch {
		case errors.Is(err, errNotHeld):
			return &Error{Op: op, Topic: f.opts.Topic, Kind: Fenced, Err: err, Hint: "another member of group " + f.opts.Group + " reads on from the last commit"}
		case errors.Is(err, kerr.IllegalGeneration) && f.newGeneration(ctx, generation):
			continue
		}
		err = f.client.wrap(op, f.opts.Topic, err)
		if err == nil || !passing(err) || ctx.Err() != nil {
			return err
		}
		if KindOf(err) == NotFound {
			f.look()
		}
		if failed := f.failure(); failed != nil {
			return failed
		}
		if !backoff(ctx, attempt) {
			return err
		}
	}
}

// commitOnce sends one commit under the generation that the partitions are held in, and returns that. The client library's own commit is not used because it
// joins the group again after it was fenced without saying that the partitions were lost.
func (f *Feed) commitOnce(ctx context.Context, offsets map[int32]int64) (generation int32, err error) {
	member, generation := f.kgo.GroupMetadata() // before the look at what is held: a later one is of a later generation
	t := f.topic.Load()
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = f.opts.Group, member, generation
	if id := f.client.set.text(propInstance); id != "" {
		req.InstanceID = &id
	}
	of := kmsg.NewOffsetCommitRequestTopic()
	of.Topic = t.Name
	id, err := base64.RawURLEncoding.DecodeString(t.ID)
	if err != nil {
		return generation, err
	}
	copy(of.TopicID[:], id)
	f.mu.Lock()
	mark := ""
	if f.known > 0 {
		mark = commitMark + strconv.Itoa(f.known)
	}
	for p, at := range offsets {
		if !f.held[p] || f.member != member {
			err = fmt.Errorf("partition %d: %w", p, errNotHeld)
		}
		x := kmsg.NewOffsetCommitRequestTopicPartition()
		x.Partition, x.Offset, x.Metadata = p, at, &mark
		of.Partitions = append(of.Partitions, x)
	}
	f.mu.Unlock()
	if err != nil {
		return generation, err
	}
	req.Topics = append(req.Topics, of)
	ctx, cancel := f.client.bound(ctx)
	defer cancel()
	resp, err := req.RequestWith(ctx, f.kgo)
	if err != nil {
		return generation, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return generation, err
			}
		}
	}
	return generation, nil
}

// newGeneration waits for the answer to a join that is on its way when the group has gone on to another generation: a member keeps its partitions over that. It
// returns false when there is none.
func (f *Feed) newGeneration(ctx context.Context, old int32) bool {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		if _, now := f.kgo.GroupMetadata(); now != old {
			return true
		}
		if !backoff(ctx, 0) {
			return false
		}
	}
	return false
}
