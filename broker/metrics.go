package broker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/server"
)

// registry returns a registry of its own with the broker's figures and those of the process.
func (b *Broker) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collector{b}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return r
}

// collector reads the figures when they are asked for.
type collector struct{ b *Broker }

// Describe sends nothing, which marks a collector whose labels are only known when it is asked.
func (collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(out chan<- prometheus.Metric) {
	c.collectServer(sink{out})
	c.collectStore(sink{out})
}

func (c collector) collectServer(out sink) {
	s := c.b.server.Stats()
	out.gauge("connections", "Open connections.", float64(s.Connections))
	out.counter("connections_accepted_total", "Connections accepted.", float64(s.Accepted))
	out.counter("connections_refused_total", "Connections refused because of a limit.", float64(s.Refused))
	out.counter("connections_foreign_total", "Connections whose peer spoke HTTP or TLS instead of the Kafka protocol.", float64(s.Foreign))
	out.counter("connections_malformed_total", "Connections that ended because the peer sent what is no valid request.", float64(s.Malformed))
	out.counter("received_bytes_total", "Bytes of requests.", float64(s.BytesIn))
	out.counter("sent_bytes_total", "Bytes of responses.", float64(s.BytesOut))
	out.counter("panics_total", "Connections that ended by an error in the program. Always a bug.", float64(s.Panics))
	out.gauge("request_memory_bytes", "Memory of requests.", float64(s.RequestMemory))
	out.gauge("fetch_memory_bytes", "Memory of records in responses.", float64(s.FetchMemory))
	out.gauge("fetch_sessions", "Fetch sessions (KIP-227).", float64(s.FetchSessions))
	for _, g := range []struct {
		state string
		n     int
	}{
		{"Empty", s.Groups.Empty}, {"PreparingRebalance", s.Groups.PreparingRebalance}, {"CompletingRebalance", s.Groups.CompletingRebalance}, {"Stable", s.Groups.Stable},
	} {
		out.labelledGauge("groups", "Consumer groups by state.", "state", g.state, float64(g.n))
	}
	out.gauge("group_members", "Members of consumer groups.", float64(s.Groups.Members))
	out.gauge("group_offsets", "Committed offsets that are kept.", float64(s.Groups.Offsets))
	for key, n := range s.Requests {
		out.labelled("requests_total", "Requests by API.", "api", kmsg.NameForKey(key), float64(n))
	}
	for code, n := range s.Errors {
		out.labelled("errors_total", "Errors in responses by Kafka's name.", "code", codeName(code), float64(n))
	}
	out.histogram("produce_seconds", "From a produce request to its response.", s.ProduceLatency)
	out.histogram("fetch_seconds", "From a fetch request to its response, without the time that it waited for records.", s.FetchLatency)
}

func (c collector) collectStore(out sink) {
	s := c.b.store.Stats()
	up := 1.0
	if c.b.Err() != nil {
		up = 0
	}
	out.gauge("disk_ok", "0 after an error of the disk that ended the service of writes.", up)
	out.gauge("topics", "Topics.", float64(s.Topics))
	out.gauge("partitions", "Partitions.", float64(s.Partitions))
	out.gauge("partitions_offline", "Partitions that are not served because their files are damaged.", float64(s.Offline))
	out.gauge("log_bytes", "Bytes of record batches of all partitions, those included that are only in the write-ahead log.", float64(c.b.store.LogBytes()))
	changes, epoch := c.b.store.Version()
	out.counter("catalog_changes_total", "Changes of topics, of settings and of producer ids since the data directory was made.", float64(changes))
	out.counter("unclean_starts_total", "Starts after a crash since the data directory was made.", float64(epoch))
	out.gauge("start_seconds", "How long the last start took, with the replay of the write-ahead log.", c.b.store.Recovery().Took.Seconds())
	out.gauge("tail_bytes", "Memory of records that are not in their segments yet.", float64(s.TailBytes))
	out.counter("wal_groups_total", "Groups written to the write-ahead log.", float64(s.WAL.Groups))
	out.counter("wal_bytes_total", "Bytes written to the write-ahead log.", float64(s.WAL.Bytes))
	out.counter("wal_syncs_total", "Syncs of the write-ahead log.", float64(s.WAL.Syncs))
	out.gauge("wal_size_bytes", "Size of the write-ahead log's files.", float64(s.WAL.TotalBytes))
	out.counter("checkpoints_total", "Checkpoints made.", float64(s.Checkpoints))
	out.counter("compactions_total", "Rounds in which a log was compacted.", float64(s.Compaction.Cleanings))
	out.counter("compaction_read_bytes_total", "Bytes of segments that were replaced by compacted ones.", float64(s.Compaction.BytesRead))
	out.counter("compaction_left_bytes_total", "Bytes of the compacted ones.", float64(s.Compaction.BytesLeft))
	out.gauge("compaction_largest_dirty_ratio", "The largest part of a compacted topic's log that is not compacted, when it was last looked at.", s.Compaction.LargestDirtyRatio)
	out.gauge("partitions_uncleanable", "Partitions that are not compacted any more because of an error.", float64(s.Compaction.Uncleanable))
	out.gauge("disk_free_bytes", "Free bytes of the data directory's file system.", float64(s.DiskFree))
	out.gauge("disk_total_bytes", "Size of the data directory's file system.", float64(s.DiskTotal))
}

func codeName(code int16) string {
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return strconv.Itoa(int(code))
}

// sink makes metrics whose names begin with bobbin_.
type sink struct{ out chan<- prometheus.Metric }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("bobbin_"+name, help, labels, nil)
}

func (s sink) gauge(name, help string, v float64) {
	s.out <- prometheus.MustNewConstMetric(desc(name, help), prometheus.GaugeValue, v)
}

func (s sink) counter(name, help string, v float64) {
	s.out <- prometheus.MustNewConstMetric(desc(name, help), prometheus.CounterValue, v)
}

func (s sink) labelled(name, help, label, value string, v float64) {
	s.out <- prometheus.MustNewConstMetric(desc(name, help, label), prometheus.CounterValue, v, value)
}

func (s sink) labelledGauge(name, help, label, value string, v float64) {
	s.out <- prometheus.MustNewConstMetric(desc(name, help, label), prometheus.GaugeValue, v, value)
}

func (s sink) histogram(name, help string, h server.Histogram) {
	buckets := make(map[float64]uint64, len(h.Counts))
	var n uint64
	for i, c := range h.Counts {
		n += uint64(c)
		if i < len(h.Counts)-1 {
			buckets[(time.Microsecond << i).Seconds()] = n
		}
	}
	s.out <- prometheus.MustNewConstHistogram(desc(name, help), n, h.Sum.Seconds(), buckets)
}
