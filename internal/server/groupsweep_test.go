package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// The marks that the workload leaves between the file system's operations. A group goes from state to state: one that was tried may be found after a crash, one that
// was answered or seen, or a later one, must be.
type (
	triedMark struct {
		group string
		state groupState
	}
	knownMark struct { // answered, or shown to a reader
		group string
		try   int
	}
	lifeMark struct { // of the topic that is made again and again
		life int
		id   catalog.ID // when it is made
		gone bool       // the deletion is answered
	}
)

// groupState is all that is durable of a group. It is immutable.
type groupState struct {
	there      bool
	kind       string            // the protocol type
	generation int32             // not shown
	leader     string            // not shown; empty without members
	left       bool              // a member has left, and there is no new generation yet
	members    map[string]string // id to assignment
	offsets    map[string]int64  // by topic/partition
}

func (s groupState) String() string {
	if !s.there || s.kind == "" && len(s.offsets) == 0 {
		return "none" // a group without anything may be gone or not
	}
	var b strings.Builder
	b.WriteString(s.kind)
	if s.left {
		b.WriteString(" rebalancing")
	}
	for _, m := range slices.Sorted(maps.Keys(s.members)) {
		fmt.Fprintf(&b, " %s=%s", m, s.members[m])
	}
	for _, p := range slices.Sorted(maps.Keys(s.offsets)) {
		fmt.Fprintf(&b, " %s:%d", p, s.offsets[p])
	}
	return b.String()
}

// with returns the state with other offsets.
func (s groupState) with(offsets map[string]int64) groupState {
	s.there, s.offsets = true, maps.Clone(s.offsets)
	if s.offsets == nil {
		s.offsets = make(map[string]int64)
	}
	maps.Copy(s.offsets, offsets)
	return s
}

func (s groupState) without(topic string) groupState {
	s.offsets = maps.Clone(s.offsets)
	maps.DeleteFunc(s.offsets, func(p string, _ int64) bool { return strings.HasPrefix(p, topic+"/") })
	return s
}

const (
	steadyTopic = "t" // two partitions
	againTopic  = "r" // one; deleted and made again
	lifeOffsets = 100_000
)

// trial makes what is fatal to a test an error of the one image that is looked at.
type trial struct{ testing.TB }

func (trial) Fatalf(format string, a ...any) { panic(fmt.Errorf(format, a...)) }
func (trial) Helper()                        {}

func try(err *error) {
	if r := recover(); r != nil {
		bad, ok := r.(error)
		if !ok {
			panic(r)
		}
		*err = bad
	}
}

// openSweep starts a whole server on a small store: everything happens early. The clock is the caller's.
func openSweep(t testing.TB, fsys vfs.FS, now *atomic.Int64) (*bench, error) {
	conf, err := catalog.NewBroker(map[string]string{"group.initial.rebalance.delay.ms": "0", "offsets.topic.num.partitions": "2"})
	if err != nil {
		return nil, err
	}
	clock := func() time.Time { return time.UnixMilli(now.Load()) }
	st, err := store.Open(context.Background(), store.Options{
		FS: fsys, Dir: "data", Settings: conf, Now: clock, TailBytes: 4 << 20, PieceBytes: 4 << 10, WALFileBytes: 1 << 20, WALBytes: 4 << 20, CheckpointBytes: 48 << 10,
		BallastBytes: -1, OpenFiles: 16, CheckpointEvery: time.Hour, RetentionEvery: time.Hour, CleanEvery: -1, SealAfter: time.Millisecond,
	})
	if err != nil {
		return nil, fmt.Errorf("it does not open: %w", err)
	}
	return &bench{Server: New(Options{Store: st, Now: clock}), t: t, store: st}, nil
}

func (b *bench) connect() *peer {
	nc, err := b.Dial(context.Background())
	if err != nil {
		b.t.Fatalf("dial: %v", err)
	}
	nc.SetDeadline(time.Now().Add(time.Minute))
	return &peer{Conn: nc, t: b.t}
}

// groupWorkload is clients of one server, in one goroutine: requests of different groups are under way together, those of one group follow each other.
type groupWorkload struct {
	rec    *vfs.Recorder
	b      *bench
	now    atomic.Int64
	r      *rand.Rand
	groups []*sweptGroup
	admin  *peer
	other  *peer // reads, and makes topics while the other deletes
	life   int
	serial int64 // of offsets
}

