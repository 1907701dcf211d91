package bobbintest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// wire is a connection without a client: a request, its answer.
type wire struct {
	net.Conn
	next int32
}

func dial(t testing.TB, b *bobbintest.Broker) *wire {
	t.Helper()
	c, err := b.Dial(t.Context(), "tcp", "memory:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &wire{Conn: c}
}

// ask sends a request in its version and reads the answer.
func (w *wire) ask(req kmsg.Request) (kmsg.Response, error) {
	w.next++
	if _, err := w.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, w.next)); err != nil {
		return nil, err
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(w, head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head)-4)
	if _, err := io.ReadFull(w, body); err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	if req.IsFlexible() && req.Key() != int16(kmsg.ApiVersions) {
		body = body[1:]
	}
	return resp, resp.ReadFrom(body)
}

// refusable are requests that name one of each thing.
func refusable() []kmsg.Request {
	id := [16]byte{15: 7}
	return []kmsg.Request{
		&kmsg.ProduceRequest{Acks: -1, Topics: []kmsg.ProduceRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 3, Records: []byte("no batch")}}}}},
		&kmsg.FetchRequest{MaxBytes: 100, Topics: []kmsg.FetchRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{{Partition: 3}}}}},
		&kmsg.ListOffsetsRequest{Topics: []kmsg.ListOffsetsRequestTopic{{Topic: "t", Partitions: []kmsg.ListOffsetsRequestTopicPartition{{Partition: 3}}}}},
		&kmsg.OffsetForLeaderEpochRequest{ReplicaID: -1, Topics: []kmsg.OffsetForLeaderEpochRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetForLeaderEpochRequestTopicPartition{{Partition: 3}}}}},
		&kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("t")}}},
		&kmsg.OffsetCommitRequest{Group: "g", Topics: []kmsg.OffsetCommitRequestTopic{{Topic: "t", TopicID: id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Partition: 3}}}}},
		&kmsg.OffsetFetchRequest{Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: "t", Partitions: []int32{3}}},
			Groups: []kmsg.OffsetFetchRequestGroup{{Group: "g", Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: "t", TopicID: id, Partitions: []int32{3}}}}}},
		&kmsg.FindCoordinatorRequest{CoordinatorKey: "g", CoordinatorKeys: []string{"g"}},
		&kmsg.JoinGroupRequest{Group: "g"},
		&kmsg.HeartbeatRequest{Group: "g"},
		&kmsg.LeaveGroupRequest{Group: "g"},
		&kmsg.SyncGroupRequest{Group: "g"},
		&kmsg.CreateTopicsRequest{Topics: []kmsg.CreateTopicsRequestTopic{{Topic: "t", NumPartitions: 1, ReplicationFactor: 1}}},
		&kmsg.DeleteTopicsRequest{TopicNames: []string{"t"}, Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: kmsg.StringPtr("t")}}},
		&kmsg.DeleteRecordsRequest{Topics: []kmsg.DeleteRecordsRequestTopic{{Topic: "t", Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: 3}}}}},
		&kmsg.CreatePartitionsRequest{Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: "t", Count: 2}}},
		&kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1},
	}
}

// In every version that the broker serves the answer carries the error once, wherever it has the place for it, and names what was asked about.
func TestErrorsStandInTheAnswersOfEveryVersion(t *testing.T) {
	b := bobbintest.Start(t)
	served, err := dial(t, b).ask(kmsg.NewPtrApiVersionsRequest())
	if err != nil {
		t.Fatal(err)
	}
	requests := refusable()
	for _, api := range served.(*kmsg.ApiVersionsResponse).ApiKeys {
		i := slices.IndexFunc(requests, func(r kmsg.Request) bool { return r.Key() == api.ApiKey })
		if i < 0 {
			continue
		}
		req := requests[i]
		requests = slices.Delete(requests, i, i+1)
		name := kmsg.NameForKey(req.Key())
		end := b.Fail(t, name, bobbintest.Fault{Error: "POLICY_VIOLATION"})
		for v := api.MinVersion; v <= api.MaxVersion; v++ {
			req.SetVersion(v)
			resp, err := dial(t, b).ask(req)
			if err != nil {
				t.Errorf("%s, version %d: %v", name, v, err)
				continue
			}
			if codes := codesIn(reflect.ValueOf(resp)); !slices.Contains(codes, kerr.PolicyViolation.Code) {
				t.Errorf("%s, version %d: the answer has the codes %v: %+v", name, v, codes, resp)
			}
		}
		if met := end(); met != int(api.MaxVersion-api.MinVersion)+1 {
			t.Errorf("%s: %d requests met the fault", name, met)
		}
	}
	for _, req := range requests {
		t.Errorf("%s is not served", kmsg.NameForKey(req.Key()))
	}
}

// codesIn returns the fields ErrorCode in a response that are not 0.
func codesIn(v reflect.Value) (codes []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return codesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			codes = append(codes, codesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); v.Type().Field(i).Name == "ErrorCode" && f.Int() != 0 {
				codes = append(codes, int16(f.Int()))
			} else {
				codes = append(codes, codesIn(f)...)
			}
		}
	}
	return codes
}

