package compat

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKafkaToolsAdminister runs Kafka's own tools of administration against the broker, as an operator would, and looks at what they print.
func TestKafkaToolsAdminister(t *testing.T) {
	home := os.Getenv("KAFKA_HOME")
	if home == "" {
		t.Skip("KAFKA_HOME is not set: Kafka's tools are not here")
	}
	addr := startBobbin(t).addr
	before := filepath.Join(t.TempDir(), "before.json")
	if err := os.WriteFile(before, []byte(`{"partitions":[{"topic":"tools","partition":0,"offset":-1}],"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		want string
	}{
		{"topics --create --topic tools --partitions 2", "Created topic tools."},
		{"topics --alter --topic tools --partitions 4", ""},
		{"topics --describe --topic tools", "PartitionCount: 4"},
		{"configs --entity-type topics --entity-name tools --alter --add-config retention.ms=5000,segment.bytes=2000000", "Completed updating config for topic tools."},
		{"configs --entity-type topics --entity-name tools --alter --delete-config segment.bytes", "Completed updating config for topic tools."},
		{"configs --entity-type topics --entity-name tools --describe", "retention.ms=5000"},
		{"configs --entity-type brokers --entity-default --alter --add-config message.max.bytes=2000000", "Completed updating default config for brokers in the cluster."},
		{"configs --entity-type brokers --entity-name 1 --alter --add-config log.roll.ms=99999", "Completed updating config for broker 1."},
		{"configs --entity-type brokers --entity-name 1 --describe", "DYNAMIC_BROKER_CONFIG:log.roll.ms=99999"},
		{"configs --entity-type brokers --entity-default --describe", "DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=2000000"},
		{"delete-records --offset-json-file " + before, "low_watermark: 0"},
		{"offsets --topic tools", "tools:3:0"},
		{"log-dirs --describe --topic-list tools", `"partition":"tools-3"`},
		{"quorum describe --status", "LeaderId:               1"},
		{"quorum describe --replication", "Leader"},
		{"features describe", "metadata.version"},
		{"elect --election-type preferred --all-topic-partitions", ""},
		{"topics --delete --topic tools", ""},
	} {
		tool, args, _ := strings.Cut(c.args, " ")
		out := kafkaTool(t, home, append([]string{tool, "--bootstrap-server", addr}, strings.Fields(args)...)...)
		if !strings.Contains(out, c.want) {
			t.Errorf("%s printed\n%s\nwithout %q", c.args, out, c.want)
		}
	}
}

// kafkaTool runs one of Kafka's tools, which must end well.
func kafkaTool(t *testing.T, home string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(home, "bin", "tool.sh"), args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
