package streams_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/connect/file"
	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// cluster is a broker in memory with a client of each kind.
type cluster struct {
	*bobbintest.Broker
	kafka *kafka.Client
	lib   *bobbin.Client
}

func start(t *testing.T) *cluster {
	b := bobbintest.Start(t)
	k, err := kafka.Open(kafka.Options{Dial: b.Dial})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return &cluster{b, k, b.Client(t)}
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const second = bobbin.Time(time.Second)

// follow returns what a topic has: "stream kind time values" of each row, event, end and change of properties, by partition and offset. Contexts that say nothing new are left out.
func (c *cluster) follow(t fataler, topic string) []string {
	t.Helper()
	var all []string
	said := map[string]codec.Properties{}
	_, err := streams.Follow(context.Background(), c.kafka, streams.FollowOptions{Topic: topic, UntilEnd: true}, func(p *streams.Packet, about *codec.Context) error {
		if p.Err != nil {
			return p.Err
		}
		switch p.Header.Kind {
		case codec.KindContext:
			if cmp.Equal(said[p.Stream], p.Context.Properties) {
				return nil
			}
			said[p.Stream] = p.Context.Properties
			all = append(all, fmt.Sprintf("%s is %+v", p.Stream, p.Context.Properties))
		case codec.KindEnd:
			delete(said, p.Stream)
			all = append(all, fmt.Sprintf("%s %v", p.Stream, p.End))
		case codec.KindEvent:
			all = append(all, fmt.Sprintf("%s event %d %q %q %v", p.Stream, p.Event.Time, p.Event.ID, p.Event.Value, p.Event.Tags))
		case codec.KindRows:
			for i, at := range p.Rows.Times {
				s := fmt.Sprintf("%s row %d", p.Stream, at)
				var values []string
				for j := range p.Rows.Columns {
					switch c := &p.Rows.Columns[j]; {
					case !c.Has(i):
					case c.Kind == codec.Number:
						values = append(values, fmt.Sprintf(" %s=%v", c.Name, c.Numbers[i]))
					case c.Kind == codec.Bytes:
						values = append(values, fmt.Sprintf(" %s=%x", c.Name, c.Bytes[i]))
					default:
						values = append(values, fmt.Sprintf(" %s:%v=%q", c.Name, c.Kind, c.Texts[i]))
					}
				}
				slices.Sort(values)
				all = append(all, s+strings.Join(values, ""))
			}
		}
		return nil
	})
	must(t, err)
	return all
}

func (c *cluster) replay(t fataler, o streams.ReplayOptions) streams.Replayed {
	t.Helper()
	d, err := streams.Replay(context.Background(), c.kafka, c.lib, o)
	must(t, err)
	if d.Acked != d.Written || d.Failed > 0 {
		t.Fatal(fmt.Sprintf("%+v", d))
	}
	return d
}

func TestAReplayIsInTheOrderOfTimes(t *testing.T) {
	c := start(t)
	c.CreateTopic(t, "from", 3)
	c.CreateTopic(t, "to", 1)
	p, err := c.lib.Producer("from", nil)
	must(t, err)
	// The streams are written one after the other; their times lie side by side.
	for i := range 6 {
		s, err := p.Stream(t.Context(), fmt.Sprint("s", i), &bobbin.StreamOptions{Buffer: bobbin.Buffer{Rows: 2}})
		must(t, err)
		x := s.Number("x", nil)
		for n := range bobbin.Time(20) {
			at := (1000+n)*second + bobbin.Time(i)
			must(t, s.Row(at).Num(x, float64(n)).Write(t.Context()))
			must(t, s.Row(at+100).Num(x, float64(n)).Write(t.Context()))
		}
		must(t, s.Emit(t.Context(), bobbin.Event{Time: 1020*second + bobbin.Time(i), ID: "done"}))
		must(t, s.Close(t.Context(), bobbin.Closed))
	}
	must(t, p.Close(t.Context()))
	d := c.replay(t, streams.ReplayOptions{Topic: "from", To: "to"})
	if d.Streams != 6 || d.Rows != 240 || d.Events != 6 || d.Late != 0 || d.First != int64(1000*second) || d.Last != int64(1020*second+5) {
		t.Errorf("%+v", d)
	}
	var last, packets int64
	_, err = streams.Follow(t.Context(), c.kafka, streams.FollowOptions{Topic: "to", UntilEnd: true}, func(p *streams.Packet, _ *codec.Context) error {
		at := last
		switch p.Header.Kind {
		case codec.KindRows:
			at = p.Rows.Times[0]
			if len(p.Rows.Times) != 2 {
				t.Errorf("a packet of 2 rows became one of %d", len(p.Rows.Times))
			}
			packets++
		case codec.KindEvent:
			at = p.Event.Time
		}
		if at < last {
			t.Errorf("offset %d of %s is of %d, behind one of %d", p.Offset, p.Stream, at, last)
		}
		last = at
		return nil
	})
	must(t, err)
	if packets != 120 {
		t.Errorf("%d packets of rows", packets)
	}
	// With less memory than the distance of the streams in the topic that cannot be; it is counted.
	c.CreateTopic(t, "narrow", 1)
	if d := c.replay(t, streams.ReplayOptions{Topic: "from", To: "narrow", Window: 1}); d.Late == 0 || d.Rows != 240 {
		t.Errorf("%+v", d)
	}
	// Some streams only.
	c.CreateTopic(t, "some", 1)
	if d := c.replay(t, streams.ReplayOptions{Topic: "from", To: "some", Streams: []string{"s1", "s4"}}); d.Streams != 2 || d.Rows != 80 {
		t.Errorf("%+v", d)
	}
}

// Whatever streams hold, each of them is the same in the other topic.
func TestAReplayChangesNothingInAStream(t *testing.T) {
	c := start(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		n++
		from, to := fmt.Sprint("from", n), fmt.Sprint("to", n)
		for _, name := range []string{from, to} {
			must(t, c.lib.CreateTopic(ctx, name, rapid.IntRange(1, 3).Draw(t, "partitions"), nil))
		}
		p, err := c.lib.Producer(from, &bobbin.ProducerOptions{Format: rapid.SampledFrom([]bobbin.Format{bobbin.JSON, bobbin.Binary}).Draw(t, "format"), Placement: bobbin.Hashed})
		must(t, err)
		ids := []string{"a", "b", "ü"}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			id := rapid.SampledFrom(ids).Draw(t, "stream")
			s, err := p.Stream(ctx, id, nil)
			must(t, err)
			at := bobbin.Time(rapid.Int64Range(1, 1000).Draw(t, "time"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				must(t, s.Close(ctx, rapid.SampledFrom([]bobbin.End{bobbin.Closed, bobbin.Aborted, bobbin.Terminated}).Draw(t, "end")))
			case 1:
				must(t, s.SetProperties(ctx, bobbin.Properties{Name: rapid.StringN(0, 3, -1).Draw(t, "name"), Parents: []string{"p"}, Metadata: map[string]string{"k": "v"}}))
			case 2:
				must(t, s.Emit(ctx, bobbin.Event{Time: at, ID: "e", Value: rapid.StringN(0, 3, -1).Draw(t, "value"), Tags: map[string]string{"t": "x"}}))
			case 3:
				s.Number("x", &bobbin.Definition{Unit: rapid.StringN(0, 3, -1).Draw(t, "unit"), Max: 5})
				must(t, s.Flush(ctx))
			default:
				r := s.Row(at)
				if rapid.Bool().Draw(t, "x") {
					r.Num(s.Number("x", nil), rapid.SampledFrom([]float64{1, -0.5, math.Inf(1), math.NaN()}).Draw(t, "number"))
				}
				if rapid.Bool().Draw(t, "y") {
					r.Text(s.Text("y", nil), rapid.StringN(0, 3, -1).Draw(t, "text"))
				}
				if rapid.Bool().Draw(t, "z") {
					r.Bytes(s.Bytes("z", nil), []byte{1, 2})
				}
				if rapid.Bool().Draw(t, "tag") {
					r.Tag(s.Tag("y"), "lap")
				}
				must(t, r.Write(ctx))
				if rapid.Bool().Draw(t, "send") {
					must(t, s.Send(ctx))
				}
			}
		}
		must(t, p.Close(ctx))
		c.replay(t, streams.ReplayOptions{Topic: from, To: to, Speed: rapid.SampledFrom([]float64{0, 1e9}).Draw(t, "speed"), Window: rapid.Int64Range(1, 5000).Draw(t, "window")})
		was, is := c.follow(t, from), c.follow(t, to)
		for _, id := range ids {
			of := func(all []string) (own []string) {
				for _, s := range all {
					if strings.HasPrefix(s, id+" ") {
						own = append(own, s)
					}
				}
				return own
			}
			if d := cmp.Diff(of(was), of(is)); d != "" {
				t.Fatalf("stream %s: %s", id, d)
			}
		}
		units := func(topic string) map[string]string {
			all := map[string]string{}
			s, err := streams.TakeSurvey(ctx, c.kafka, streams.SurveyOptions{Topic: topic, Stream: ids[0]})
			must(t, err)
			for _, d := range s.Details {
				for _, p := range d.Parameters {
					if p.Definition != nil {
						all[p.Name] = fmt.Sprintf("%+v", *p.Definition)
					}
				}
			}
			return all
		}
		if d := cmp.Diff(units(from), units(to)); d != "" {
			t.Fatalf("definitions: %s", d)
		}
	})
}

