package main

import (
	"context"
	"math"
	"strconv"

	"github.com/bobbinstream/bobbin"
)

// What the sensor can measure.
const coldest, hottest = -40.0, 200.0

// clean leaves out rows without a temperature, those that no machine can have, and those that are not newer than the one before. It says what it left out in an event, for whoever looks after the sensor.
func clean(in *bobbin.StreamReader, out *bobbin.Stream) func(context.Context, *bobbin.Rows) error {
	value := in.Number("value")
	temperature := out.Number("temperature", &bobbin.Definition{Name: "Temperature of the bearing", Unit: "°F", Min: coldest, Max: hottest})
	last := bobbin.Time(math.MinInt64)
	return func(ctx context.Context, rows *bobbin.Rows) error {
		for _, row := range rows.All() {
			v, ok := row.Num(value)
			switch {
			case !ok || math.IsNaN(v), row.Time() <= last:
				continue
			case v < coldest || v > hottest:
				if err := out.Emit(ctx, bobbin.Event{Time: row.Time(), ID: "impossible-value", Value: strconv.FormatFloat(v, 'g', -1, 64)}); err != nil {
					return err
				}
				continue
			}
			last = row.Time()
			if err := out.Row(last).Num(temperature, v).Write(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
