package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// found is what a stream of a topic holds.
type found struct {
	rows    int
	bad     int // values that are not numbers, or impossible
	events  []bobbin.Event
	parents []string
	end     bobbin.End
}

// drain reads a stream of a topic to its end.
func drain(t *testing.T, client *bobbin.Client, topic, parameter string) (f found) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	consumer, err := client.Consumer(topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		t.Fatal(err)
	}
	if err := consumer.Run(ctx, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
		v := s.Number(parameter)
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			switch p := p.(type) {
			case *bobbin.Rows:
				for _, row := range p.All() {
					f.rows++
					if n, ok := row.Num(v); !ok || math.IsNaN(n) || n < coldest || n > hottest {
						f.bad++
					}
				}
			case *bobbin.Event:
				f.events = append(f.events, *p)
			}
		}
		f.parents, f.end = s.Properties().Parents, s.End()
		stop()
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	return f
}

// work runs both steps beside a test.
func work(t *testing.T, client *bobbin.Client) {
	var working sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	working.Go(func() {
		if err := run(ctx, client, ""); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { stop(); working.Wait() })
}

// A machine that gets hot for half a day, with a sensor that fails now and then: the cleaned stream has only what can be, and the hot half-day is the one anomaly.
func TestWhatIsUnusualIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bobbintest.Start(t)
		client := b.Client(t)
		ctx := t.Context()
		if err := makeTopics(ctx, client); err != nil {
			t.Fatal(err)
		}
		work(t, client)
		machines, err := client.Producer(rawTopic, nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := machines.Stream(ctx, "m", nil)
		if err != nil {
			t.Fatal(err)
		}
		value := s.Number("value", nil)
		const days, hotFrom, hotTo = 40, 30*24 + 6, 30*24 + 18 // hours
		impossible := 0
		began := time.Now().UTC()
		for h := range days * 24 {
			v := 90 + 5*math.Sin(float64(h)*math.Pi/12)
			switch {
			case h%101 == 0:
				v = math.NaN()
			case h%97 == 0:
				v = -1000
				impossible++
			case h >= hotFrom && h < hotTo:
				v += 25
			}
			if err := s.Row(bobbin.At(began.Add(time.Duration(h)*time.Hour))).Num(value, v).Write(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Close(ctx, bobbin.Closed); err != nil {
			t.Fatal(err)
		}

		cleaned := drain(t, client, cleanTopic, "temperature")
		if lost := (days*24 + 100) / 101; cleaned.rows != days*24-lost-impossible || cleaned.bad != 0 || len(cleaned.events) != impossible || cleaned.end != bobbin.Closed {
			t.Errorf("cleaned: %+v; %d were impossible", cleaned, impossible)
		}
		scored := drain(t, client, scoresTopic, "deviation")
		if !slices.Equal(scored.parents, []string{cleanTopic + "/m"}) || scored.end != bobbin.Closed || scored.rows == 0 {
			t.Errorf("scored: %+v", scored)
		}
		hot := began.Add(hotFrom * time.Hour)
		if len(scored.events) != 1 || scored.events[0].ID != "anomaly" || scored.events[0].Time.Time().Sub(hot).Abs() > 12*time.Hour {
			t.Errorf("reported are %v, hot was it from %v on", scored.events, hot)
		}
	})
}

// On a real machine that failed four times: each failure is reported within the window that people have marked, and nothing else.
func TestTheFailuresOfARealMachineAreFound(t *testing.T) {
	data := filepath.Join("..", "..", "..", "shared", "data")
	text, err := os.ReadFile(filepath.Join(data, "anomaly-windows.json"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is not there: the folder shared/data beside the repository has it", data)
	}
	if err != nil {
		t.Fatal(err)
	}
	var all map[string][][2]string
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	windows := all["realKnownCause/machine_temperature_system_failure.csv"]

	b := bobbintest.Start(t)
	client := b.Client(t)
	if err := makeTopics(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	work(t, client)
	if err := feed(t.Context(), client, filepath.Join(data, "machine-temperature.csv"), "machine-1"); err != nil {
		t.Fatal(err)
	}
	scored := drain(t, client, scoresTopic, "deviation")
	hit := make(map[int]bool)
	for _, e := range scored.events {
		at := e.Time.Time().Format("2006-01-02 15:04:05.000000")
		i := slices.IndexFunc(windows, func(w [2]string) bool { return w[0] <= at && at <= w[1] })
		if hit[i] = true; i < 0 {
			t.Errorf("reported at %s: %s", at, e.Value)
		}
	}
	if len(hit) != 4 || len(windows) != 4 {
		t.Errorf("%d of %d failures are reported", len(hit), len(windows))
	}
}