type sweptGroup struct {
	name  string
	state groupState
	tries int
	conns [2]*peer
}

func (w *groupWorkload) try(g *sweptGroup, s groupState) int {
	g.state = s
	w.rec.Mark(triedMark{g.name, s})
	g.tries++
	return g.tries
}

func (w *groupWorkload) known(g *sweptGroup, try int) { w.rec.Mark(knownMark{g.name, try}) }

func (w *groupWorkload) fatal(err error, what string) {
	if err != nil {
		panic(fmt.Errorf("%s: %w", what, err))
	}
}

func (w *groupWorkload) accept(code int16, what string) { w.fatal(kerr.ErrorForCode(code), what) }

// commitMany commits for a group as its leader, or as nobody when it has no members; by name, or by the topics' ids.
func commitMany(st *store.Store, group, member string, generation int32, offsets map[string]int64, byID bool) *kmsg.OffsetCommitRequest {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.Generation = 9, group, member, generation
	if member == "" {
		req.Generation = -1
	}
	for _, topic := range []string{steadyTopic, againTopic} {
		rt := kmsg.NewOffsetCommitRequestTopic()
		rt.Topic = topic
		if byID {
			req.Version = 10
			rt.TopicID = st.Topic(topic).ID
		}
		for _, p := range slices.Sorted(maps.Keys(offsets)) {
			if name, n, _ := strings.Cut(p, "/"); name == topic {
				rp := kmsg.NewOffsetCommitRequestTopicPartition()
				rp.Partition, rp.Offset, rp.Metadata = int32(n[0]-'0'), offsets[p], kmsg.StringPtr(strings.Repeat("m", 100))
				rt.Partitions = append(rt.Partitions, rp)
			}
		}
		if len(rt.Partitions) > 0 {
			req.Topics = append(req.Topics, rt)
		}
	}
	return req
}

func acceptCommit(resp *kmsg.OffsetCommitResponse) error {
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit for %s/%d: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}

// commitAll has all groups commit at the same time, while somebody reads.
func (w *groupWorkload) commitAll() {
	type sent struct {
		try     int
		id      int32
		version int16
	}
	var all []sent
	for _, g := range w.groups {
		offsets := make(map[string]int64)
		for _, p := range []string{"t/0", "t/1", "r/0"} {
			if w.serial++; w.r.IntN(3) > 0 {
				offsets[p] = w.serial
				if p == "r/0" {
					offsets[p] += int64(w.life) * lifeOffsets
				}
			}
		}
		s := sent{}
		if len(offsets) > 0 {
			s.try = w.try(g, g.state.with(offsets))
			req := commitMany(w.b.store, g.name, g.state.leader, g.state.generation, offsets, w.r.IntN(2) == 0)
			s.id, s.version = g.conns[0].send(req), req.Version
		}
		all = append(all, s)
	}
	seen := view(w.other, w.names())
	for i, g := range w.groups {
		if seen[g.name].String() == g.state.String() {
			w.known(g, g.tries)
		}
		if all[i].try == 0 {
			continue
		}
		resp := kmsg.NewPtrOffsetCommitResponse()
		resp.Version = all[i].version
		g.conns[0].receive(all[i].id, resp)
		w.fatal(acceptCommit(resp), g.name)
		w.known(g, all[i].try)
	}
}

func (w *groupWorkload) names() (names []string) {
	for _, g := range w.groups {
		names = append(names, g.name)
	}
	return names
}

