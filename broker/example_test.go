package broker_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/broker"
)

// A broker in a program: Kafka clients connect to the listener.
func Example() {
	b, err := broker.Open(context.Background(), broker.Options{Memory: true}) // Dir: "./data" keeps it
	if err != nil {
		log.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- b.Serve(l) }()

	fmt.Println(b.Durability())
	fmt.Println(b.Shutdown(context.Background()), <-served)
	// Output:
	// sync
	// <nil> the broker is closed
}

// Without a port: a client of the same process connects in memory.
func ExampleBroker_Dial() {
	b, err := broker.Open(context.Background(), broker.Options{Memory: true})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	conn, err := b.Dial(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	req := kmsg.NewPtrApiVersionsRequest()
	if _, err := conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, req, 1)); err != nil {
		log.Fatal(err)
	}
	size := make([]byte, 4)
	n, err := conn.Read(size)
	fmt.Println(n, err)
	// Output:
	// 4 <nil>
}
