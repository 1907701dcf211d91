package broker

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

var rewrite = flag.Bool("rewrite", false, "write the pages that are made from the program")

const (
	operations = "../docs/operations"
	listBegins = "<!-- Made from the broker: go test ./broker -run TestMetricsPage -args -rewrite -->\n"
	listEnds   = "<!-- End of the list. -->\n"
)

// family is one metric as it is served.
type family struct{ name, kind, labels, help string }

// metrics returns what the broker serves after some traffic of every kind, its own and those of the process.
func metrics(t *testing.T) []family {
	t.Helper()
	b := open(t, Options{Memory: true})
	c := client(t, b)
	produce(t, c, "v")
	c.PollFetches(t.Context())
	wrong := kmsg.NewPtrMetadataRequest() // for an error
	wrong.Topics = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("not a topic")}}
	if _, err := wrong.RequestWith(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	all, err := b.registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []family
	for _, f := range all {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, "`"+l.GetName()+"`")
		}
		out = append(out, family{f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(labels, ", "), f.GetHelp()})
	}
	return out
}

// The page lists every metric that the broker serves, and no other.
func TestMetricsPageIsFresh(t *testing.T) {
	var list strings.Builder
	list.WriteString("| metric | kind | labels | what it is |\n|---|---|---|---|\n")
	for _, f := range metrics(t) {
		if strings.HasPrefix(f.name, "bobbin_") {
			fmt.Fprintf(&list, "| `%s` | %s | %s | %s |\n", f.name, f.kind, f.labels, f.help)
		}
	}
	name := filepath.Join(operations, "metrics.md")
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(page), listBegins)
	_, tail, ended := strings.Cut(rest, listEnds)
	if !ok || !ended {
		t.Fatalf("%s has no place for the list", name)
	}
	fresh := head + listBegins + "\n" + list.String() + "\n" + listEnds + tail
	if *rewrite {
		if err := os.WriteFile(name, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if fresh != string(page) {
		t.Errorf("%s does not list what is served; run: go test ./broker -run TestMetricsPage -args -rewrite", name)
	}
}

var metricName = regexp.MustCompile(`\b(bobbin|process|go)_[a-z0-9_]+\b`)

// Dashboard, alerts and page speak only of metrics that there are.
func TestOperatorsFilesNameRealMetrics(t *testing.T) {
	have := make(map[string]bool)
	for _, f := range metrics(t) {
		have[f.name] = true
		if f.kind == "histogram" {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				have[f.name+suffix] = true
			}
		}
	}
	for _, file := range []string{"grafana.json", "alerts.yaml", "metrics.md"} {
		b, err := os.ReadFile(filepath.Join(operations, file))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, name := range metricName.FindAllString(string(b), -1) {
			if found++; !have[name] {
				t.Errorf("%s speaks of %s, which the broker does not serve", file, name)
			}
		}
		if found == 0 {
			t.Errorf("%s names no metric", file)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	b, err := os.ReadFile(filepath.Join(operations, "grafana.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Title == "" || len(p.Targets) == 0 || p.Targets[0].Expr == "" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
	}
	alerts, err := os.ReadFile(filepath.Join(operations, "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for rule := range strings.SplitSeq(string(alerts), "- alert: ") {
		if strings.HasPrefix(rule, "#") || strings.HasPrefix(rule, "groups:") {
			continue
		}
		name, _, _ := strings.Cut(rule, "\n")
		for _, want := range []string{"expr: ", "severity: ", "summary: ", "description: "} {
			if !strings.Contains(rule, want) {
				t.Errorf("alert %s has no %s", name, strings.TrimSpace(want))
			}
		}
	}
}