// view reads all that a broker shows of groups.
func view(p *peer, names []string) map[string]groupState {
	all := make(map[string]groupState)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Version, describe.Groups = 6, names
	for _, g := range ask[*kmsg.DescribeGroupsResponse](p, describe).Groups {
		s := groupState{there: g.ErrorCode == 0, kind: g.ProtocolType, members: make(map[string]string), offsets: make(map[string]int64)}
		if g.ErrorCode != 0 && g.ErrorCode != kerr.GroupIDNotFound.Code {
			p.t.Fatalf("describe %s: %s", g.Group, name(g.ErrorCode))
		}
		for _, m := range g.Members {
			s.members[m.MemberID] = string(m.MemberAssignment)
		}
		s.left = g.State == "PreparingRebalance"
		if busy := s.left || g.State == "Stable"; busy != (len(s.members) > 0) {
			p.t.Fatalf("group %s is %s with %d members", g.Group, g.State, len(s.members))
		}
		all[g.Group] = s
	}
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version = 9
	for _, n := range names {
		g := kmsg.NewOffsetFetchRequestGroup()
		g.Group = n
		fetch.Groups = append(fetch.Groups, g)
	}
	for _, g := range ask[*kmsg.OffsetFetchResponse](p, fetch).Groups {
		if g.ErrorCode != 0 {
			p.t.Fatalf("offsets of %s: %s", g.Group, name(g.ErrorCode))
		}
		s := all[g.Group]
		for _, t := range g.Topics {
			for _, x := range t.Partitions {
				s.offsets[fmt.Sprintf("%s/%d", t.Topic, x.Partition)] = x.Offset
			}
		}
		all[g.Group] = s
	}
	return all
}

// joinSwept joins as a consumer of the topic that stays.
func joinSwept(group, member string) *kmsg.JoinGroupRequest {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = []string{steadyTopic}
	req := joinAs(group, member, m.AppendTo(nil))
	req.SessionTimeoutMillis, req.RebalanceTimeoutMillis = 1_000_000, 1_000_000
	return req
}

func (w *groupWorkload) newMember(g *sweptGroup, conn int) string {
	r := ask[*kmsg.JoinGroupResponse](g.conns[conn], joinSwept(g.name, ""))
	if r.ErrorCode != kerr.MemberIDRequired.Code {
		w.accept(r.ErrorCode, "join without an id")
	}
	return r.MemberID
}

// complete ends a rebalance whose answer to the leader, on the first connection, is under way. Followers are on the second.
func (w *groupWorkload) complete(g *sweptGroup, leaderJoin int32, leader, follower string, followerJoin int32) {
	joined := kmsg.NewPtrJoinGroupResponse()
	joined.Version = 9
	g.conns[0].receive(leaderJoin, joined)
	w.accept(joined.ErrorCode, "join of the leader")
	s := g.state
	s.there, s.kind, s.generation, s.leader, s.left, s.members = true, "consumer", joined.Generation, leader, false, map[string]string{leader: fmt.Sprintf("first-in-%d", joined.Generation)}
	if follower != "" {
		s.members[follower] = fmt.Sprintf("second-in-%d", joined.Generation)
		second := kmsg.NewPtrJoinGroupResponse()
		second.Version = 9
		g.conns[1].receive(followerJoin, second)
		w.accept(second.ErrorCode, "join of the other member")
	}
	try := w.try(g, s)
	sync := func(member string) *kmsg.SyncGroupRequest {
		req := kmsg.NewPtrSyncGroupRequest()
		req.Version, req.Group, req.MemberID, req.Generation = 5, g.name, member, joined.Generation
		req.ProtocolType, req.Protocol = kmsg.StringPtr("consumer"), kmsg.StringPtr("range")
		return req
	}
	req := sync(leader)
	for m, a := range s.members {
		req.GroupAssignment = append(req.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{MemberID: m, MemberAssignment: []byte(a)})
	}
	w.accept(ask[*kmsg.SyncGroupResponse](g.conns[0], req).ErrorCode, "sync of the leader")
	w.known(g, try)
	if follower != "" {
		w.accept(ask[*kmsg.SyncGroupResponse](g.conns[1], sync(follower)).ErrorCode, "sync of the other member")
	}
}

// rejoin waits until the leader is told of a rebalance, and has it join again.
func (w *groupWorkload) rejoin(g *sweptGroup, leader string) int32 {
	for {
		beat := kmsg.NewPtrHeartbeatRequest()
		beat.Version, beat.Group, beat.MemberID, beat.Generation = 4, g.name, leader, g.state.generation
		code := ask[*kmsg.HeartbeatResponse](g.conns[0], beat).ErrorCode
		if code == kerr.RebalanceInProgress.Code {
			return g.conns[0].send(joinSwept(g.name, leader))
		}
		w.accept(code, "heartbeat")
	}
}

