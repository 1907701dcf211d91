package bobbin_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin"
)

// tell writes down what a reader gets of a stream, a line each.
func tell(s *bobbin.StreamReader, lines chan<- string) error {
	say := func(format string, args ...any) { lines <- s.ID() + ": " + fmt.Sprintf(format, args...) }
	say("begins %+v %+v %+v", s.Properties(), s.Definitions(), s.EventDefinitions())
	for p, err := range s.Packets() {
		if err != nil {
			return err
		}
		switch p := p.(type) {
		case *bobbin.Rows:
			for _, row := range p.All() {
				var b strings.Builder
				fmt.Fprintf(&b, "row %d", row.Time())
				for name, v := range row.Values() {
					fmt.Fprintf(&b, " %s=%v", name, v)
				}
				for name, v := range row.Tags() {
					fmt.Fprintf(&b, " #%s=%s", name, v)
				}
				say("%s", b.String())
			}
		case *bobbin.Event:
			say("event %d %s=%s %v", p.Time, p.ID, p.Value, p.Tags)
		case *bobbin.PropertiesChanged:
			say("properties %+v", p.Properties)
		case *bobbin.DefinitionsChanged:
			say("definitions %+v %+v", p.Parameters, p.Events)
		case *bobbin.Raw:
			headers := ""
			for _, h := range p.Headers {
				headers += fmt.Sprintf(" %s=%.100q", h.Key, h.Value)
			}
			say("raw %q=%q%s %v", p.Key, p.Value, headers, p.Err)
		}
	}
	say("%v", s.End())
	return nil
}

// teller is a handler that tells.
func teller(lines chan<- string) bobbin.HandlerFunc {
	return func(_ context.Context, s *bobbin.StreamReader) error { return tell(s, lines) }
}

// lap is a row as a struct.
type lap struct {
	Time   time.Time `bobbin:",time"`
	Speed  float64   `bobbin:"speed,unit=km/h,max=400"`
	Gear   int8      `bobbin:"gear"`
	Wet    bool      `bobbin:"wet"`
	Note   *string   `bobbin:"note"`
	Driver string    `bobbin:"driver,tag"`
	Secret string
}

func TestReaderGetsWhatWasWritten(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		for format, name := range []string{"json", "binary"} {
			t.Run(name, func(t *testing.T) {
				ctx, topic := deadline(t), c.topic(t, 3)
				p := c.producer(t, topic, &bobbin.ProducerOptions{Format: bobbin.Format(format)})
				car, err := p.Stream(ctx, "car-44", &bobbin.StreamOptions{
					Properties: bobbin.Properties{Name: "Car 44", Location: "/team-a", Metadata: map[string]string{"chassis": "7"}, Parents: []string{"race"}, Recorded: 5},
					Tags:       map[string]string{"team": "a"}, Epoch: 1000,
				})
				must(t, err)
				speed := car.Number("speed", &bobbin.Definition{Unit: "km/h", Max: 400})
				gear, image, driver := car.Text("gear", nil), car.Bytes("image", nil), car.Tag("driver")
				must(t, car.Row(1).Num(speed, 200.5).Text(gear, "3").Bytes(image, []byte("ab")).Tag(driver, "Ada").Write(ctx))
				must(t, car.Row(3).Num(speed, math.Inf(-1)).Write(ctx))
				must(t, car.Row(2).Num(speed, math.NaN()).Tag(driver, "").Write(ctx)) // times may go back
				must(t, car.Rows(speed).Append(ctx, 4, 1))
				must(t, car.Columns([]bobbin.Time{5, 6}).Num(speed, []float64{7, 8}).Present([]bool{false, true}).Text(gear, []string{"x", "y"}).Write(ctx))
				laps, err := bobbin.StructsOf[lap](car)
				must(t, err)
				note := "wet"
				must(t, laps.Write(ctx, lap{Time: time.Unix(0, 9), Speed: 1.5, Gear: -1, Wet: true, Note: &note, Driver: "Bo"}, lap{Time: time.Unix(0, 10), Driver: "Cy"}))
				must(t, car.Emit(ctx, bobbin.Event{Time: 11, ID: "pit-in", Value: "box", Tags: map[string]string{"lap": "3"}}))
				must(t, car.DefineEvent(bobbin.EventDefinition{ID: "pit-in", Level: 4}))
				must(t, car.SetProperties(ctx, bobbin.Properties{Name: "Car 44b"}))
				must(t, car.Close(ctx, bobbin.Aborted))
				car, err = p.Stream(ctx, "car-44", nil) // it opens again
				must(t, err)
				must(t, car.Close(ctx, bobbin.Closed))

				lines := make(chan string, 100)
				c.run(t, topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()}, teller(lines))
				want := []string{
					"begins {Name:Car 44 Location:/team-a Metadata:map[chassis:7] Parents:[race] Recorded:1970-01-01T00:00:00.000000005Z} [] []",
					"definitions [{ID:speed Name: Description: Unit:km/h Format: Location: Min:0 Max:400}] []",
					"row 1001 speed=200.5 gear=3 image=[97 98] #team=a #driver=Ada",
					"row 1003 speed=-Inf #team=a",
					"row 1002 speed=NaN #team=a #driver=",
					"row 1004 speed=1 #team=a",
					"row 1005 gear=x #team=a",
					"row 1006 speed=8 gear=y #team=a",
					"row 1009 speed=1.5 #team=a #driver=Bo",
					"row 1010 speed=0 #team=a #driver=Cy",
					"event 1011 pit-in=box map[lap:3 team:a]",
					"definitions [{ID:speed Name: Description: Unit:km/h Format: Location: Min:0 Max:400}] [{ID:pit-in Name: Description: Location: Level:4}]",
					"properties {Name:Car 44b Location: Metadata:map[] Parents:[] Recorded:1970-01-01T00:00:00Z}",
					"aborted",
					"begins {Name: Location: Metadata:map[] Parents:[] Recorded:1970-01-01T00:00:00Z} [] []",
					"closed",
				}
				var got []string
				for range want {
					line := receive(t, lines, "a packet")
					line = strings.ReplaceAll(strings.TrimPrefix(line, "car-44: "), " gear=-1 wet=1 note=wet", "")
					got = append(got, strings.ReplaceAll(line, " gear=0 wet=0", ""))
				}
				// Columns of a packet come in the order in which the first row has them; which rows share a packet is not fixed.
				if diff := cmp.Diff(sortedFields(want), sortedFields(got)); diff != "" {
					t.Errorf("-want +got\n%s\n%s", diff, strings.Join(got, "\n"))
				}
			})
		}
	})
}

