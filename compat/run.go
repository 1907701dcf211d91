package compat

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// scene is one case of the comparison: what is asked of a broker, in each of the versions. It never looks at the answers to decide what to ask but
// for ids, so that both brokers are asked the same.
type scene struct {
	name     string
	versions []int16 // of the request that the scene is about
	play     func(r *run, version int16)
}

// answers is what a broker answered in a scene: the fields of its answers by their path.
type answers map[string]string

// labelEnd stands between the label of a request and the field of its answer.
const labelEnd = ": "

// run is one scene in one version on one broker.
type run struct {
	names
	addr    string
	conn    *conn // opened when it is needed
	out     answers
	created []string // topics
	groups  []string
	clients []*member
	started time.Time
}

// broken ends a scene that cannot go on: the broker did not do what every scene rests on.
type broken struct{ err error }

func must[T any](v T, err error) T {
	if err != nil {
		panic(broken{err})
	}
	return v
}

// perform plays a scene on the broker at addr. The tag makes its topics' names its own.
func perform(addr, tag string, s scene, version int16) (_ answers, err error) {
	r := &run{addr: addr, out: answers{}, names: names{tag: tag, ids: map[[16]byte]string{}, members: map[string]string{}}}
	defer func() {
		switch b := recover().(type) {
		case nil:
		case broken:
			err = b.err
		default:
			panic(b)
		}
		if r.conn != nil {
			r.conn.Close()
		}
	}()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	r.host = host
	number, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return nil, err
	}
	r.port = int32(number)
	r.meet()
	defer r.clear()
	s.play(r, version)
	return r.out, nil
}

// meet learns what the broker calls itself.
func (r *run) meet() {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 12, []kmsg.MetadataRequestTopic{}
	resp := must(ask[kmsg.MetadataResponse](r, req))
	if len(resp.Brokers) != 1 || resp.ClusterID == nil {
		panic(broken{fmt.Errorf("the broker at %s must be a cluster of its own; it shows %d brokers", r.addr, len(resp.Brokers))})
	}
	r.node, r.cluster = resp.Brokers[0].NodeID, *resp.ClusterID
}

// clear deletes the groups and the topics of the scene.
func (r *run) clear() {
	r.clearGroups()
	if len(r.created) == 0 {
		return
	}
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames, req.TimeoutMillis = 5, r.created, 10_000
	r.reconnect()
	must(ask[kmsg.DeleteTopicsResponse](r, req)) // what it says of each is not asked: some scenes delete by themselves
}

func (r *run) connection() *conn {
	if r.conn == nil {
		r.conn = must(dial(r.addr))
	}
	return r.conn
}

func (r *run) reconnect() {
	if r.conn != nil {
		r.conn.Close()
		r.conn = nil
	}
}

// ask sends a request and returns its answer, of which nothing is noted.
func ask[R any](r *run, req kmsg.Request) (*R, error) {
	c := r.connection()
	if err := c.send(req); err != nil {
		return nil, err
	}
	resp, err := c.receive(req)
	if err != nil {
		return nil, err
	}
	return any(resp).(*R), nil
}

// note sends a request in the given version and notes the answer under the label.
func (r *run) note(label string, version int16, req kmsg.Request) kmsg.Response {
	req.SetVersion(version)
	c := r.connection()
	if err := c.send(req); err != nil {
		r.failed(label, err)
		return nil
	}
	return r.noteAnswer(label, req)
}

// noteAnswer notes the answer to a request that was sent.
func (r *run) noteAnswer(label string, req kmsg.Request) kmsg.Response {
	resp, err := r.conn.receive(req)
	if err != nil {
		r.failed(label, err)
		return nil
	}
	r.noteFields(label, resp)
	return resp
}

// noteFields notes an answer, field by field.
func (r *run) noteFields(label string, resp kmsg.Response) {
	r.out[label] = "answered"
	fields := answers{}
	r.flatten(fields, "", reflect.ValueOf(resp))
	for f, v := range fields {
		r.out[label+labelEnd+f] = v
	}
}

// failed notes that there was no answer. The next request has a new connection.
func (r *run) failed(label string, err error) {
	if !errors.Is(err, errHungUp) {
		panic(broken{fmt.Errorf("%s: %w", label, err)})
	}
	r.out[label] = "connection closed"
	r.reconnect()
}

// noteBytes sends bytes and notes whether the connection is closed, or how the answer looks.
func (r *run) noteBytes(label string, b []byte) {
	c := r.connection()
	err := c.write(b)
	var frame []byte
	if err == nil {
		frame, err = c.frame()
	}
	if err != nil {
		r.failed(label, err)
		return
	}
	r.out[label] = fmt.Sprintf("answer %x", frame[:min(len(frame), 6)])
}

// noteSilent sends a request that has no answer and notes whether the connection still serves after it.
func (r *run) noteSilent(label string, version int16, req kmsg.Request) {
	req.SetVersion(version)
	if err := r.connection().send(req); err != nil {
		r.failed(label, err)
		return
	}
	r.noteAlive(label)
}

