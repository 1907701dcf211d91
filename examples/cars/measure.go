package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/bobbinstream/bobbin"
)

// pressures is a row of the tyres: fields are parameters.
type pressures struct {
	At         time.Time `bobbin:",time"`
	FrontLeft  float64   `bobbin:"front-left,unit=kPa,min=0,max=400"`
	FrontRight float64   `bobbin:"front-right,unit=kPa,min=0,max=400"`
	RearLeft   float64   `bobbin:"rear-left,unit=kPa,min=0,max=400"`
	RearRight  float64   `bobbin:"rear-right,unit=kPa,min=0,max=400"`
}

const (
	tick      = 20 * time.Millisecond // of the engine
	tyresTick = 25                    // ticks, half a second
	placeTick = 50                    // a second
	lap       = 90 * time.Second
)

// measure writes what the car's systems say, each at its own rate, until the time is over or ctx ends. Handles are resolved once: in the loop no name is looked up.
func (c *car) measure(ctx context.Context, length time.Duration) error {
	rpm := c.engine.Number("rpm", &bobbin.Definition{Name: "Revolutions", Unit: "1/min", Max: 8000})
	water := c.engine.Number("water", &bobbin.Definition{Name: "Cooling water", Unit: "°C", Min: -40, Max: 130})
	gear := c.engine.Tag("gear")
	tyres, err := bobbin.StructsOf[pressures](c.tyres)
	if err != nil {
		return err
	}
	speed := c.position.Number("speed", &bobbin.Definition{Unit: "km/h", Max: 300})
	place := c.position.Rows(
		c.position.Number("latitude", &bobbin.Definition{Unit: "°", Min: -90, Max: 90}),
		c.position.Number("longitude", &bobbin.Definition{Unit: "°", Min: -180, Max: 180}),
		speed,
	)
	if err := c.position.DefineEvent(bobbin.EventDefinition{ID: "lap", Name: "A lap is complete"}); err != nil {
		return err
	}

	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began := time.Now()
	laps := 0
	for n := 0; ; n++ {
		var now time.Time
		select {
		case now = <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		driven := now.Sub(began)
		if driven > length {
			return nil
		}
		at := bobbin.At(now)
		s := c.state(driven)
		if err := c.engine.Row(at).Num(rpm, s.rpm).Num(water, s.water).Tag(gear, fmt.Sprint(s.gear)).Write(ctx); err != nil {
			return err
		}
		if n%tyresTick == 0 {
			p := s.pressure
			if err := tyres.Write(ctx, pressures{now, p, p + 1, p - 2, p - 2}); err != nil {
				return err
			}
		}
		if n%placeTick == 0 {
			if err := place.Append(ctx, at, s.latitude, s.longitude, s.speed); err != nil {
				return err
			}
		}
		if int(driven/lap) > laps {
			laps++
			if err := c.position.Emit(ctx, bobbin.Event{Time: at, ID: "lap", Value: fmt.Sprint(laps)}); err != nil {
				return err
			}
		}
	}
}

// state is what a car would measure.
type state struct {
	rpm, water, pressure, speed, latitude, longitude float64
	gear                                             int
}

// state makes numbers that look like those of a car on a round track.
func (c *car) state(driven time.Duration) state {
	t := driven.Seconds()
	angle := 2 * math.Pi * (t/lap.Seconds() + float64(c.number)/7)
	speed := 160 + 90*math.Sin(3*angle)
	gear := 1 + int(speed/60)
	return state{
		speed: speed, gear: gear, rpm: 1500 + 6000*(speed/60-math.Floor(speed/60)),
		water: 90 - 70*math.Exp(-t/120), pressure: 230 + 20*(1-math.Exp(-t/300)),
		latitude: 50.33 + 0.01*math.Sin(angle), longitude: 6.94 + 0.015*math.Cos(angle),
	}
}
