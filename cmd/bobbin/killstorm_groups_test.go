package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/bobbinstream/bobbin/internal/batch"
)

const (
	workersGroup = "workers"
	rebornGroup  = "reborn-offsets"
	topicIDs     = 10 // the version of OffsetCommit and OffsetFetch from which on topics are named by their ids
)

// groupStorm is a storm over groups: members that process the storm's topic, committers without a group, and a topic that is deleted and made again while it is
// written, read and committed for. All are guarded by mu.
type groupStorm struct {
	*storm
	over      context.Context // ends when nobody is to wait for the broker any more
	processed map[string]bool
	commits   map[groupPlace]*progress // of offsets; never lower again
	lives     map[kadm.TopicID]int64   // of the topic that is made again, from 1
	now       life
	reads     int // of offsets, compared with what was committed
}

type groupPlace struct {
	group     string
	partition int32
}

// life is the topic that has the name now.
type life struct {
	number    int64
	id        kadm.TopicID
	dying     bool     // its deletion was tried
	committed progress // of the group that commits for it
	written   int64    // records that were acknowledged
}

func (s *groupStorm) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLocked(err)
}

func (s *groupStorm) progressLocked(group string, partition int32) *progress {
	at := groupPlace{group, partition}
	if s.commits[at] == nil {
		s.commits[at] = &progress{-1, -1}
	}
	return s.commits[at]
}

// settled says whether the members' and committers' requests were refused only for the moment, as they are while a broker starts or a group rebalances.
func settled(code int16) (ok bool, err error) {
	switch err := kerr.ErrorForCode(code); {
	case err == nil:
		return true, nil
	case kerr.IsRetriable(err), code == kerr.IllegalGeneration.Code, code == kerr.UnknownMemberID.Code, code == kerr.RebalanceInProgress.Code:
		return false, nil
	default:
		return false, err
	}
}

// member processes records and commits, until ctx is done; one that is restless leaves again and again, until calm is done.
func (s *groupStorm) member(ctx, calm context.Context, restless bool) {
	for ctx.Err() == nil && s.failure() == nil {
		stay, end := ctx, context.CancelFunc(func() {})
		if restless && calm.Err() == nil {
			stay, end = context.WithTimeout(ctx, 500*time.Millisecond)
		}
		cl := s.client(
			kgo.ConsumerGroup(workersGroup), kgo.ConsumeTopics(stormTopic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
			kgo.BlockRebalanceOnPoll(), kgo.SessionTimeout(time.Second), kgo.RebalanceTimeout(time.Second), kgo.HeartbeatInterval(100*time.Millisecond),
			kgo.FetchMaxWait(50*time.Millisecond),
		)
		for stay.Err() == nil && s.failure() == nil {
			s.process(stay, cl)
		}
		end()
		leave, done := context.WithTimeout(s.over, 500*time.Millisecond) // it may be killed just now; then the session ends
		cl.LeaveGroupContext(leave)
		done()
		cl.CloseAllowingRebalance()
	}
}

// process polls, and commits what it got.
func (s *groupStorm) process(ctx context.Context, cl *kgo.Client) {
	defer cl.AllowRebalance()
	f := cl.PollRecords(ctx, 500)
	offsets := make(map[int32]kgo.EpochOffset)
	s.mu.Lock()
	f.EachRecord(func(r *kgo.Record) {
		s.processed[string(r.Value)] = true
		offsets[r.Partition] = kgo.EpochOffset{Epoch: r.LeaderEpoch, Offset: r.Offset + 1}
	})
	for p, o := range offsets {
		at := s.progressLocked(workersGroup, p)
		at.tried = max(at.tried, o.Offset)
	}
	s.mu.Unlock()
	if len(offsets) == 0 {
		return
	}
	last, done := context.WithTimeout(s.over, answerTime)
	defer done()
	cl.CommitOffsetsSync(last, map[string]map[int32]kgo.EpochOffset{stormTopic: offsets}, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			return // the member lost its place, or the broker is away for long
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				ok, err := settled(p.ErrorCode)
				s.mu.Lock()
				if at := s.progressLocked(workersGroup, p.Partition); ok {
					at.done = max(at.done, offsets[p.Partition].Offset)
				} else if err != nil {
					s.failLocked(fmt.Errorf("a member's commit: %w", err))
				}
				s.mu.Unlock()
			}
		}
	})
}

