package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/bobbinstream/bobbin"
)

// The numbers fit the machine whose failures the test has.
const (
	recent   = 3 * time.Hour       // half of the weight of what is compared is younger than this
	usual    = 12 * 24 * time.Hour // … and of what it is compared with, than this
	learning = 7 * 24 * time.Hour  // nothing is said before so much is known
	unusual  = 2.6                 // so many standard deviations are reported
)

// score writes by how many standard deviations the last hours differ from the weeks before, and an event when that becomes unusual. It says nothing before it has learned what is usual.
func score(in *bobbin.StreamReader, out *bobbin.Stream) func(context.Context, *bobbin.Rows) error {
	temperature := in.Number("temperature")
	deviation := out.Number("deviation", &bobbin.Definition{Name: "Deviation from what is usual", Unit: "σ"})
	var m model
	alarmed := false
	return func(ctx context.Context, rows *bobbin.Rows) error {
		for _, row := range rows.All() {
			v, ok := row.Num(temperature)
			if !ok {
				continue
			}
			d := m.learn(row.Time(), v)
			if m.seen < learning {
				continue
			}
			if err := out.Row(row.Time()).Num(deviation, d).Write(ctx); err != nil {
				return err
			}
			before := alarmed
			if alarmed = math.Abs(d) > unusual || alarmed && math.Abs(d) > unusual/2; !alarmed || before {
				continue
			}
			if err := out.Emit(ctx, bobbin.Event{Time: row.Time(), ID: "anomaly", Value: fmt.Sprintf("%.1f σ", d)}); err != nil {
				return err
			}
		}
		return nil
	}
}

// model is the whole of the machine learning: averages with weights that fade.
type model struct {
	seen                time.Duration // from the first row to the last one
	last                bobbin.Time
	now, mean, variance float64
}

// learn takes a value and says by how many standard deviations the recent ones differ from what is usual.
func (m *model) learn(at bobbin.Time, v float64) float64 {
	if m.last == 0 {
		m.last, m.now, m.mean, m.variance = at, v, v, 25
		return 0
	}
	passed := time.Duration(at - m.last)
	m.last, m.seen = at, m.seen+passed
	m.now += share(passed, recent) * (v - m.now)
	d := (m.now - m.mean) / math.Sqrt(m.variance)
	a := share(passed, usual)
	diff := v - m.mean
	m.mean += a * diff
	m.variance = (1 - a) * (m.variance + a*diff*diff)
	return d
}

// share is the weight of what is new after a time, when half of the weight is younger than half.
func share(passed, half time.Duration) float64 {
	return 1 - math.Exp2(-float64(passed)/float64(half))
}
