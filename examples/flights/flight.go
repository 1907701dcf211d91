package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/twmb/avro"
	"github.com/twmb/avro/ocf"

	"github.com/bobbinstream/bobbin"
)

// flight is what is read of a record of the file. Times of day are hours and minutes as one number, on the clock of the airport; delays and durations are minutes. What did not happen is nil.
type flight struct {
	FlightDate, Carrier, Origin, Dest            string
	TailNum, CancellationCode                    *string
	FlightNum, CRSDepTime, Cancelled, Diverted   int32
	DepDelay, TaxiOut, AirTime, TaxiIn, ArrDelay *int32
	OriginCityName, DestCityName                 string
	Distance                                     int32
}

// load reads the departures of one airport, or of all when it is empty.
func load(file, airport string) (flights []flight, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	columns, err := avro.SchemaFor[flight](avro.WithName("Flight")) // these of many
	if err != nil {
		return nil, err
	}
	records, err := ocf.NewReader(f, ocf.WithReaderSchema(columns))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	defer records.Close()
	for {
		var x flight
		switch err := records.Decode(&x); {
		case err == io.EOF:
			return flights, nil
		case err != nil:
			return nil, fmt.Errorf("%s, flight %d: %w", file, len(flights)+1, err)
		}
		if airport == "" || x.Origin == airport {
			flights = append(flights, x)
		}
	}
}

// id is unique: a number flies once a day from an airport.
func (f *flight) id() string {
	return f.Carrier + strconv.Itoa(int(f.FlightNum)) + "-" + f.Origin + "-" + f.FlightDate
}

func (f *flight) properties() bobbin.Properties {
	p := bobbin.Properties{
		Name:     fmt.Sprintf("%s %d to %s", f.Carrier, f.FlightNum, f.DestCityName),
		Location: "/airports/" + f.Origin,
		Metadata: map[string]string{"carrier": f.Carrier, "from": f.Origin, "to": f.Dest, "miles": strconv.Itoa(int(f.Distance))},
	}
	if f.TailNum != nil {
		p.Metadata["aircraft"] = *f.TailNum
	}
	return p
}

// step is something that happens to a flight.
type step struct {
	at    time.Time
	event string
	value string
	delay *int32 // in minutes, where the step says one
}

// announced is how long before its departure a flight is on the board.
const announced = 2 * time.Hour

// reasons of cancellations, by their codes.
var reasons = map[string]string{"A": "carrier", "B": "weather", "C": "air traffic", "D": "security"}

// life returns what happens to a flight, in order, by the clock of the airport from which it leaves, and how it ends.
func (f *flight) life() (steps []step, end bobbin.End, err error) {
	day, err := time.Parse(time.DateOnly, f.FlightDate)
	if err != nil {
		return nil, end, err
	}
	at := day.Add(time.Duration(f.CRSDepTime/100)*time.Hour + time.Duration(f.CRSDepTime%100)*time.Minute)
	steps = append(steps, step{at: at.Add(-announced), event: "scheduled", value: at.Format("15:04")})
	for _, next := range []struct {
		event        string
		after, delay *int32
	}{
		{"off-block", f.DepDelay, f.DepDelay}, {"wheels-off", f.TaxiOut, nil}, {"wheels-on", f.AirTime, nil}, {"at-gate", f.TaxiIn, f.ArrDelay},
	} {
		if next.after == nil {
			break // it did not come so far
		}
		at = at.Add(time.Duration(*next.after) * time.Minute)
		steps = append(steps, step{at: at, event: next.event, delay: next.delay})
	}
	switch {
	case f.Cancelled != 0:
		why := "unknown"
		if f.CancellationCode != nil {
			why = reasons[*f.CancellationCode]
		}
		return append(steps, step{at: at, event: "cancelled", value: why}), bobbin.Aborted, nil
	case f.Diverted != 0:
		return append(steps, step{at: at, event: "diverted"}), bobbin.Terminated, nil
	}
	return steps, bobbin.Closed, nil
}