func commitRequest(group, topic string, id kadm.TopicID, partition int32, offset int64, metadata string) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = group, -1
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Partition, p.Offset, p.Metadata = partition, offset, &metadata
	req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic, TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{p}}}
	return req
}

// olderVersions has a client name topics by their names where offsets are committed and read.
func olderVersions() kgo.Opt {
	v := kversion.Stable()
	for _, key := range []int16{(&kmsg.OffsetCommitRequest{}).Key(), (&kmsg.OffsetFetchRequest{}).Key()} {
		v.SetMaxKeyVersion(key, topicIDs-1)
	}
	return kgo.MaxVersions(v)
}

// commitSimple commits growing offsets for a group that has no members.
func (s *groupStorm) commitSimple(ctx context.Context, group string) {
	cl := s.client(olderVersions())
	defer cl.Close()
	for n := int64(1); ctx.Err() == nil && s.failure() == nil; n++ {
		partition := int32(n % 3)
		s.mu.Lock()
		s.progressLocked(group, partition).tried = n
		s.mu.Unlock()
		resp, err := commitRequest(group, stormTopic, kadm.TopicID{}, partition, n, "").RequestWith(s.over, cl)
		if err != nil {
			continue // the broker is away; what became of it is not known
		}
		ok, err := settled(resp.Topics[0].Partitions[0].ErrorCode)
		s.mu.Lock()
		if ok {
			s.progressLocked(group, partition).done = n
		} else if err != nil {
			s.failLocked(fmt.Errorf("commit of %s: %w", group, err))
		}
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
}

// rebirths deletes the topic and makes it again.
func (s *groupStorm) rebirths(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for ctx.Err() == nil && s.failure() == nil {
		s.mu.Lock()
		s.now.dying = true
		s.mu.Unlock()
		for s.over.Err() == nil {
			r, err := admin.DeleteTopic(s.over, reborn)
			if err = errors.Join(err, r.Err); err == nil || errors.Is(err, kerr.UnknownTopicOrPartition) {
				break // by this request, or by one whose answer was lost
			}
		}
		if err := s.makeReborn(admin); err != nil {
			s.fail(err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond): // so that it is used
		}
	}
}

// makeReborn makes the topic of the next life.
func (s *groupStorm) makeReborn(admin *kadm.Client) error {
	for s.over.Err() == nil {
		r, err := admin.CreateTopic(s.over, 1, 1, nil, reborn)
		if err = errors.Join(err, r.Err); err == nil || errors.Is(err, kerr.TopicAlreadyExists) {
			break
		}
	}
	for s.over.Err() == nil {
		topics, err := admin.ListTopics(s.over, reborn)
		if t := topics[reborn]; err == nil && t.Err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			if old := s.lives[t.ID]; old > 0 {
				return fmt.Errorf("the topic of life %d is back after life %d", old, s.now.number)
			}
			s.now = life{number: s.now.number + 1, id: t.ID, committed: progress{-1, -1}}
			s.lives[t.ID] = s.now.number
			return nil
		}
	}
	return s.over.Err()
}

