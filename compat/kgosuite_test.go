package compat

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/franz-go-left-out.txt
var kgoLeftOut string

// kgoMostLeftOut is how many tests of the suite may be left out. It only gets smaller.
const kgoMostLeftOut = 8

// TestFranzGoSuite runs franz-go's own tests, of the version that go.mod pins, against the broker: all but those of the list.
func TestFranzGoSuite(t *testing.T) {
	runKgoSuite(t, startBobbin(t, kgoSettings...), 10*time.Minute, "KGO_TEST_RECORDS=20000")
}

// TestFranzGoSuiteUnderKills runs the tests while the broker is killed every second or two. TestGroupETL is not among them: it wants each record to be processed once, which
// a group promises nobody when its coordinator dies in the middle of a rebalance, with Kafka neither: the generation that was under way is lost, and with it the right to
// commit in it. TestGroupUnderChurnAndKills proves what is promised: that each record is processed, and no commit goes back.
func TestFranzGoSuiteUnderKills(t *testing.T) {
	s := startBobbin(t, kgoSettings...)
	if s.cmd == nil {
		t.Skip("BOBBIN_BOOTSTRAP is set: that broker is not ours to kill")
	}
	end := s.killEvery(t, 1500*time.Millisecond)
	runKgoSuite(t, s, 10*time.Minute, "KGO_TEST_RECORDS=20000", "TestGroupETL")
	if n := end(); n == 0 {
		t.Error("the broker was never killed")
	} else {
		t.Logf("%d kills", n)
	}
}

// kgoSettings are what the suite asks of a broker.
var kgoSettings = []string{"auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0"}

// runKgoSuite builds and runs the suite. more are variables of its environment, flags, and tests that are left out besides those of the list.
func runKgoSuite(t *testing.T, s *server, limit time.Duration, more ...string) {
	binary := filepath.Join(t.TempDir(), "kgo.test")
	if out, err := exec.Command("go", "test", "-c", "-o", binary, "github.com/twmb/franz-go/pkg/kgo").CombinedOutput(); err != nil {
		t.Fatalf("build franz-go's tests: %v\n%s", err, out)
	}
	home, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/twmb/franz-go/pkg/kgo").Output() // some tests read the sources
	if err != nil {
		t.Fatalf("find franz-go's tests: %v", err)
	}
	var skip []string
	for line := range strings.Lines(kgoLeftOut) {
		name, reason, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" || name == "#" {
			continue
		}
		if strings.TrimSpace(reason) == "" {
			t.Errorf("%s is left out without a reason", name)
		}
		skip = append(skip, name)
	}
	if len(skip) > kgoMostLeftOut {
		t.Errorf("%d tests are left out; the most is %d, and it does not grow", len(skip), kgoMostLeftOut)
	}
	args := []string{"-test.v", "-test.timeout=" + limit.String()}
	env := append(os.Environ(), "KGO_SEEDS="+s.addr, "KGO_TEST_RF=1", "KGO_LOG_LEVEL=none")
	for _, m := range more {
		switch {
		case strings.HasPrefix(m, "-"):
			args = append(args, m)
		case strings.HasPrefix(m, "Test"):
			skip = append(skip, m)
		default:
			env = append(env, m)
		}
	}
	args = append(args, "-test.skip=^("+strings.Join(skip, "|")+")$")
	ctx, cancel := context.WithTimeout(context.Background(), limit+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = strings.TrimSpace(string(home)), env
	out, err := cmd.CombinedOutput()
	passed, skipped := 0, 0
	result := regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+)`)
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch m := result.FindStringSubmatch(lines.Text()); {
		case m == nil:
		case m[1] == "FAIL":
			t.Errorf("franz-go's %s fails", m[2])
		case m[1] == "SKIP":
			skipped++
			t.Logf("franz-go skips %s", m[2])
		default:
			passed++
		}
	}
	t.Logf("franz-go's suite: %d passed, %d skipped themselves, %d left out", passed, skipped, len(skip))
	if err != nil {
		t.Errorf("franz-go's suite: %v\n%s", err, tailOf(out, 16<<10))
	}
}

// tailOf is the last bytes of an output.
func tailOf(out []byte, n int) []byte { return out[max(0, len(out)-n):] }