func (w *groupWorkload) enter(g *sweptGroup) {
	if len(g.state.members) > 0 {
		return
	}
	leader := w.newMember(g, 0)
	w.complete(g, g.conns[0].send(joinSwept(g.name, leader)), leader, "", 0)
}

// second has another member come.
func (w *groupWorkload) second(g *sweptGroup) {
	leader := g.state.leader
	if len(g.state.members) != 1 {
		return
	}
	follower := w.newMember(g, 1)
	join := g.conns[1].send(joinSwept(g.name, follower))
	w.complete(g, w.rejoin(g, leader), leader, follower, join)
}

func (w *groupWorkload) leave(p *peer, group, member string) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group = 5, group
	m := kmsg.NewLeaveGroupRequestMember()
	m.MemberID = member
	req.Members = append(req.Members, m)
	r := ask[*kmsg.LeaveGroupResponse](p, req)
	w.accept(r.ErrorCode, "leave")
	w.accept(r.Members[0].ErrorCode, "leave")
}

// leaveOne has the last member that came leave; when it was the only one, the group is empty.
func (w *groupWorkload) leaveOne(g *sweptGroup) {
	leader := g.state.leader
	switch len(g.state.members) {
	case 1:
		s := g.state
		s.members, s.leader = nil, ""
		try := w.try(g, s)
		w.leave(g.conns[0], g.name, leader)
		w.known(g, try)
	case 2:
		s, follower := g.state, ""
		for m := range s.members {
			if m != leader {
				follower = m
			}
		}
		s.left, s.members = true, map[string]string{leader: s.members[leader]}
		try := w.try(g, s)
		w.leave(g.conns[1], g.name, follower)
		w.known(g, try)
		w.complete(g, w.rejoin(g, leader), leader, "", 0)
	}
}

func (w *groupWorkload) deleteGroup(g *sweptGroup) {
	if len(g.state.members) > 0 || !g.state.there {
		return
	}
	try := w.try(g, groupState{})
	req := kmsg.NewPtrDeleteGroupsRequest()
	req.Version, req.Groups = 2, []string{g.name}
	w.accept(ask[*kmsg.DeleteGroupsResponse](w.admin, req).Groups[0].ErrorCode, "delete "+g.name)
	w.known(g, try)
}

