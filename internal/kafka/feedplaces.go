package kafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The metadata of every commit of a feed says how many partitions the topic had when the group first started in it: those with higher numbers were added later
// and are read from their beginning, whatever the start.
const commitMark = "bobbin partitions="

// partitionsOf reads a commit's metadata; 0 when it is not a feed's.
func partitionsOf(metadata string) int {
	digits, ok := strings.CutPrefix(metadata, commitMark)
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// place is called by the client library with the committed offsets of partitions that were assigned, before they are fetched. It adds where to start in the
// others, and commits that.
func (f *Feed) place(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	of := offsets[f.opts.Topic]
	if len(of) == 0 {
		return offsets, nil
	}
	err := f.untilPlaced(ctx, func() error { return f.placeOnce(ctx, of) })
	if ctx.Err() != nil {
		return nil, ctx.Err() // they are taken back already
	}
	if err != nil {
		clear(of) // the feed has failed: nothing is read from them
	}
	return offsets, nil
}

// placeAgain sets partitions that the client library has never given up to what is committed.
func (f *Feed) placeAgain(ctx context.Context, k *kgo.Client, partitions []int32) {
	if len(partitions) == 0 {
		return
	}
	f.untilPlaced(ctx, func() error {
		committed, _, err := f.committed(ctx)
		if err != nil {
			return err
		}
		of := make(map[int32]kgo.Offset, len(partitions))
		for _, p := range partitions {
			of[p] = kgo.NewOffset().At(startOfLog)
			if at, ok := committed[p]; ok {
				of[p] = kgo.NewOffset().At(at)
			}
		}
		if err := f.placeOnce(ctx, of); err != nil {
			return err
		}
		to := make(map[int32]kgo.EpochOffset, len(of))
		for p, o := range of {
			to[p] = o.EpochOffset()
		}
		k.SetOffsets(map[string]map[int32]kgo.EpochOffset{f.opts.Topic: to})
		return nil
	})
}

// untilPlaced does something until it succeeds, ctx ends or the feed fails.
func (f *Feed) untilPlaced(ctx context.Context, do func() error) error {
	for attempt := 0; ; attempt++ {
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if KindOf(err) == NotFound {
			f.look()
		} else if !passing(err) {
			f.fail(err)
		}
		if failed := f.failure(); failed != nil {
			return failed
		}
		f.client.log().Warn("where to start is not known yet", "topic", f.opts.Topic, "group", f.opts.Group, "err", err)
		if !backoff(ctx, attempt) {
			return err
		}
	}
}

func (f *Feed) placeOnce(ctx context.Context, of map[int32]kgo.Offset) error {
	const op = "read topic"
	bounds, err := f.client.Offsets(ctx, f.opts.Topic)
	if err != nil {
		return err
	}
	f.mu.Lock()
	known := f.known
	f.mu.Unlock()
	if known == 0 {
		if _, known, err = f.committed(ctx); err != nil {
			return err
		}
		if known == 0 {
			known = len(bounds)
		}
	}
	from, err := f.client.places(ctx, f.opts.Topic, f.opts.From, bounds)
	if err != nil {
		return err
	}
	starts := make(map[int32]int64)
	var unplaced []string
	for p, o := range of {
		if int(p) >= len(bounds) {
			return f.client.wrap(op, f.opts.Topic, kerr.LeaderNotAvailable) // it is very new
		}
		b, at := bounds[p], o.EpochOffset().Offset
		switch {
		case at >= b.Start && at <= b.End:
		case at >= 0:
			f.client.log().Warn("the committed offset is not there any more: the partition is read from its start", "topic", f.opts.Topic, "group", f.opts.Group,
				"partition", p, "committed", at, "start", b.Start, "end", b.End)
			of[p] = kgo.NewOffset().At(b.Start)
		case int(p) >= known:
			starts[p] = b.Start
		case from == nil:
			unplaced = append(unplaced, strconv.Itoa(int(p)))
		default:
			starts[p] = from[p]
		}
	}
	if unplaced != nil {
		slices.Sort(unplaced)
		return &Error{
			Op: op, Topic: f.opts.Topic, Kind: Invalid,
			Err:  fmt.Errorf("group %s has committed nothing in partition %s, and the start is to be an error then", f.opts.Group, strings.Join(unplaced, ", ")),
			Hint: fmt.Sprintf("choose a start, or set the group's offsets: `bobbin group reset-offsets %s --topic %s --to earliest`", f.opts.Group, f.opts.Topic),
		}
	}
	f.mu.Lock()
	f.known = known
	f.mu.Unlock()
	if err := f.Commit(ctx, starts); err != nil {
		return err
	}
	for p, at := range starts {
		of[p] = kgo.NewOffset().At(at)
	}
	return nil
}

// committed returns what the group has committed in the topic, and how many partitions it had when the group first started in it, as the commits say; 0 when none
// does.
func (f *Feed) committed(ctx context.Context) (offsets map[int32]int64, partitions int, err error) {
	ctx, cancel := f.client.bound(ctx)
	defer cancel()
	all, err := f.client.admin.FetchOffsets(ctx, f.opts.Group)
	if err != nil {
		return nil, 0, f.client.wrap("read the offsets of group", f.opts.Group, err)
	}
	offsets = make(map[int32]int64)
	all.Each(func(o kadm.OffsetResponse) {
		switch {
		case o.Topic != f.opts.Topic:
		case o.Err != nil:
			err = o.Err
		case o.At >= 0:
			offsets[o.Partition] = o.At
			if n := partitionsOf(o.Metadata); n > 0 && (partitions == 0 || n < partitions) {
				partitions = n
			}
		}
	})
	return offsets, partitions, f.client.wrap("read the offsets of group", f.opts.Group, err)
}
