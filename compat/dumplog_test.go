package compat

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestKafkaReadsOurFiles writes segments and indexes, stops the broker and lets Kafka's own tool read every file to its last record.
func TestKafkaReadsOurFiles(t *testing.T) {
	home := os.Getenv("KAFKA_HOME")
	if home == "" {
		t.Skip("KAFKA_HOME is not set: Kafka's tools are not here")
	}
	if os.Getenv("BOBBIN_BOOTSTRAP") != "" {
		t.Skip("BOBBIN_BOOTSTRAP is set: the files of that broker are not ours to read")
	}
	s := startBobbin(t)
	const topic, each = "dump", 10_000
	makeTopic(t, s.addr, topic, 1, "segment.bytes=1048576")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	written := 0
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		// small batches, so that the indexes have entries
		writer := franz(t, s.addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8<<10),
			kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for range each {
			writer.Produce(ctx, record(0, written), func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("write: %v", err)
				}
			})
			written++
		}
		if err := writer.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		writer.Close()
	}
	s.stop(t)

	found, records := dumpTopic(t, home, s.dir, topic)
	if found[".log"] < 2 || found[".index"] != found[".log"] || found[".timeindex"] != found[".log"] {
		t.Errorf("found %v, want several segments, each with its indexes", found)
	}
	if records != written {
		t.Errorf("Kafka's tool reads %d records in our segments, want %d", records, written)
	}
	t.Logf("Kafka's dump-log read %d records in %v files", records, found)
}

// TestKafkaReadsOurCompactedFiles writes the same keys again and again, and tombstones, has the topic compacted, and lets Kafka's tool read what is left.
func TestKafkaReadsOurCompactedFiles(t *testing.T) {
	home := os.Getenv("KAFKA_HOME")
	if home == "" {
		t.Skip("KAFKA_HOME is not set: Kafka's tools are not here")
	}
	if os.Getenv("BOBBIN_BOOTSTRAP") != "" {
		t.Skip("BOBBIN_BOOTSTRAP is set: the files of that broker are not ours to read")
	}
	s := startBobbin(t, "log.cleaner.backoff.ms=100")
	const topic, each, keys = "dump", 20_000, 500
	makeTopic(t, s.addr, topic, 1, "segment.bytes=1048576", "cleanup.policy=compact", "min.cleanable.dirty.ratio=0")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	last, written := map[string]string{}, 0
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		writer := franz(t, s.addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(8<<10),
			kgo.RecordPartitioner(kgo.ManualPartitioner()))
		for n := range each {
			r := record(0, written)
			r.Key = fmt.Appendf(nil, "key %d", n*7%keys)
			if n%11 == 0 {
				r.Value = nil
			}
			last[string(r.Key)] = string(r.Value)
			writer.Produce(ctx, r, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("write: %v", err)
				}
			})
			written++
		}
		if err := writer.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		writer.Close()
	}
	// A reader sees, of each key, the last value that was written, and after a while few others.
	for {
		got, seen := map[string]string{}, 0
		reader := franz(t, s.addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for next := int64(0); next < int64(written); {
			fetches := reader.PollFetches(ctx)
			if err := fetches.Err(); err != nil {
				t.Fatal(err)
			}
			fetches.EachRecord(func(r *kgo.Record) {
				got[string(r.Key)] = string(r.Value)
				next, seen = r.Offset+1, seen+1
			})
		}
		reader.Close()
		for k, v := range last {
			if got[k] != v {
				t.Fatalf("%s is %.40q, want %.40q", k, got[k], v)
			}
		}
		if seen < written/3 {
			break
		}
	}
	s.stop(t)
	found, records := dumpTopic(t, home, s.dir, topic)
	if records == 0 || records > written/3 {
		t.Errorf("Kafka's tool reads %d records of %d", records, written)
	}
	t.Logf("Kafka's dump-log read %d records of %d in %v files", records, written, found)
}

// dumpTopic lets Kafka's tool read all files of a topic's first partition, and counts files and records.
func dumpTopic(t *testing.T, home, dir, topic string) (found map[string]int, records int) {
	t.Helper()
	found = map[string]int{}
	for _, kind := range []string{".log", ".index", ".timeindex"} {
		files, err := filepath.Glob(filepath.Join(dir, "*", topic+"-0", "*"+kind))
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			if files, err = filepath.Glob(filepath.Join(dir, topic+"-0", "*"+kind)); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil {
				t.Fatal(err)
			}
			if found[kind]++; info.Size() == 0 {
				continue // nothing is in it, and the tool refuses an empty index
			}
			out := dumpLog(t, home, f, kind)
			if kind == ".log" {
				records += len(recordLine.FindAllString(out, -1))
			}
		}
	}
	return found, records
}

var (
	recordLine = regexp.MustCompile(`(?m)^\| offset: `)
	complaint  = regexp.MustCompile(`(?i)isvalid: false|mismatch|non-?consecutive|out of order|exception|error|corrupt|invalid|found timestamp`)
)

// dumpLog runs Kafka's tool on one file and returns what it says. A complaint fails the test.
func dumpLog(t *testing.T, home, file, kind string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	args := []string{"dump-log", "--files", file}
	if kind == ".log" {
		args = append(args, "--deep-iteration")
	}
	out, err := exec.CommandContext(ctx, filepath.Join(home, "bin", "tool.sh"), args...).CombinedOutput()
	text := string(out)
	if bad := complaint.FindString(text); err != nil || bad != "" {
		t.Errorf("dump-log %s: %v, it says %q:\n%s", file, err, bad, text[max(0, strings.Index(text, bad)-500):min(len(text), strings.Index(text, bad)+500)])
	}
	return text
}