func TestAFaultMeetsAsManyRequestsAsItSays(t *testing.T) {
	b := bobbintest.Start(t)
	w := dial(t, b)
	heartbeat := func() int16 {
		t.Helper()
		resp, err := w.ask(&kmsg.HeartbeatRequest{Group: "g"})
		if err != nil {
			t.Fatal(err)
		}
		return resp.(*kmsg.HeartbeatResponse).ErrorCode
	}
	const ordinary = 25 // UNKNOWN_MEMBER_ID
	first := b.Fail(t, "Heartbeat", bobbintest.Fault{Error: "27", Times: 2})
	second := b.Fail(t, "heartbeat", bobbintest.Fault{Error: "rebalance-in-progress"})
	b.Fail(t, "SyncGroup", bobbintest.Fault{Error: "NOT_COORDINATOR"})
	for i, want := range []int16{27, 27, 27, 27} {
		if got := heartbeat(); got != want {
			t.Errorf("heartbeat %d: %d, want %d", i, got, want)
		}
	}
	if n, m := first(), second(); n != 2 || m != 2 {
		t.Errorf("the faults met %d and %d", n, m)
	}
	if got := heartbeat(); got != ordinary {
		t.Errorf("after the faults: %d", got)
	}
}

func TestADroppedRequestBreaksItsConnectionOnly(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	other := dial(t, b)
	end := b.Fail(t, "Heartbeat", bobbintest.Fault{Drop: true, Times: 1})
	w := dial(t, b)
	if _, err := w.ask(&kmsg.HeartbeatRequest{Group: "g"}); !errors.Is(err, io.EOF) {
		t.Errorf("the connection says %v", err)
	}
	for _, w := range []*wire{other, dial(t, b)} {
		if _, err := w.ask(&kmsg.HeartbeatRequest{Group: "g"}); err != nil {
			t.Errorf("another connection: %v", err)
		}
	}
	if end() != 1 {
		t.Error("the fault met something else")
	}
}

// Clients get over every fault of a write, and what they write is there once, in order: also what was stored without an answer.
func TestWritersGetOverFaults(t *testing.T) {
	for name, f := range map[string]bobbintest.Fault{
		"the request is lost":        {Drop: true},
		"the answer is lost":         {Drop: true, Handled: true},
		"refused":                    {Error: "NOT_LEADER_OR_FOLLOWER"},
		"stored, and yet an error":   {Error: "REQUEST_TIMED_OUT", Handled: true},
		"late":                       {Delay: 5 * time.Millisecond},
		"late, and the answer lost ": {Delay: time.Millisecond, Drop: true, Handled: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bobbintest.Start(t)
			b.CreateTopic(t, "cars", 1)
			c := open(t, b)
			f.Times = 3
			end := b.Fail(t, "Produce", f)
			var want []string
			for i := range 6 {
				values := numbered(fmt.Sprint(i, " "), 100)
				mustWrite(t, c, "cars", values...)
				want = append(want, values...)
			}
			if met := end(); met != 3 {
				t.Errorf("%d requests met the fault", met)
			}
			if got := read(t, c, "cars"); !slices.Equal(got, want) {
				t.Errorf("%d rows are there, %d were written", len(got), len(want))
			}
		})
	}
}

// A broker that dies between a connection and its first request is no wrong configuration, which the client library takes it for.
func TestWritersGetOverAConnectionThatBreaksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.CreateTopic(t, "cars", 1)
		for _, api := range []string{"InitProducerId", "Produce", "Metadata", "ApiVersions"} {
			b.Fail(t, api, bobbintest.Fault{Drop: true, Times: 3})
		}
		mustWrite(t, open(t, b), "cars", "a")
	})
}

// What was asked for on a connection before the request that is dropped is still answered.
func TestAnswersBeforeADropStillLeave(t *testing.T) {
	b := bobbintest.Start(t)
	w := dial(t, b)
	b.Fail(t, "Heartbeat", bobbintest.Fault{Drop: true})
	f := kmsg.NewRequestFormatter()
	var out []byte
	for i := range int32(5) {
		out = append(out, f.AppendRequest(nil, &kmsg.FindCoordinatorRequest{CoordinatorKey: "g"}, i)...)
	}
	if _, err := w.Write(append(out, f.AppendRequest(nil, &kmsg.HeartbeatRequest{Group: "g"}, 5)...)); err != nil {
		t.Fatal(err)
	}
	in, err := io.ReadAll(w)
	if err != nil {
		t.Fatal(err)
	}
	answers := 0
	for len(in) > 4 {
		in = in[4+binary.BigEndian.Uint32(in):]
		answers++
	}
	if answers != 5 {
		t.Errorf("%d answers came", answers)
	}
}

// A consumer that fetches in sessions meets errors like any other, and goes on.
func TestReadersGetOverFaults(t *testing.T) { synctest.Test(t, testReadersGetOverFaults) }