// sortedFields puts the columns of rows in one order.
func sortedFields(lines []string) []string {
	out := slices.Clone(lines)
	for i, l := range out {
		if strings.HasPrefix(l, "row ") {
			f := strings.Fields(l)
			slices.Sort(f[2:])
			out[i] = strings.Join(f, " ")
		}
	}
	return out
}

func TestLateReaderKnowsPropertiesAndDefinitionsBeforeTheFirstRow(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 2)
		p := c.producer(t, topic, nil)
		s, err := p.Stream(ctx, "press", &bobbin.StreamOptions{Properties: bobbin.Properties{Name: "Press 3"}})
		must(t, err)
		force := s.Number("force", &bobbin.Definition{Unit: "kN"})
		must(t, s.Row(1).Num(force, 1).Write(ctx))
		must(t, s.Flush(ctx))

		lines := make(chan string, 100)
		x, _ := c.run(t, topic, nil, teller(lines)) // from the latest
		for x.Stats().Partitions < 2 {
			time.Sleep(time.Millisecond)
		}
		for i := 0; len(lines) == 0; i++ { // the reader takes its place some time after it was given its partitions
			must(t, s.Row(bobbin.Time(2+i)).Num(force, 2).Write(ctx))
			must(t, s.Flush(ctx))
			time.Sleep(10 * time.Millisecond)
		}
		got := receive(t, lines, "the stream")
		want := "press: begins {Name:Press 3 Location: Metadata:map[] Parents:[] Recorded:1970-01-01T00:00:00Z} [{ID:force Name: Description: Unit:kN Format: Location: Min:0 Max:0}] []"
		if got != want {
			t.Errorf("got %s", got)
		}
	})
}