func TestAReplayTakesTheTimeThatItWasRecordedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		c.CreateTopic(t, "from", 2)
		c.CreateTopic(t, "to", 2)
		p, err := c.lib.Producer("from", nil)
		must(t, err)
		for _, id := range []string{"a", "b"} {
			s, err := p.Stream(t.Context(), id, nil)
			must(t, err)
			x := s.Number("x", nil)
			for n := range bobbin.Time(121) {
				must(t, s.Row((5000+n)*second).Num(x, 1).Write(t.Context()))
			}
			must(t, s.Close(t.Context(), bobbin.Closed))
		}
		must(t, p.Close(t.Context()))
		began := time.Now()
		c.replay(t, streams.ReplayOptions{Topic: "from", To: "to", Speed: 60})
		if took := time.Since(began); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("two minutes took %v at a speed of 60", took)
		}
		// Each row was written when its time had come, not with the packet in which it stood.
		_, err = streams.Follow(t.Context(), c.kafka, streams.FollowOptions{Topic: "to", UntilEnd: true}, func(p *streams.Packet, _ *codec.Context) error {
			if p.Rows != nil && p.Header.Kind == codec.KindRows {
				for _, at := range p.Rows.Times {
					due := time.Duration(at-int64(5000*second)) / 60
					if d := p.Written.Sub(began) - due; d < -5*time.Millisecond || d > 500*time.Millisecond {
						t.Errorf("a row that was due after %v was written %v later", due, d)
					}
				}
			}
			return nil
		})
		must(t, err)
	})
}

