package kafka

import (
	"errors"
	"io"
	"slices"
	"testing"
)

// A reader until the end ends also when what it was to read goes away before it is read.
func TestReaderUntilTheEndEndsWhenTheRecordsAreGone(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 2)
		send(t, client, topic, 0, "a", "b", "c")
		send(t, client, topic, 1, "d")
		r, err := client.NewReader(c.context(), ReaderOptions{Topic: topic, From: Start(), UntilEnd: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := client.DeleteRecords(c.context(), topic, 0, 3); err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			records, err := r.Poll(c.context(), 0)
			for _, x := range records {
				got = append(got, string(x.Value))
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Contains(got, "d") {
			t.Errorf("%q", got) // what was fetched before the deletion may come too
		}
	})
}
