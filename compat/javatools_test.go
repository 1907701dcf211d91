package compat

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKafkaTools runs the command-line tools of Kafka against the broker, as an administrator would.
func TestKafkaTools(t *testing.T) {
	home := os.Getenv("KAFKA_HOME")
	if home == "" {
		t.Skip("KAFKA_HOME is not set: Kafka's tools are not here")
	}
	s := startBobbin(t, "auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0")
	j := javaTools{t, home, s.addr}
	var lines strings.Builder
	for i := range 300 {
		fmt.Fprintf(&lines, "key-%d\tline %d\n", i%10, i)
	}
	deletion := filepath.Join(t.TempDir(), "delete.json")
	if err := os.WriteFile(deletion, []byte(`{"partitions":[{"topic":"tools","partition":0,"offset":2}],"version":1}`), 0o600); err != nil {
		t.Fatal(err)
	}

	j.run("topics", "", []string{"Created topic tools"}, "--create", "--topic", "tools", "--partitions", "3", "--config", "retention.ms=3600000")
	j.run("topics", "", []string{"tools"}, "--list")
	j.run("topics", "", []string{"PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=3600000", "Partition: 2"}, "--describe", "--topic", "tools")
	j.run("topics", "", nil, "--alter", "--topic", "tools", "--partitions", "5")
	j.run("topics", "", []string{"PartitionCount: 5"}, "--describe", "--topic", "tools")

	topic := []string{"--entity-type", "topics", "--entity-name", "tools"}
	j.run("configs", "", []string{"Completed updating config for topic tools"}, append([]string{"--alter", "--add-config", "max.message.bytes=300000,cleanup.policy=[compact,delete]"}, topic...)...)
	j.run("configs", "", []string{"max.message.bytes=300000", "cleanup.policy=compact,delete"}, append([]string{"--describe"}, topic...)...)
	j.run("configs", "", []string{"Completed updating config for topic tools"}, append([]string{"--alter", "--delete-config", "cleanup.policy"}, topic...)...)
	j.run("configs", "", []string{"retention.ms=3600000", "segment.bytes=1073741824"}, append([]string{"--describe", "--all"}, topic...)...)

	j.run("configs", "", []string{"Completed updating default config"}, "--entity-type", "brokers", "--entity-default", "--alter", "--add-config", "message.max.bytes=2000000")
	j.run("configs", "", []string{"DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=2000000"}, "--entity-type", "brokers", "--entity-default", "--describe")
	j.run("configs", "", []string{"Completed updating config for broker 1"}, "--entity-type", "brokers", "--entity-name", "1", "--alter", "--add-config", "log.roll.ms=99999")
	j.run("configs", "", []string{"DYNAMIC_BROKER_CONFIG:log.roll.ms=99999"}, "--entity-type", "brokers", "--entity-name", "1", "--describe")

	j.run("console-producer", lines.String(), nil, "--topic", "tools", "--property", "parse.key=true")
	if out := j.run("console-consumer", "", []string{"line 0\n", "line 299\n"}, "--topic", "tools", "--from-beginning", "--group", "console", "--max-messages", "300"); strings.Count(out, "line ") != 300 {
		t.Errorf("console-consumer read %d lines, want 300", strings.Count(out, "line "))
	}
	j.run("offsets", "", []string{"tools:0:", "tools:4:"}, "--topic", "tools", "--time", "-1")
	j.run("consumer-groups", "", []string{"console"}, "--list")
	j.run("consumer-groups", "", []string{"CURRENT-OFFSET", "console", "tools"}, "--describe", "--group", "console")
	j.run("consumer-groups", "", []string{"Empty"}, "--describe", "--group", "console", "--state")
	j.run("consumer-groups", "", []string{"NEW-OFFSET", "tools"}, "--reset-offsets", "--group", "console", "--topic", "tools", "--to-earliest", "--dry-run")
	j.run("consumer-groups", "", []string{"NEW-OFFSET", "tools"}, "--reset-offsets", "--group", "console", "--topic", "tools", "--to-earliest", "--execute")
	j.run("consumer-groups", "", []string{"Successful"}, "--delete-offsets", "--group", "console", "--topic", "tools:1")
	j.run("consumer-groups", "", []string{"was successful"}, "--delete", "--group", "console")
	j.run("groups", "", nil, "--list")

	j.run("delete-records", "", []string{"low_watermark: 2"}, "--offset-json-file", deletion)
	j.run("offsets", "", []string{"tools:0:2"}, "--topic", "tools", "--time", "-2")
	j.run("log-dirs", "", []string{`"tools-0"`}, "--describe", "--topic-list", "tools")
	j.run("producer-perf", "", []string{"20000 records sent"}, "--topic", "tools", "--num-records", "20000", "--record-size", "100", "--throughput", "-1", "--producer-props", "bootstrap.servers="+s.addr)
	makeTopic(t, s.addr, "verified", 2)
	j.run("verifiable-producer", "", []string{`"acked":2000`}, "--topic", "verified", "--max-messages", "2000", "--acks", "-1")
	j.run("verifiable-consumer", "", []string{"records_consumed", "offsets_committed"}, "--topic", "verified", "--max-messages", "2000", "--group-id", "verifiers", "--reset-policy", "earliest")
	j.run("quorum", "", []string{"LeaderId", "CurrentVoters"}, "describe", "--status")
	j.run("features", "", []string{"metadata.version"}, "describe")
	j.run("elect", "", nil, "--election-type", "preferred", "--all-topic-partitions")
	j.run("api-versions", "", []string{"Produce(0)", "JoinGroup(11)"})
	j.run("topics", "", nil, "--delete", "--topic", "tools")
	if out := j.run("topics", "", nil, "--list"); strings.Contains(out, "tools") {
		t.Errorf("the deleted topic is still listed:\n%s", out)
	}

	if s.cmd == nil {
		return
	}
	s.stop(t)
	segments, err := filepath.Glob(filepath.Join(s.dir, "__consumer_offsets-*", "*.log"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("no segments of __consumer_offsets: %v", err)
	}
	j.addr = ""
	out := j.run("dump-log", "", []string{`"group":"verifiers"`, `"topic":"verified"`, `"protocolType":"consumer"`}, "--offsets-decoder", "--deep-iteration", "--print-data-log", "--files", strings.Join(segments, ","))
	if strings.Contains(out, "isvalid: false") {
		t.Errorf("dump-log finds invalid batches:\n%s", out)
	}
}

// javaTools runs Kafka's tools.
type javaTools struct {
	t    *testing.T
	home string
	addr string
}

// run runs a tool, wants it to end well and to say what is wanted, and returns all that it said.
func (j *javaTools) run(tool, input string, want []string, args ...string) string {
	j.t.Helper()
	if j.addr != "" && tool != "producer-perf" {
		args = append([]string{"--bootstrap-server", j.addr}, args...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(j.home, "bin", "tool.sh"), append([]string{tool}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	b, err := cmd.CombinedOutput()
	out := string(b)
	if err != nil {
		j.t.Errorf("%s %s: %v\n%s", tool, strings.Join(args, " "), err, tailOf(b, 4<<10))
		return out
	}
	for _, w := range want {
		if !strings.Contains(out, w) {
			j.t.Errorf("%s %s does not say %q:\n%s", tool, strings.Join(args, " "), w, tailOf(b, 4<<10))
		}
	}
	return out
}