func TestAReplayFollowsTheTopic(t *testing.T) {
	c := start(t)
	c.CreateTopic(t, "from", 1)
	c.CreateTopic(t, "to", 1)
	p, err := c.lib.Producer("from", nil)
	must(t, err)
	s, err := p.Stream(t.Context(), "a", &bobbin.StreamOptions{Properties: bobbin.Properties{Name: "A"}, Buffer: bobbin.Buffer{Rows: 1}})
	must(t, err)
	x := s.Number("x", nil)
	must(t, s.Row(second).Num(x, 1).Write(t.Context()))
	must(t, s.Flush(t.Context()))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	written := false
	d, err := streams.Replay(ctx, c.kafka, c.lib, streams.ReplayOptions{Topic: "from", To: "to", Follow: true, Progress: func(d streams.Replayed) {
		if d.Rows == 1 && !written {
			written = true
			must(t, s.Row(2*second).Num(x, 2).Write(t.Context()))
			must(t, s.Close(t.Context(), bobbin.Terminated))
		}
		if d.Done == d.Total && d.Rows == 2 {
			stop()
		}
	}})
	if kafka.KindOf(err) != kafka.Interrupted || d.Rows != 2 || d.Acked != d.Written {
		t.Fatalf("%+v, %v", d, err)
	}
	got := c.follow(t, "to")
	if len(got) < 3 || !strings.Contains(got[0], "Name:A") || !strings.Contains(got[2], "a row 2000000000 x=2") {
		t.Errorf("%q", got)
	}
}