func (s *groupStorm) life() life {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// useReborn writes to the topic of the moment, by its id, and commits for it. What was answered for a life that is over by then does not count.
func (s *groupStorm) useReborn(ctx context.Context) {
	cl := s.client()
	defer cl.Close()
	for n := int64(0); ctx.Err() == nil && s.failure() == nil; n++ {
		l := s.life()
		value := fmt.Sprintf("%d %d", l.number, n)
		records := batch.NewBuilder(batch.NoProducer())
		records.Append(time.Now().UnixMilli(), nil, []byte(value))
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = -1, 5000
		req.Topics = []kmsg.ProduceRequestTopic{{Topic: reborn, TopicID: l.id, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: records.Build(nil)}}}}
		resp, err := cl.SeedBrokers()[0].RetriableRequest(s.over, req)
		if err != nil {
			continue
		}
		written := resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode == 0
		s.mu.Lock()
		if s.now.number == l.number {
			if written {
				s.now.written++
			}
			s.now.committed.tried = n
		}
		s.mu.Unlock()
		commit, err := commitRequest(rebornGroup, reborn, l.id, 0, n, strconv.FormatInt(l.number, 10)).RequestWith(s.over, cl)
		if err != nil {
			continue
		}
		s.mu.Lock()
		if s.now.number == l.number && commit.Topics[0].Partitions[0].ErrorCode == 0 {
			s.now.committed.done = n
		}
		s.mu.Unlock()
	}
}

// consumeReborn reads the topic in a group, and wants no record of a life after one of a later life.
func (s *groupStorm) consumeReborn(ctx context.Context) {
	cl := s.client(kgo.ConsumerGroup("reborn-readers"), kgo.ConsumeTopics(reborn), kgo.FetchMaxWait(50*time.Millisecond), kgo.AutoCommitInterval(100*time.Millisecond),
		kgo.SessionTimeout(time.Second), kgo.RebalanceTimeout(time.Second), kgo.HeartbeatInterval(100*time.Millisecond))
	defer cl.CloseAllowingRebalance()
	last := int64(0)
	for ctx.Err() == nil {
		cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			number, _, _ := strings.Cut(string(r.Value), " ")
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil || n < last {
				s.fail(fmt.Errorf("a record of life %s was read after one of life %d", number, last))
			}
			last = n
		})
	}
}

// readReborn fetches the topic of the moment by its id: all records are of its life, and none that was acknowledged is missing.
func (s *groupStorm) readReborn(cl *kgo.Client) error {
	l := s.life()
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch, req.ReplicaID = 0, 0, 8<<20, -1, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.PartitionMaxBytes = 8 << 20
	req.Topics = []kmsg.FetchRequestTopic{{Topic: reborn, TopicID: l.id, Partitions: []kmsg.FetchRequestTopicPartition{p}}}
	resp, err := cl.SeedBrokers()[0].RetriableRequest(s.over, req)
	if err != nil {
		return nil // the broker is away
	}
	after := s.life()
	got := resp.(*kmsg.FetchResponse).Topics
	if len(got) == 0 || got[0].Partitions[0].ErrorCode != 0 {
		if after.number == l.number && !after.dying {
			return fmt.Errorf("life %d of the topic is not served", l.number)
		}
		return nil
	}
	found := int64(0)
	for rest := got[0].Partitions[0].RecordBatches; len(rest) > 0; {
		b, next, err := batch.Next(rest)
		if err != nil {
			break // the last one may be cut off
		}
		rest = next
		for r, err := range b.Records(1 << 20) {
			if err != nil {
				return err
			}
			if found++; !strings.HasPrefix(string(r.Value), strconv.FormatInt(l.number, 10)+" ") {
				return fmt.Errorf("life %d of the topic holds %q", l.number, r.Value)
			}
		}
	}
	if found < l.written {
		return fmt.Errorf("life %d of the topic holds %d records; %d were acknowledged", l.number, found, l.written)
	}
	return nil
}