func testReadersGetOverFaults(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	c := open(t, b)
	reader := franz(t, b, kgo.ConsumeTopics("cars"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	next := 0
	for _, f := range []bobbintest.Fault{{Error: "NOT_LEADER_OR_FOLLOWER"}, {Drop: true}, {Drop: true, Handled: true}, {Error: "KAFKA_STORAGE_ERROR", Handled: true}, {Delay: time.Millisecond}} {
		f.Times = 2
		end := b.Fail(t, "Fetch", f)
		for range 5 {
			mustWrite(t, c, "cars", fmt.Sprint(next))
			for got := false; !got; {
				for _, r := range reader.PollFetches(t.Context()).Records() {
					if string(r.Value) != fmt.Sprint(next) {
						t.Fatalf("%+v: got %s, want %d", f, r.Value, next)
					}
					next, got = next+1, true
				}
			}
		}
		if met := end(); met != 2 {
			t.Errorf("%+v met %d fetches", f, met)
		}
	}
}

func TestADelayIsAsLongAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.Fail(t, "Heartbeat", bobbintest.Fault{Delay: 7 * time.Minute, Times: 1})
		w := dial(t, b)
		const way = time.Millisecond // of every request in virtual time
		for _, want := range []time.Duration{7*time.Minute + way, way} {
			began := time.Now()
			if _, err := w.ask(&kmsg.HeartbeatRequest{Group: "g"}); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(began); got != want {
				t.Errorf("the answer came after %v", got)
			}
		}
	})
}

// A stop does not wait for a request that is delayed, and a killed broker forgets it.
func TestDelaysEndWithTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		b.Fail(t, "Heartbeat", bobbintest.Fault{Delay: 24 * time.Hour})
		for _, stop := range []func(testing.TB){b.Stop, b.Kill} {
			w := dial(t, b)
			answered := make(chan error)
			go func() {
				_, err := w.ask(&kmsg.HeartbeatRequest{Group: "g"})
				answered <- err
			}()
			synctest.Wait()
			began := time.Now()
			go stop(t)
			<-answered
			if passed := time.Since(began); passed > time.Minute {
				t.Errorf("that took %v", passed)
			}
			synctest.Wait()
			b.Restart(t)
		}
	})
}

func TestTheBrokersOwnRequestsMeetNoFault(t *testing.T) {
	b := bobbintest.Start(t)
	for _, api := range []string{"CreateTopics", "Metadata", "ApiVersions", "CreatePartitions", "DeleteTopics"} {
		b.Fail(t, api, bobbintest.Fault{Drop: true})
	}
	b.CreateTopic(t, "cars", 1, "retention.ms=1000")
	b.AddPartitions(t, "cars", 3)
	b.DeleteTopic(t, "cars")
	c, err := kafka.Open(kafka.Options{Dial: b.Dial, Timeout: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: "cars"}); err == nil {
		t.Error("a client's request got through")
	}
}

// spy is a test that is told of its failure.
type spy struct {
	testing.TB
	said string
}

func (s *spy) Errorf(format string, args ...any) { s.said = fmt.Sprintf(format, args...) }
func (s *spy) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}
func (s *spy) Fatal(args ...any) { s.Fatalf("%s", fmt.Sprint(args...)) }

// failure returns what a test says when it fails, or "".
func failure(t testing.TB, test func(testing.TB)) string {
	s := &spy{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(s)
	}()
	<-done
	return s.said
}

func TestNonsenseFailsTheTest(t *testing.T) {
	b := bobbintest.Start(t)
	for want, test := range map[string]func(testing.TB){
		"no such request":    func(t testing.TB) { b.Fail(t, "Prduce", bobbintest.Fault{Drop: true}) },
		"no such error":      func(t testing.TB) { b.Fail(t, "Produce", bobbintest.Fault{Error: "NO_SUCH"}) },
		"exclude each other": func(t testing.TB) { b.Fail(t, "Produce", bobbintest.Fault{Error: "6", Drop: true}) },
		"set Delay, Error":   func(t testing.TB) { b.Fail(t, "Produce", bobbintest.Fault{Handled: true, Delay: 1}) },
		"only delayed or":    func(t testing.TB) { b.Fail(t, "DescribeCluster", bobbintest.Fault{Error: "6"}) },
		"not NAME=VALUE":     func(t testing.TB) { b.CreateTopic(t, "cars", 1, "retention.ms") },
		"retention.mss":      func(t testing.TB) { b.CreateTopic(t, "cars", 1, "retention.mss=1") },
		"no.such.setting": func(t testing.TB) {
			bobbintest.StartWith(t, bobbintest.Options{Settings: map[string]string{"no.such.setting": "1"}})
		},
		"is down": func(t testing.TB) {
			down := bobbintest.Start(t)
			down.Stop(t)
			down.CreateTopic(t, "cars", 1)
		},
	} {
		if said := failure(t, test); !strings.Contains(said, want) {
			t.Errorf("the test says %q, want %q", said, want)
		}
	}
}
