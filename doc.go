// Package bobbin reads and writes streams of time-series data and events on any Kafka cluster, without having to know Kafka.
//
// Nouns: a Client knows a cluster; a Producer of it writes streams into one topic, a Consumer reads them; a Stream is everything from one source, in order,
// on one partition. It opens, carries Properties (what it is), Definitions (what its parameters mean), rows (a time with numbers, texts, bytes and tags) and Events, and it is closed.
// A StreamReader is such a stream as its handler sees it, packet by packet.
//
//	source ─► Stream.Row…Write ─► buffer ─► packet ═══ topic ═══► Consumer ─► StreamReader.Packets ─► handler
//	            Emit, SetProperties            (one record, key = id)      a goroutine for each open stream
//
// Writing:
//
//	client, err := bobbin.Open(ctx, &bobbin.Options{Brokers: []string{"localhost:9092"}})
//	cars, err := client.Producer("cars", nil)
//	car, err := cars.Stream(ctx, "car-44", nil)          // opens it, or returns the open one
//	speed := car.Number("speed", &bobbin.Definition{Unit: "km/h"})
//	err = car.Row(bobbin.At(time.Now())).Num(speed, 212.5).Write(ctx)
//	err = car.Close(ctx, bobbin.Closed)                  // nil: everything is acknowledged
//
// Reading:
//
//	cars, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "lap-board", Start: bobbin.Earliest()})
//	err = cars.Run(ctx, bobbin.HandlerFunc(func(ctx context.Context, s *bobbin.StreamReader) error {
//		speed := s.Number("speed")
//		for packet, err := range s.Packets() {
//			if err != nil {
//				return err
//			}
//			if rows, ok := packet.(*bobbin.Rows); ok {
//				for _, row := range rows.All() {
//					if v, ok := row.Num(speed); ok { … }
//				}
//			}
//		}
//		return nil
//	}))
//
// Promise: what Flush or Close of a stream has returned nil for is stored by the cluster. Packets of a stream come in the order in which they were written, to one consumer of a
// group at a time, at least once; none is committed before its handler has gone past it, and none that a buffer still holds. A stream that is slow, broken or failing holds up no stream on
// another partition. After Client.Close nothing of the client runs.
//
// Never: it does not know what kind of cluster it talks to; no type of another package but Go's own is in its signatures; it
// keeps nothing in package variables and writes to no output but the logger that it was given.
//
// Files: client.go (Client, Options) · values.go (Time, Properties, Definition, handles) · errors.go · producer.go · stream.go · row.go (rows, columns, Event) · structs.go (structs as rows) · builder.go (rows
// to columns) · hash.go (partitions) · consumer.go · partition.go (what is done), ledger.go · serve.go (a handler's life) · reader.go (StreamReader, packets) · view.go (buffers, Rows) · convert.go.
//
// Locks: Producer.mu guards its streams and is held over nothing; Stream.mu guards what waits to be written and is held over nothing, the turn of a stream is held over sending, which may
// wait for the cluster. Consumer.mu guards its partitions; partition.mu, which may be taken under it, the streams and the ledger of one partition; neither is held over handlers, the logger or calls of the cluster.
package bobbin
