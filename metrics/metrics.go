package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bobbinstream/bobbin"
)

// Collector is a prometheus.Collector of a client. It is safe for concurrent use.
type Collector struct{ client *bobbin.Client }

// New makes a collector of a client's producers and consumers.
func New(client *bobbin.Client) *Collector { return &Collector{client} }

// metric is one number of a producer or a consumer.
type metric[S any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(S) float64
}

const prefix = "bobbin_client_"

func written(name, help string, kind prometheus.ValueType, value func(bobbin.ProducerStats) float64) metric[bobbin.ProducerStats] {
	return metric[bobbin.ProducerStats]{prometheus.NewDesc(prefix+name, help, []string{"topic"}, nil), kind, value}
}

func read(name, help string, kind prometheus.ValueType, value func(bobbin.ConsumerStats) float64) metric[bobbin.ConsumerStats] {
	return metric[bobbin.ConsumerStats]{prometheus.NewDesc(prefix+name, help, []string{"topic", "group"}, nil), kind, value}
}

// ofProducers and ofConsumers are all that is told.
func ofProducers() []metric[bobbin.ProducerStats] {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return []metric[bobbin.ProducerStats]{
		written("open_streams_written", "Streams that are open for writing.", gauge, func(s bobbin.ProducerStats) float64 { return float64(s.Streams) }),
		written("packets_written_total", "Packets that were written, of all kinds.", counter, func(s bobbin.ProducerStats) float64 { return float64(s.Packets) }),
		written("rows_written_total", "Rows in the packets that were written.", counter, func(s bobbin.ProducerStats) float64 { return float64(s.Rows) }),
		written("bytes_written_total", "Bytes of the packets that were written, before compression.", counter, func(s bobbin.ProducerStats) float64 { return float64(s.Bytes) }),
		written("packets_acknowledged_total", "Packets that the cluster has acknowledged.", counter, func(s bobbin.ProducerStats) float64 { return float64(s.Acked) }),
		written("packets_given_up_total", "Packets that were given up. Anything above 0 is data that was lost on its way.", counter, func(s bobbin.ProducerStats) float64 { return float64(s.Failed) }),
		written("packets_waiting", "Packets that are not answered yet.", gauge, func(s bobbin.ProducerStats) float64 { return float64(s.Waiting) }),
	}
}

func ofConsumers() []metric[bobbin.ConsumerStats] {
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return []metric[bobbin.ConsumerStats]{
		read("partitions", "Partitions that the consumer has.", gauge, func(s bobbin.ConsumerStats) float64 { return float64(s.Partitions) }),
		read("open_streams_read", "Streams that are being read.", gauge, func(s bobbin.ConsumerStats) float64 { return float64(s.Streams) }),
		read("waiting_bytes", "Bytes of packets that wait for handlers and buffers.", gauge, func(s bobbin.ConsumerStats) float64 { return float64(s.Waiting) }),
		read("packets_read_total", "Packets that were read, of all kinds.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Packets) }),
		read("bytes_read_total", "Bytes of the packets that were read.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Bytes) }),
		read("packets_broken_total", "Packets that could not be read as what they said to be.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Broken) }),
		read("handler_failures_total", "Calls of handlers that failed.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Failures) }),
		read("packets_skipped_total", "Packets that were passed over after a handler had failed.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Skipped) }),
		read("commits_total", "Commits that the cluster took.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Commits) }),
		read("partitions_revoked_total", "Partitions that went to other consumers of the group.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Revoked) }),
		read("handlers_abandoned_total", "Handlers that did not return when their partition was taken away.", counter, func(s bobbin.ConsumerStats) float64 { return float64(s.Abandoned) }),
	}
}

// Describe sends the descriptions of all metrics.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range ofProducers() {
		to <- m.desc
	}
	for _, m := range ofConsumers() {
		to <- m.desc
	}
}

// Collect sends what the client's producers and consumers did so far.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	st := c.client.Stats()
	send(to, ofProducers(), st.Producers, 1, func(s bobbin.ProducerStats) [2]string { return [2]string{s.Topic} })
	send(to, ofConsumers(), st.Consumers, 2, func(s bobbin.ConsumerStats) [2]string { return [2]string{s.Topic, s.Group} })
}

// send sums up what has the same values of the first n labels.
func send[S any](to chan<- prometheus.Metric, metrics []metric[S], stats []S, n int, labels func(S) [2]string) {
	for _, m := range metrics {
		sums := make(map[[2]string]float64)
		for _, s := range stats {
			sums[labels(s)] += m.value(s)
		}
		for l, v := range sums {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, v, l[:n]...)
		}
	}
}
