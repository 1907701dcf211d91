package bobbin_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
)

// A car writes its telemetry, and a reader of a group follows it. The broker is in this program; with Options{Brokers: …} it is any Kafka cluster.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := broker.Open(ctx, broker.Options{Memory: true, Settings: map[string]string{"group.initial.rebalance.delay.ms": "0"}})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	client, err := bobbin.Open(ctx, &bobbin.Options{Dial: func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx) }})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.CreateTopic(ctx, "cars", 3, nil); err != nil {
		log.Fatal(err)
	}

	if err := drive(ctx, client); err != nil {
		log.Fatal(err)
	}
	if err := follow(ctx, client); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Car 44 was at most 206 km/h fast when it came to pit-in
	// closed
}

// drive writes one stream: opens it, says what its parameter means, writes rows and an event, and closes it.
func drive(ctx context.Context, client *bobbin.Client) error {
	cars, err := client.Producer("cars", nil)
	if err != nil {
		return err
	}
	car, err := cars.Stream(ctx, "car-44", &bobbin.StreamOptions{ // opens it, or returns the open one
		Properties: bobbin.Properties{Name: "Car 44", Location: "/team-a"},
	})
	if err != nil {
		return err
	}
	speed := car.Number("speed", &bobbin.Definition{Unit: "km/h", Max: 400}) // resolved once
	driver := car.Tag("driver")
	start := bobbin.At(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	for i := range 1000 {
		t := start + bobbin.Time(i)*bobbin.Time(time.Millisecond)
		if err := car.Row(t).Num(speed, 200+float64(i%7)).Tag(driver, "Ada").Write(ctx); err != nil {
			return err
		}
	}
	if err := car.Emit(ctx, bobbin.Event{ID: "pit-in", Value: "box"}); err != nil {
		return err
	}
	return car.Close(ctx, bobbin.Closed) // nil: everything is acknowledged
}

// follow serves each open stream in its own goroutine, in order, with back-pressure.
func follow(ctx context.Context, client *bobbin.Client) error {
	cars, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "lap-board", Start: bobbin.Earliest()})
	if err != nil {
		return err
	}
	ctx, done := context.WithCancel(ctx)
	defer done()
	return cars.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
		speed, top := s.Number("speed"), 0.0
		s.Buffer(bobbin.Buffer{Span: time.Second, Age: 2 * time.Second}, speed) // a second of rows at a time, one column
		for p, err := range s.Packets() {
			if err != nil { // revoked or cancelled
				return err
			}
			switch p := p.(type) {
			case *bobbin.Rows:
				for _, row := range p.All() {
					if v, ok := row.Num(speed); ok {
						top = max(top, v)
					}
				}
			case *bobbin.Event:
				fmt.Printf("%s was at most %.0f %s fast when it came to %s\n", s.Properties().Name, top, s.Definitions()[0].Unit, p.ID)
			}
		}
		fmt.Println(s.End())
		done()
		return nil // all of it is processed
	}))
}

// Rows as structs.
func ExampleStructsOf() {
	type sample struct {
		At     time.Time `bobbin:",time"`
		Speed  float64   `bobbin:"speed,unit=km/h,max=400"`
		Gear   int       `bobbin:"gear"`
		Driver string    `bobbin:"driver,tag"`
	}
	write := func(ctx context.Context, car *bobbin.Stream) error {
		samples, err := bobbin.StructsOf[sample](car) // resolved once
		if err != nil {
			return err
		}
		return samples.Write(ctx, sample{At: time.Now(), Speed: 212.5, Gear: 7, Driver: "Ada"})
	}
	_ = write
}