func TestBadInputIsAnErrorAtTheCall(t *testing.T) {
	onEach(t, func(t *testing.T, c *cluster) {
		ctx, topic := deadline(t), c.topic(t, 1)
		client := c.client(t)
		p := c.producer(t, topic, &bobbin.ProducerOptions{Placement: bobbin.Hashed})
		s, err := p.Stream(ctx, "s", nil)
		must(t, err)
		other, err := p.Stream(ctx, "other", nil)
		must(t, err)
		v, foreign := s.Number("v", nil), other.Number("v", nil)
		open := func(id string, o *bobbin.StreamOptions) error { _, err := p.Stream(ctx, id, o); return err }
		producer := func(topic string, o *bobbin.ProducerOptions) error { _, err := client.Producer(topic, o); return err }
		consumer := func(topic string, o *bobbin.ConsumerOptions) error { _, err := client.Consumer(topic, o); return err }
		type wrong struct {
			X chan int `bobbin:"x"`
		}
		for name, x := range map[string]struct {
			err  error
			want error
		}{
			"empty id":                  {open("", nil), bobbin.ErrInvalid},
			"long id":                   {open(strings.Repeat("x", 1025), nil), bobbin.ErrInvalid},
			"id not UTF-8":              {open("\xff", nil), bobbin.ErrInvalid},
			"buffer with a span":        {open("x", &bobbin.StreamOptions{Buffer: bobbin.Buffer{Span: 1}}), bobbin.ErrInvalid},
			"unequal columns":           {s.Columns([]bobbin.Time{1, 2}).Num(v, []float64{1}).Write(ctx), bobbin.ErrInvalid},
			"unequal presence":          {s.Columns([]bobbin.Time{1}).Num(v, []float64{1}).Present(nil).Write(ctx), bobbin.ErrInvalid},
			"foreign handle":            {s.Row(1).Num(foreign, 1).Write(ctx), bobbin.ErrInvalid},
			"foreign handle in a row":   {s.Rows(foreign).Append(ctx, 1, 2), bobbin.ErrInvalid},
			"too few values":            {s.Rows(v).Append(ctx, 1), bobbin.ErrInvalid},
			"event without id":          {s.Emit(ctx, bobbin.Event{}), bobbin.ErrInvalid},
			"event text not UTF-8":      {s.Emit(ctx, bobbin.Event{ID: "x", Value: "\xff"}), bobbin.ErrInvalid},
			"end that is none":          {s.Close(ctx, bobbin.NotEnded), bobbin.ErrInvalid},
			"struct of a channel":       {func() error { _, err := bobbin.StructsOf[wrong](s); return err }(), bobbin.ErrInvalid},
			"no struct":                 {func() error { _, err := bobbin.StructsOf[int](s); return err }(), bobbin.ErrInvalid},
			"no topic to write":         {producer("", nil), bobbin.ErrInvalid},
			"unknown topic to write":    {producer("no-such-topic", nil), bobbin.ErrUnknownTopic},
			"unknown format":            {producer(topic, &bobbin.ProducerOptions{Format: 7}), bobbin.ErrInvalid},
			"commit without a group":    {consumer(topic, &bobbin.ConsumerOptions{Commit: bobbin.CommitPolicy{Manual: true}}), bobbin.ErrNoGroup},
			"group at an offset":        {consumer(topic, &bobbin.ConsumerOptions{Group: "g", Start: bobbin.AtOffset(1)}), bobbin.ErrInvalid},
			"dead letters and stop":     {consumer(topic, &bobbin.ConsumerOptions{Failure: bobbin.FailurePolicy{DeadLetter: "d"}}), bobbin.ErrInvalid},
			"topic that is there":       {client.CreateTopic(ctx, topic, 1, nil), bobbin.ErrTopicExists},
			"topic with a wrong name":   {client.CreateTopic(ctx, "a b", 1, nil), bobbin.ErrInvalid},
			"one row that is too large": {errors.Join(s.Row(1).Text(s.Text("long", nil), strings.Repeat("x", 2<<20)).Write(ctx), s.Flush(ctx)), bobbin.ErrTooLarge},
		} {
			var e *bobbin.Error
			if !errors.Is(x.err, x.want) || !errors.As(x.err, &e) {
				t.Errorf("%s: %v; want %v", name, x.err, x.want)
			}
		}
		_ = s.Row(1).Num(v, 1) // and not written
		if err := s.Row(2).Num(v, 1).Write(ctx); !errors.Is(err, bobbin.ErrInvalid) {
			t.Errorf("a row that was not written: %v", err)
		}
		s.Number("", nil)
		if err := s.Emit(ctx, bobbin.Event{ID: "x"}); !errors.Is(err, bobbin.ErrInvalid) {
			t.Errorf("a parameter without a name: %v", err)
		}
		must(t, s.Emit(ctx, bobbin.Event{ID: "x"})) // said once
		must(t, s.Close(ctx, bobbin.Closed))
		must(t, s.Close(ctx, bobbin.Closed)) // again does nothing
		if err := s.Emit(ctx, bobbin.Event{ID: "x"}); !errors.Is(err, bobbin.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
		if err := s.Row(2).Num(v, 1).Write(ctx); !errors.Is(err, bobbin.ErrClosed) {
			t.Errorf("write after close: %v", err)
		}
	})
}
