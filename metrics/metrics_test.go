package metrics_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/bobbintest"
	"github.com/bobbinstream/bobbin/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCountsOfAClient(t *testing.T) {
	b := bobbintest.Start(t)
	b.CreateTopic(t, "cars", 1)
	client := b.Client(t)
	for range 2 { // two producers of a topic are summed up
		p, err := client.Producer("cars", &bobbin.ProducerOptions{Placement: bobbin.Hashed})
		if err != nil {
			t.Fatal(err)
		}
		s, err := p.Stream(t.Context(), "car-1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Row(1).Num(s.Number("speed", nil), 1).Write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.Consumer("cars", &bobbin.ConsumerOptions{Group: "g"}); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(client))
	want := `
# HELP bobbin_client_rows_written_total Rows in the packets that were written.
# TYPE bobbin_client_rows_written_total counter
bobbin_client_rows_written_total{topic="cars"} 2
# HELP bobbin_client_packets_acknowledged_total Packets that the cluster has acknowledged.
# TYPE bobbin_client_packets_acknowledged_total counter
bobbin_client_packets_acknowledged_total{topic="cars"} 4
# HELP bobbin_client_commits_total Commits that the cluster took.
# TYPE bobbin_client_commits_total counter
bobbin_client_commits_total{group="g",topic="cars"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "bobbin_client_rows_written_total", "bobbin_client_packets_acknowledged_total", "bobbin_client_commits_total"); err != nil {
		t.Error(err)
	}
}