// deleteOffsets deletes the offsets of the topic that nobody subscribes to.
func (w *groupWorkload) deleteOffsets(g *sweptGroup) {
	if !g.state.there {
		return
	}
	try := w.try(g, g.state.without(againTopic))
	req := kmsg.NewPtrOffsetDeleteRequest()
	req.Group = g.name
	req.Topics = []kmsg.OffsetDeleteRequestTopic{{Topic: againTopic, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}
	r := ask[*kmsg.OffsetDeleteResponse](w.admin, req)
	w.accept(r.ErrorCode, "delete offsets of "+g.name)
	w.accept(r.Topics[0].Partitions[0].ErrorCode, "delete offsets of "+g.name)
	w.known(g, try)
}

// rebirth deletes the topic and makes it again: when the deletion is answered, or as soon as the name is free.
func (w *groupWorkload) rebirth(early bool) {
	tries := make([]int, len(w.groups))
	for i, g := range w.groups {
		tries[i] = w.try(g, g.state.without(againTopic))
	}
	del := kmsg.NewPtrDeleteTopicsRequest()
	del.Version, del.TopicNames, del.TimeoutMillis = 5, []string{againTopic}, 30_000
	sent := w.admin.send(del)
	w.life++
	if early {
		w.makeAgain()
	}
	resp := kmsg.NewPtrDeleteTopicsResponse()
	resp.Version = 5
	w.admin.receive(sent, resp)
	w.accept(resp.Topics[0].ErrorCode, "delete the topic")
	w.rec.Mark(lifeMark{life: w.life - 1, gone: true})
	for i, g := range w.groups {
		w.known(g, tries[i])
	}
	if !early {
		w.makeAgain()
	}
}

func (w *groupWorkload) makeAgain() {
	for {
		t, err := w.b.store.CreateTopic(context.Background(), catalog.NewTopic{Name: againTopic, Partitions: 1, ReplicationFactor: -1})
		var refused *catalog.Error
		if errors.As(err, &refused) && refused.Kind == catalog.TopicExists {
			continue // the deletion is on its way
		}
		w.fatal(err, "make the topic again")
		w.rec.Mark(lifeMark{life: w.life, id: t.ID})
		return
	}
}

// begin starts a server on the file system and connects.
func (w *groupWorkload) begin(t testing.TB, fsys vfs.FS) {
	b, err := openSweep(t, fsys, &w.now)
	w.fatal(err, "open")
	w.b, w.admin, w.other = b, b.connect(), b.connect()
	for _, g := range w.groups {
		g.conns = [2]*peer{b.connect(), b.connect()}
	}
}

func (w *groupWorkload) run(t testing.TB, fsys vfs.FS, lies *atomic.Bool, rounds int) (err error) {
	defer func() {
		if err != nil && w.b != nil {
			w.b.Close()
			w.b.store.Abort()
		}
	}()
	defer try(&err)
	for round := range rounds {
		w.begin(t, fsys)
		if round == 0 {
			_, err := w.b.store.CreateTopic(context.Background(), catalog.NewTopic{Name: steadyTopic, Partitions: 2, ReplicationFactor: -1})
			w.fatal(err, "create")
			w.makeAgain()
			w.commitAll() // the first makes the topic of the groups
			var changes []catalog.ConfigChange
			for k, v := range map[string]string{"segment.ms": "40", "min.cleanable.dirty.ratio": "0.01", "file.delete.delay.ms": "0"} {
				changes = append(changes, catalog.ConfigChange{Name: k, Value: &v})
			}
			w.fatal(w.b.store.AlterConfigs(context.Background(), offsetsTopic, changes), "alter")
			lies.Store(true)
		}
		cleaned := int64(0)
		for step := range 30 {
			w.now.Add(int64(1 + w.r.IntN(20)))
			w.commitAll()
			g := w.groups[3+step/10%2] // of those with members
			switch step % 10 {
			case 0, 3:
				w.enter(g)
			case 1, 5:
				w.second(g)
			case 2:
				w.deleteOffsets(w.groups[w.r.IntN(len(w.groups))])
			case 4:
				w.rebirth(step%20 == 4)
			case 6:
				w.deleteGroup(w.groups[w.r.IntN(3)])
			case 7:
				w.leaveOne(g)
			case 8:
				w.leaveOne(g)
				if step < 10 {
					w.deleteGroup(g)
				}
			case 9:
				_, err := w.b.store.Clean(context.Background())
				w.fatal(err, "clean")
				st := w.b.store.Stats().Compaction
				if cleaned += st.Cleanings; st.Uncleanable > 0 {
					return fmt.Errorf("%d partitions cannot be compacted", st.Uncleanable)
				}
			}
		}
		if cleaned == 0 {
			return errors.New("nothing was compacted")
		}
		for name, got := range view(w.other, w.names()) {
			i := slices.IndexFunc(w.groups, func(g *sweptGroup) bool { return g.name == name })
			if want := w.groups[i].state.String(); got.String() != want {
				return fmt.Errorf("round %d: group %s is %q, not %q", round, name, got, want)
			}
		}
		if round%2 == 0 {
			w.fatal(w.b.Shutdown(context.Background()), "shut down")
			w.fatal(w.b.store.Close(), "close")
		} else {
			w.b.Close()
			w.b.store.Abort()
		}
	}
	return nil
}

// groupExpectation is what an image must and may hold, by the marks.
type groupExpectation struct {
	tried map[string][]groupState // the first is that there is none
	known map[string]int          // which of them, or a later one, must be found
	lives map[catalog.ID]int      // of the topic that is made again
	gone  int                     // lives below are over
	last  int                     // life that was tried
	now   *atomic.Int64
}

func (e *groupExpectation) add(m any) {
	switch m := m.(type) {
	case triedMark:
		if e.tried[m.group] == nil {
			e.tried[m.group] = []groupState{{}}
		}
		e.tried[m.group] = append(e.tried[m.group], m.state)
	case knownMark:
		e.known[m.group] = max(e.known[m.group], m.try)
	case lifeMark:
		if m.gone {
			e.gone = max(e.gone, m.life+1)
		} else {
			e.lives[m.id] = m.life
			e.last = max(e.last, m.life)
		}
	}
}

// check starts a server on an image and says what is wrong. Early has the topic, if it is gone, made again before the groups are loaded; again goes on with the
// groups, compacts, stops and starts once more.
func (e *groupExpectation) check(t testing.TB, image *vfs.Mem, early, again bool) (err error) {
	b, err := openSweep(trial{t}, image, e.now)
	if err != nil {
		return err
	}
	defer func() {
		b.Close()
		b.store.Abort()
	}()
	defer try(&err)
	if n := len(b.store.Recovery().Offline); n > 0 {
		return fmt.Errorf("%d partitions are offline", n)
	}
	life := -1
	if topic := b.store.Topic(againTopic); topic != nil {
		var ok bool
		if life, ok = e.lives[topic.ID]; !ok {
			life = e.last + 1 // it was not told that it was made
		}
		if life < e.gone {
			return fmt.Errorf("life %d of the topic is back; it was deleted", life)
		}
	} else if early {
		if _, err := b.store.CreateTopic(context.Background(), catalog.NewTopic{Name: againTopic, Partitions: 1, ReplicationFactor: -1}); err != nil {
			return err
		}
		life = e.last + 1
	}
	p := b.connect()
	found, err := e.settled(p, life)
	if err != nil || !again {
		return err
	}
	if err := e.goOn(b, p, found); err != nil {
		return err
	}
	after := view(p, e.groups())
	if _, err := b.store.Clean(context.Background()); err != nil {
		return err
	}
	if err := b.Shutdown(context.Background()); err != nil {
		return err
	}
	if err := b.store.Close(); err != nil {
		return err
	}
	if b, err = openSweep(trial{t}, image, e.now); err != nil {
		return fmt.Errorf("after a clean stop: %w", err)
	}
	for name, s := range view(b.connect(), e.groups()) {
		if s.String() != after[name].String() {
			return fmt.Errorf("after another compaction and a clean stop group %s is %q, not %q", name, s, after[name])
		}
	}
	return nil
}

func (e *groupExpectation) groups() []string { return slices.Sorted(maps.Keys(e.tried)) }

// settled waits until the offsets of a topic that is gone are, and returns which state each group is found in. Whatever else is wrong is wrong at once.
func (e *groupExpectation) settled(p *peer, life int) (map[string]groupState, error) {
	if len(e.tried) == 0 {
		return nil, nil
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		found, waits := make(map[string]groupState), ""
		for name, got := range view(p, e.groups()) {
			if o, ok := got.offsets[againTopic+"/0"]; ok && life >= 0 && o/lifeOffsets != int64(life) {
				return nil, fmt.Errorf("group %s has offset %d of another life than %d of the topic", name, o, life)
			} else if ok && life < 0 {
				waits = fmt.Sprintf("group %s has offset %d of a topic that is gone", name, o)
				continue
			}
			states := e.tried[name]
			i := len(states) - 1
			for i >= 0 && states[i].String() != got.String() {
				i--
			}
			if i < e.known[name] {
				return nil, fmt.Errorf("group %s is %q (state %d of %d); known was state %d, %q", name, got, i, len(states), e.known[name], states[e.known[name]])
			}
			found[name] = states[i]
		}
		if waits == "" {
			return found, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.New(waits)
		}
	}
}

// goOn has each group commit: as its member in its generation, which is the one that was found, or as nobody.
func (e *groupExpectation) goOn(b *bench, p *peer, found map[string]groupState) error {
	for name, s := range found {
		member := s.leader
		offsets := map[string]int64{"t/0": 1 << 40}
		if err := acceptCommit(ask[*kmsg.OffsetCommitResponse](p, commitMany(b.store, name, member, s.generation, offsets, false))); err != nil {
			return fmt.Errorf("group %s, %q, generation %d: %w", name, s, s.generation, err)
		}
		if member == "" {
			continue
		}
		r := ask[*kmsg.OffsetCommitResponse](p, commitMany(b.store, name, member, s.generation-1, offsets, false))
		if code := r.Topics[0].Partitions[0].ErrorCode; code != kerr.IllegalGeneration.Code {
			return fmt.Errorf("group %s: a commit of generation %d instead of %d: %v", name, s.generation-1, s.generation, kerr.ErrorForCode(code))
		}
	}
	return nil
}

// recordGroups runs the workload. When it lies, the log is not synced from a moment on.
func recordGroups(t *testing.T, seed uint64, lying bool) (*vfs.Recorder, *atomic.Int64) {
	t.Helper()
	rec := vfs.Record(vfs.NewMem())
	w := &groupWorkload{rec: rec, r: rand.New(rand.NewPCG(seed, 5))}
	w.now.Store(testTime.UnixMilli())
	for _, n := range []string{"simple-0", "simple-1", "simple-2", "members-0", "members-1"} {
		w.groups = append(w.groups, &sweptGroup{name: n})
	}
	lies, fsys := new(atomic.Bool), vfs.FS(rec)
	if lying {
		fsys = &unsynced{rec, lies}
	}
	if err := w.run(trial{t}, fsys, lies, 3); err != nil {
		t.Fatalf("the workload itself: %v", err)
	}
	return rec, &w.now
}

// unsynced says that it has synced the write-ahead log, and has not.
type unsynced struct {
	vfs.FS
	on *atomic.Bool
}

func (u *unsynced) Open(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := u.FS.Open(name, mode)
	if err == nil && strings.HasSuffix(name, ".wal") {
		f = &unsyncedFile{f, u.on}
	}
	return f, err
}

type unsyncedFile struct {
	vfs.File
	on *atomic.Bool
}

func (f *unsyncedFile) Sync() error {
	if f.on.Load() {
		return nil
	}
	return f.File.Sync()
}

// groupSweep crashes at operations of a recorded workload and returns how many images were checked, and what was wrong with the first bad one.
func groupSweep(t *testing.T, rec *vfs.Recorder, now *atomic.Int64, points int) (int, error) {
	every := max(1, rec.Count()*3/max(points, 1))
	if every%3 == 0 {
		every-- // otherwise all crashes would be of one kind
	}
	e := &groupExpectation{tried: make(map[string][]groupState), known: make(map[string]int), lives: make(map[catalog.ID]int), now: now}
	p, marks, checked, n := rec.Replay(), 0, 0, 0
	for more := true; more; {
		all := rec.Marks(p.Index())
		for ; marks < len(all); marks++ {
			e.add(all[marks])
		}
		for i, keep := range []vfs.Keep{vfs.KeepNone, vfs.KeepRandom, vfs.KeepAll} {
			if n++; n%every != 0 {
				continue
			}
			image := p.CrashAt(vfs.Crash{Keep: keep, Rand: rand.New(rand.NewPCG(uint64(n), uint64(i)))})
			checked++
			if err := e.check(t, image, checked%2 == 0, checked%5 == 0); err != nil {
				return checked, fmt.Errorf("crash at operation %d (%s), %s kept: %w", p.Index(), p.Op(), []string{"nothing un-synced", "a random part", "all"}[i], err)
			}
		}
		more = p.Next()
	}
	return checked, nil
}

// At every operation on the file system a crash leaves each group in the last state that was answered or seen, or in a later one that was tried, and whole: no commit
// is lost or goes back, no deleted group or offset returns, no offset shows for another topic than it was committed for. What is found goes on.
func TestGroupCrashSweep(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	points := 320
	if v := os.Getenv("BOBBIN_SWEEP"); v != "" {
		var err error
		if points, err = strconv.Atoi(v); err != nil || points < 1 {
			t.Fatalf("BOBBIN_SWEEP=%s is not a number of crash points", v)
		}
	}
	checked, ops := 0, 0
	for seed := uint64(1); checked < points; seed++ {
		rec, now := recordGroups(t, seed, false)
		n, err := groupSweep(t, rec, now, points-checked)
		checked, ops = checked+n, ops+rec.Count()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d crash points in %d file-system operations: no group lost anything", checked, ops)
}

// A disk that lies about the syncs of the log must be found out by the sweep: otherwise the sweep proves nothing.
func TestGroupCrashSweepFindsMissingSyncs(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	rec, now := recordGroups(t, 1, true)
	n, err := groupSweep(t, rec, now, 400)
	if err == nil {
		t.Fatalf("%d crash points and no loss was found", n)
	}
	t.Logf("found after %d crash points: %v", n, err)
}
