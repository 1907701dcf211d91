package compat

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKcat lists, writes and reads with kcat, which is librdkafka as distributions have it.
func TestKcat(t *testing.T) {
	if _, err := exec.LookPath("kcat"); err != nil {
		t.Skip("kcat is not installed")
	}
	addr := startBobbin(t).addr
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			topic := "kcat-" + codec
			makeTopic(t, addr, topic, 2)
			list := kcat(t, "", "-L", "-b", addr, "-t", topic)
			for _, want := range []string{`topic "` + topic + `" with 2 partitions`, "partition 1, leader"} {
				if !strings.Contains(list, want) {
					t.Errorf("kcat -L does not say %q:\n%s", want, list)
				}
			}
			var in strings.Builder
			var want []string
			for i := range 500 {
				line := fmt.Sprintf("key-%d:value %d %s", i%7, i, strings.Repeat("x", i%40))
				fmt.Fprintln(&in, line)
				want = append(want, fmt.Sprintf("%d|%s|origin=test,codec=%s", i, line, codec))
			}
			kcat(t, in.String(), "-P", "-b", addr, "-t", topic, "-p", "1", "-K:", "-z", codec, "-H", "origin=test", "-H", "codec="+codec, "-X", "enable.idempotence=true")
			got := strings.Split(strings.TrimSpace(kcat(t, "", "-C", "-b", addr, "-t", topic, "-p", "1", "-o", "beginning", "-e", "-q", "-f", "%o|%k:%s|%h\n")), "\n")
			if !slices.Equal(got, want) {
				t.Errorf("read %d lines that are not the %d written; the first is %q, want %q", len(got), len(want), got[0], want[0])
			}
			if tail := kcat(t, "", "-C", "-b", addr, "-t", topic, "-p", "1", "-o", "-2", "-e", "-q", "-f", "%o "); tail != "498 499 " {
				t.Errorf("the last two offsets are %q", tail)
			}
			if at := kcat(t, "", "-Q", "-b", addr, "-t", topic+":1:-1"); !strings.Contains(at, "500") {
				t.Errorf("kcat -Q says of the end: %s", at)
			}
		})
	}
}

func kcat(t *testing.T, input string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "kcat", args...)
	cmd.Stdin = strings.NewReader(input)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("kcat %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
