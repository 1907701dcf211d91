package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A real Kafka is one node of a folder with bin/format.sh and env.sh, which reads where data, logs and settings are from the
// environment. The node's number is its port: N listens on N9092 and N9093.
const (
	kafkaHeap = "-Xms1g -Xmx1g"
	kafkaGC   = "-XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35"
	// kafkaRun is what bin/start.sh runs, but as this program's own child, so that it can be waited for.
	kafkaRun = `. "$1/env.sh" && mkdir -p "$LOGS/node$NODES" && exec "$JAVA" $HEAP $GC $JVM_OPTS -Dkafka.logs.dir="$LOGS/node$NODES" ` +
		`-Dlog4j2.configurationFile="$BASE/config/log4j2.properties" -cp "$CP" kafka.Kafka "$RUN/node$NODES.properties"`
)

// kafkaNode is a formatted node: its data outlives its processes.
type kafkaNode struct {
	home, dir, addr string
	env             []string
}

// newKafka formats a node with fresh data below dir.
func (b *bench) newKafka(ctx context.Context, dir string) (*kafkaNode, error) {
	number, err := freeNode()
	if err != nil {
		return nil, err
	}
	n := &kafkaNode{home: b.kafka, dir: dir, addr: fmt.Sprintf("127.0.0.1:%d9092", number)}
	n.env = append(os.Environ(),
		fmt.Sprintf("NODES=%d", number), "HEAP="+kafkaHeap, "GC="+kafkaGC, "KAFKA_CLUSTER_HOME="+b.kafka,
		"DATA="+filepath.Join(dir, "data"), "RUN="+filepath.Join(dir, "run"), "LOGS="+filepath.Join(dir, "logs"))
	format := exec.CommandContext(ctx, "bash", filepath.Join(b.kafka, "bin", "format.sh"))
	format.Env, format.Dir = n.env, dir
	if text, err := format.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format a Kafka node with %s: %w: %s", b.kafka, err, strings.TrimSpace(string(text)))
	}
	return n, nil
}

// exec starts the node's process and does not wait for it to listen.
func (n *kafkaNode) exec() (*process, error) {
	return start("Kafka", n.addr, n.dir, n.env, "bash", "-c", kafkaRun, "kafka", n.home)
}

// startKafka formats a node and starts it.
func (b *bench) startKafka(ctx context.Context, dir string) (*process, error) {
	n, err := b.newKafka(ctx, dir)
	if err != nil {
		return nil, err
	}
	p, err := n.exec()
	if err != nil {
		return nil, err
	}
	if err := p.awaitListening(ctx); err != nil {
		p.kill()
		return nil, err
	}
	return p, nil
}

// freeNode returns a node's number whose two ports are free.
func freeNode() (int, error) {
	for number := 1; number <= 5; number++ { // the first two are below the ports that clients get
		if portFree(number*10000+9092) && portFree(number*10000+9093) {
			return number, nil
		}
	}
	return 0, errors.New("start Kafka: the ports 19092 to 59093 are all in use; stop the other nodes")
}