// noteAlive notes whether the connection still serves.
func (r *run) noteAlive(label string) {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.Topics = 12, []kmsg.MetadataRequestTopic{}
	if err := r.connection().send(req); err != nil {
		r.failed(label, err)
		return
	}
	if _, err := r.conn.receive(req); err != nil {
		r.failed(label, err)
		return
	}
	r.out[label] = "served"
}

// noteWait notes whether what ran since the last call of clock took at least d.
func (r *run) noteWait(label string, d time.Duration) {
	r.out[label] = "answered early"
	if time.Since(r.started) >= d {
		r.out[label] = "waited"
	}
}

func (r *run) clock() { r.started = time.Now() }

// name makes a topic's name this run's own. Answers show it without the tag.
func (r *run) name(alias string) string { return alias + r.tag }

// topic creates a topic and waits until it can be used.
func (r *run) topic(alias string, partitions int32, configs ...string) string {
	name := r.name(alias)
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10_000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 1
	for _, kv := range configs {
		k, v, _ := strings.Cut(kv, "=")
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = k, &v
		t.Configs = append(t.Configs, c)
	}
	req.Topics = append(req.Topics, t)
	resp := must(ask[kmsg.CreateTopicsResponse](r, req))
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		panic(broken{fmt.Errorf("create topic %s: %w", name, err)})
	}
	r.created = append(r.created, name)
	r.ids[resp.Topics[0].TopicID] = alias
	r.awaitTopic(name, partitions)
	return name
}

// awaitTopic waits until every partition of a topic answers.
func (r *run) awaitTopic(name string, partitions int32) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 5, -1
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic = name
	for i := range partitions {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = i, -1
		t.Partitions = append(t.Partitions, p)
	}
	req.Topics = append(req.Topics, t)
	for {
		resp := must(ask[kmsg.ListOffsetsResponse](r, req))
		bad := slices.ContainsFunc(resp.Topics[0].Partitions, func(p kmsg.ListOffsetsResponseTopicPartition) bool { return p.ErrorCode != 0 })
		if !bad {
			return
		}
		select {
		case <-ctx.Done():
			panic(broken{fmt.Errorf("topic %s does not answer in %v", name, patience)})
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// remove deletes a topic and waits until it is gone.
func (r *run) remove(alias string) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.Version, req.TopicNames, req.TimeoutMillis = 5, []string{r.name(alias)}, 10_000
	must(ask[kmsg.DeleteTopicsResponse](r, req))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	look := r.offsetsOf(alias, 0, -1)
	look.Version = 5
	for must(ask[kmsg.ListOffsetsResponse](r, look)).Topics[0].Partitions[0].ErrorCode != kerr.UnknownTopicOrPartition.Code {
		select {
		case <-ctx.Done():
			panic(broken{fmt.Errorf("topic %s is still there after %v", r.name(alias), patience)})
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// noteCodec notes of the answer to a Fetch request that was sent only its error and the compression of its first batch.
func (r *run) noteCodec(label string, req *kmsg.FetchRequest) {
	resp, err := r.conn.receive(req)
	if err != nil {
		r.failed(label, err)
		return
	}
	p := resp.(*kmsg.FetchResponse).Topics[0].Partitions[0]
	r.out[label] = fmt.Sprint(kerr.TypedErrorForCode(p.ErrorCode))
	if len(p.RecordBatches) >= batchHeader {
		r.out[label+" codec"] = fmt.Sprint(p.RecordBatches[atAttributes+1] & 7)
	}
}

// keepErrorOnly forgets what was noted under a label but for its error.
func (r *run) keepErrorOnly(label string, code int16) {
	for f := range r.out {
		if strings.HasPrefix(f, label+labelEnd) {
			delete(r.out, f)
		}
	}
	r.out[label+labelEnd+"ErrorCode"] = fmt.Sprint(kerr.TypedErrorForCode(code))
}

// noteVersionZero sends an ApiVersions request that the broker may not know and notes the error of the answer, which has version 0.
func (r *run) noteVersionZero(label string, b []byte) {
	c := r.connection()
	err := c.write(b)
	var frame []byte
	if err == nil {
		frame, err = c.frame()
	}
	if err != nil {
		r.failed(label, err)
		return
	}
	resp := kmsg.NewPtrApiVersionsResponse()
	if err := resp.ReadFrom(frame[4:]); err != nil {
		r.out[label] = "an answer that is not of version 0"
		return
	}
	r.out[label] = fmt.Sprint(kerr.TypedErrorForCode(resp.ErrorCode))
	r.out[label+" lists apis"] = fmt.Sprint(len(resp.ApiKeys) > 0)
}

// blur shows fields of the answer under a label, whose path ends in a certain way, as one text: what they hold is the broker's own affair.
func (r *run) blur(label, end, text string) {
	for f := range r.out {
		if strings.HasPrefix(f, label+labelEnd) && strings.HasSuffix(f, end) {
			r.out[f] = text
		}
	}
}

// nodeName is the broker's number as a config resource names it.
func (r *run) nodeName() string { return strconv.Itoa(int(r.node)) }