func TestASurveySaysWhatStreamsAre(t *testing.T) {
	c := start(t)
	c.CreateTopic(t, "t", 1)
	p, err := c.lib.Producer("t", &bobbin.ProducerOptions{Format: bobbin.Binary})
	must(t, err)
	for id, how := range map[string]bobbin.End{"car-1": bobbin.NotEnded, "car-2": bobbin.Closed, "car-3": bobbin.Aborted, "plane": bobbin.Terminated} {
		s, err := p.Stream(t.Context(), id, &bobbin.StreamOptions{Properties: bobbin.Properties{Name: "the " + id, Parents: []string{"fleet"}}})
		must(t, err)
		x := s.Number("speed", &bobbin.Definition{Unit: "km/h", Max: 300})
		s.Number("never", &bobbin.Definition{Unit: "m"})
		must(t, s.DefineEvent(bobbin.EventDefinition{ID: "pit", Level: 4}))
		must(t, s.Row(9*second).Num(x, 7).Tag(s.Tag("driver"), "Ada").Write(t.Context()))
		must(t, s.Row(2*second).Num(x, math.NaN()).Tag(s.Tag("driver"), "Bo").Write(t.Context()))
		must(t, s.Row(3*second).Num(x, -1).Text(s.Text("note", nil), "wet").Write(t.Context()))
		must(t, s.Emit(t.Context(), bobbin.Event{Time: 10 * second, ID: "pit"}))
		must(t, s.Emit(t.Context(), bobbin.Event{Time: 4 * second, ID: "pit"}))
		if how != bobbin.NotEnded {
			must(t, s.Close(t.Context(), how))
		}
	}
	must(t, p.Publish(t.Context(), &bobbin.Raw{Key: []byte("car-1"), Value: []byte("another program's")}))
	must(t, p.Publish(t.Context(), &bobbin.Raw{Key: []byte("car-2"), Value: []byte("nonsense"), Headers: []bobbin.Header{{Key: "bobbin", Value: []byte("json/1 rows")}}}))
	must(t, p.Close(t.Context()))
	s, err := streams.TakeSurvey(t.Context(), c.kafka, streams.SurveyOptions{Topic: "t", Stream: "car-1"})
	must(t, err)
	var got []string
	for _, x := range s.Streams {
		got = append(got, fmt.Sprintf("%s %s %d %d %d..%d %s %v", x.ID, x.State(), x.Rows, x.Events, x.First/1e9, x.Last/1e9, x.Name, x.Parameters))
	}
	want := []string{
		"car-1 open 3 2 2..10 the car-1 [never note speed]", "car-2 closed 3 2 2..10 the car-2 [never note speed]",
		"car-3 aborted 3 2 2..10 the car-3 [never note speed]", "plane terminated 3 2 2..10 the plane [never note speed]",
	}
	if d := cmp.Diff(want, got); d != "" || s.Foreign != 1 || s.Broken != 1 || !errors.Is(s.Why, codec.ErrBroken) {
		t.Errorf("%s, %d foreign, %d broken: %v", d, s.Foreign, s.Broken, s.Why)
	}
	d := s.Details[0]
	for _, p := range d.Parameters {
		unit := ""
		if p.Definition != nil {
			unit = p.Definition.Unit
		}
		got = append(got, fmt.Sprintf("%s %v %q %d %v..%v", p.Name, p.Kind, unit, p.Values, p.Low, p.High))
	}
	want = append(want, `never number "m" 0 0..0`, `note text "" 1 0..0`, `speed number "km/h" 3 -1..7`)
	if x := cmp.Diff(want, got); x != "" || len(s.Details) != 1 || len(d.Tags) != 1 || !slices.Equal(d.Tags[0].Values, []string{"Ada", "Bo"}) || d.Events[0].Count != 2 || d.Events[0].Definition.Level != 4 {
		t.Errorf("%s, %+v", x, d)
	}
	for id, want := range map[string]string{"car1": "car-1 car-2 car-3", "Plane": "plane", "pla": "plane", "zzz": ""} {
		if got := strings.Join(s.Nearest(id, 3), " "); got != want {
			t.Errorf("nearest to %s: %s", id, got)
		}
	}
}