// readOffsets compares the committed offsets with what was acknowledged before, tried after, and seen.
func (s *groupStorm) readOffsets(cl *kgo.Client, groups []string) error {
	s.mu.Lock()
	least, before := make(map[groupPlace]int64), s.now
	for at, p := range s.commits {
		least[at] = p.done
	}
	s.mu.Unlock()
	found := make(map[groupPlace]int64)
	for _, name := range groups {
		req := kmsg.NewPtrOffsetFetchRequest()
		req.Group = name // up to version 7, and for the client
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = name
		req.Groups = append(req.Groups, g)
		resp, err := req.RequestWith(s.over, cl)
		if err != nil || len(resp.Groups) == 0 || resp.Groups[0].ErrorCode != 0 {
			return nil // the broker is away, or it starts
		}
		shown := int64(-1)
		for _, t := range resp.Groups[0].Topics {
			for _, p := range t.Partitions {
				if name != rebornGroup {
					found[groupPlace{name, p.Partition}] = p.Offset
				} else if shown = p.Offset; p.Metadata != nil {
					if err := s.checkReborn(before, *p.Metadata, shown); err != nil {
						return err
					}
				}
			}
		}
		if after := s.life(); name == rebornGroup && shown < before.committed.done && after.number == before.number && !after.dying {
			return fmt.Errorf("offset %d is shown for life %d of the topic; acknowledged was %d", shown, before.number, before.committed.done)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, p := range s.commits {
		o, there := found[at]
		if low, known := least[at]; known && low >= 0 && (!there || o < low) || there && o > p.tried {
			return fmt.Errorf("group %s, partition %d: offset %d (there: %v); acknowledged or seen was %d, tried %d", at.group, at.partition, o, there, low, p.tried)
		}
		if there {
			p.done = max(p.done, o) // seen
		}
	}
	s.reads++
	return nil
}

// checkReborn wants an offset of the life that was there before it was asked for, or of a later one.
func (s *groupStorm) checkReborn(before life, metadata string, offset int64) error {
	if of, err := strconv.ParseInt(metadata, 10, 64); err != nil || of < before.number {
		return fmt.Errorf("offset %d of life %q of the topic shows in life %d", offset, metadata, before.number)
	}
	return nil
}

// watch reads offsets and records again and again.
func (s *groupStorm) watch(ctx context.Context, groups []string) {
	cl := s.client(olderVersions())
	defer cl.Close()
	for ctx.Err() == nil && s.failure() == nil {
		if err := s.readOffsets(cl, groups); err != nil {
			s.fail(err)
		}
		if err := s.readReborn(cl); err != nil {
			s.fail(err)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// awaitProgress waits until the broker that runs now has taken commits and was read from, and, with all, until members and the administrator have used it too.
func (s *groupStorm) awaitProgress(all bool) error {
	sum := func() (simple, workers, reads int64, number int64) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for at, p := range s.commits {
			if at.group == workersGroup {
				workers += p.done
			} else {
				simple += p.done
			}
		}
		return simple, workers, int64(s.reads), s.now.number
	}
	simple, workers, reads, number := sum()
	for until := time.Now().Add(answerTime); s.failure() == nil; {
		a, b, c, d := sum()
		if a > simple && c > reads && (!all || b > workers && d > number) {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("no progress: simple commits %d, workers' %d, reads %d, lives %d", a-simple, b-workers, c-reads, d-number)
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// awaitStable waits until the members have their group again.
func (s *groupStorm) awaitStable(admin *kadm.Client, members int, within time.Duration) error {
	for until := time.Now().Add(within); ; time.Sleep(5 * time.Millisecond) {
		groups, err := admin.DescribeGroups(s.over, workersGroup)
		if g := groups[workersGroup]; err == nil && g.State == "Stable" && len(g.Members) == members {
			return nil
		} else if time.Now().After(until) {
			return fmt.Errorf("%v after the last start the group is %s with %d members: %w", within, g.State, len(g.Members), err)
		}
	}
}

// awaitProcessed waits until the members have committed all that was written.
func (s *groupStorm) awaitProcessed(admin *kadm.Client) error {
	ends, err := admin.ListEndOffsets(s.over, stormTopic)
	if err != nil {
		return err
	}
	for until := time.Now().Add(answerTime); s.failure() == nil; time.Sleep(5 * time.Millisecond) {
		left := int64(0)
		s.mu.Lock()
		ends.Each(func(o kadm.ListedOffset) { left += o.Offset - max(0, s.progressLocked(workersGroup, o.Partition).done) })
		s.mu.Unlock()
		if left == 0 {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("%d records are not processed", left)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, value := range s.acked {
		if !s.processed[value] {
			return fmt.Errorf("partition %d offset %d was never processed", at.partition, at.offset)
		}
	}
	return s.failed
}

// A broker that is killed at any time, also while it starts, keeps every commit that it has acknowledged or shown; a group is stable again soon, and its members miss
// no record; a topic that is made again has neither records nor offsets of the one before.
func TestKillStormOfGroups(t *testing.T) {
	const members, partitions = 3, 3
	kills := killsOr(t, 12)
	over, end := context.WithCancel(context.Background())
	defer end()
	s := &groupStorm{over: over, storm: newStorm(t, "bobbin"), processed: make(map[string]bool), commits: make(map[groupPlace]*progress), lives: make(map[kadm.TopicID]int64)}
	s.pace = 3 * time.Millisecond
	settings := []string{"-X", "group.min.session.timeout.ms=500", "-X", "group.initial.rebalance.delay.ms=20", "-X", "offsets.topic.num.partitions=4"}
	s.start(settings...)
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	cl := s.client()
	defer cl.Close()
	admin := kadm.NewClient(cl)
	if _, err := admin.CreateTopic(t.Context(), partitions, 1, nil, stormTopic); err != nil {
		t.Fatal(err)
	}
	if err := s.makeReborn(admin); err != nil {
		t.Fatal(err)
	}
	storm, calm := context.WithCancel(context.Background())
	work, home := context.WithCancel(context.Background())
	var stormers, workers sync.WaitGroup
	defer workers.Wait()
	defer home()
	defer stormers.Wait()
	defer calm()
	defer func() {
		if t.Failed() {
			end()
		}
	}()
	for i := range members {
		workers.Go(func() { s.member(work, storm, i == 0) })
	}
	for p := range int32(partitions) {
		stormers.Go(func() { s.produce(storm, fmt.Sprint("p", p), p) })
	}
	simple := []string{"simple-0", "simple-1"}
	for _, g := range simple {
		stormers.Go(func() { s.commitSimple(storm, g) })
	}
	stormers.Go(func() { s.rebirths(storm) })
	stormers.Go(func() { s.useReborn(storm) })
	stormers.Go(func() { s.consumeReborn(storm) })
	stormers.Go(func() { s.watch(storm, append(simple, workersGroup, rebornGroup)) })
	for k := range kills {
		if k%3 != 0 {
			if err := errors.Join(s.awaitReady(), s.awaitProgress(k%3 == 1)); err != nil {
				s.fail(fmt.Errorf("after %d kills: %w", k, err))
			}
		}
		if s.failure() != nil {
			break
		}
		time.Sleep(time.Duration(s.rand.IntN(60)) * time.Millisecond)
		s.kill()
		s.start(settings...)
	}
	if err := s.awaitReady(); err != nil {
		t.Fatal(err)
	}
	calm()
	if err := s.awaitStable(admin, members, 10*time.Second); err != nil {
		s.fail(err)
	}
	stormers.Wait()
	if err := s.failure(); err != nil {
		t.Fatal(err)
	}
	if err := s.awaitProcessed(admin); err != nil {
		t.Fatal(err)
	}
	records, commits := len(s.acked), maps.Clone(s.commits)
	home()
	workers.Wait()
	if err := s.check(partitions); err != nil {
		t.Fatal(err)
	}
	s.stop()
	t.Logf("%d kills, %d records processed, %d lives of a topic, offsets of %d partitions read %d times: no commit went back", kills, records, s.now.number, len(commits), s.reads)
}