func TestALoadPassesOverWhatIsWrong(t *testing.T) {
	c := start(t)
	c.CreateTopic(t, "t", 1)
	const text = "time,car,speed,lap\n1,a,10,1\n2,a,fast,1\nnoon,a,30,2\n4,b\n5,b,50,2.5\n"
	var bad []string
	o := streams.LoadOptions{Topic: "t", File: file.Options{Format: file.CSV, Time: "time", Stream: "car"}, Tags: []string{"lap", "gear"}, Units: map[string]string{"speed": "km/h"}}
	o.Bad = func(e *file.LineError) { bad = append(bad, fmt.Sprint(e.Line)) }
	d, err := streams.Load(t.Context(), strings.NewReader(text), c.lib, o)
	must(t, err)
	if d.Rows != 3 || d.Values != 3 || d.BadLines != 2 || d.Streams != 2 || d.TimeFormat != file.Seconds || d.Acked != d.Written || !maps.Equal(d.Tagged, map[string]int64{"lap": 3}) || strings.Join(bad, " ") != "4 5" {
		t.Errorf("%+v, bad lines %v", d, bad)
	}
	var a []string
	for _, s := range c.follow(t, "t") {
		if strings.HasPrefix(s, "a ") {
			a = append(a, s)
		}
	}
	if d := cmp.Diff([]string{`a row 1000000000 lap:tag="1" speed=10`, `a row 2000000000 lap:tag="1" speed:text="fast"`, "a closed"}, a); d != "" {
		t.Error(d)
	}
	// Strictly, the first one ends it, and the streams say that they are not whole.
	c.CreateTopic(t, "strict", 1)
	o.Topic, o.Strict = "strict", true
	d, err = streams.Load(t.Context(), strings.NewReader(text), c.lib, o)
	if e := new(file.LineError); !errors.As(err, &e) || e.Line != 4 || d.Rows != 2 {
		t.Errorf("%+v, %v", d, err)
	}
	if got := c.follow(t, "strict"); len(got) != 3 || got[2] != "a aborted" {
		t.Errorf("%q", got)
	}
}

// When the cluster does not come back, what is written ends soon after the first packet was given up, and says how much is lost.
func TestWritingEndsWithoutTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		c.CreateTopic(t, "from", 1)
		c.CreateTopic(t, "to", 1)
		var b strings.Builder
		b.WriteString("time,x\n")
		for i := range 3600 {
			fmt.Fprintf(&b, "%d,1\n", i+1)
		}
		o := streams.LoadOptions{Topic: "from", Stream: "s", File: file.Options{Format: file.CSV, Time: "time"}}
		if d, err := streams.Load(t.Context(), strings.NewReader(b.String()), c.lib, o); err != nil || d.Rows != 3600 {
			t.Fatalf("%+v, %v", d, err)
		}
		fault := func() { c.Fail(t, "Produce", bobbintest.Fault{Drop: true}) }
		began := time.Now()
		o.Speed, o.Progress = 1, func(d streams.Loaded) {
			if d.Rows == 20 {
				fault()
			}
		}
		d, err := streams.Load(t.Context(), strings.NewReader(b.String()), c.lib, o)
		if took := time.Since(began); !errors.Is(err, bobbin.ErrUnreachable) || strings.Contains(err.Error(), "\n") || d.Rows > 160 || d.Acked < 20 || d.Acked >= d.Written || took > 3*time.Minute {
			t.Errorf("after %v %+v, %v", took, d, err)
		}
		began = time.Now()
		r, err := streams.Replay(t.Context(), c.kafka, c.lib, streams.ReplayOptions{Topic: "from", To: "to"})
		if took := time.Since(began); !errors.Is(err, bobbin.ErrUnreachable) || strings.Contains(err.Error(), "\n") || r.Acked > 0 || took > 5*time.Minute {
			t.Errorf("after %v %+v, %v", took, r, err)
		}
	})
}
