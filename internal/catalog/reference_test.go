package catalog_test

import (
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

const generated = "<!-- Made from internal/catalog: go test ./internal/catalog -run TestReference -args -rewrite -->\n\n"

// The pages about settings are what the tables say. -rewrite writes them.
func TestReferenceIsFresh(t *testing.T) {
	for file, text := range map[string]string{"topic-settings.md": topicPage(), "broker-settings.md": brokerPage(t)} {
		name := filepath.Join("..", "..", "docs", "reference", file)
		if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != text {
			t.Errorf("%s is not what the table says; run: go test ./internal/catalog -run TestReference -args -rewrite", name)
		}
	}
}

func topicPage() string {
	var b strings.Builder
	b.WriteString("# Settings of a topic\n\n" + generated)
	b.WriteString(`Every setting that Apache Kafka 4.2 lists for a topic, with Kafka's name, default and valid values. It is set when the topic is made (` + "`bobbin topic create --config`" + `) or later
(` + "`bobbin topic alter --config`" + `), and holds at once. A topic that does not set it takes the broker's, under the name in the last column; settings of the broker are in
[broker-settings.md](broker-settings.md).

| setting | type | default | valid | what it does | of the broker |
|---|---|---|---|---|---|
`)
	rows := catalog.TopicSettings()
	for i := range rows {
		s := &rows[i]
		var origins []string
		for _, o := range s.Broker {
			origins = append(origins, "`"+o.Name+"`")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, typeName(s.Type), code(s.Default), valid(s), does(s), strings.Join(origins, ", "))
	}
	b.WriteString("\n## Accepted, without effect\n\nThey are stored and shown, so that tools which set them work.\n\n| setting | why |\n|---|---|\n")
	for _, s := range rows {
		if s.Effect == catalog.NoEffect {
			fmt.Fprintf(&b, "| `%s` | %s |\n", s.Name, s.Why)
		}
	}
	b.WriteString("\n## Refused\n\nA value that would promise what the broker does not do is refused, with the reason.\n\n")
	b.WriteString(refused(rows))
	b.WriteString(`
## Durability

` + "`flush.messages` and `flush.ms` choose the level at which a record is acknowledged" + `: see [the levels](../../README.md#promises). ` + "`flush.messages=1`, or any number but the greatest, is `sync`; a finite `flush.ms` is" + `
` + "`interval`; both at their greatest number, and set for the topic, are `os`; a topic that sets neither has the broker's level (`bobbin.durability`)." + `
`)
	return b.String()
}

func brokerPage(t *testing.T) string {
	var b strings.Builder
	b.WriteString("# Settings of the broker\n\n" + generated)
	b.WriteString(`They are given when the broker starts (` + "`bobbin serve -X name=value`" + `, or a file with ` + "`--config`" + `), with the names and defaults of Apache Kafka 4.2; ` + "`bobbin.durability`" + ` is this broker's own. Those that are
marked *while it runs* can also be changed later (` + "`kafka-configs --entity-type brokers`" + `): for this broker, or for all brokers of the cluster (` + "`--entity-default`" + `). Such a change is durable, and goes before what the start
says; this broker's own goes before that of all.

| setting | type | default | valid | what it does | while it runs |
|---|---|---|---|---|---|
`)
	rows := catalog.BrokerSettings()
	have := make(map[string]bool)
	for i := range rows {
		s := &rows[i]
		have[s.Name] = true
		value, running := code(s.Default), ""
		if s.Unset {
			value = "–"
		}
		if s.Dynamic {
			running = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", s.Name, typeName(s.Type), value, valid(s), does(s), running)
	}
	b.WriteString("\n## Accepted, without effect\n\n| setting | why |\n|---|---|\n")
	for _, s := range rows {
		if s.Effect == catalog.NoEffect {
			fmt.Fprintf(&b, "| `%s` | %s |\n", s.Name, s.Why)
		}
	}
	b.WriteString("\n## Values that are refused\n\n" + refused(rows))
	b.WriteString("\n## Kafka's, and not here\n\nA start with one of these fails, so that nobody relies on what is not done.\n\n| why | settings |\n|---|---|\n")
	reasons, patterns := notHere(t)
	names := make(map[string][]string)
	for _, name := range lines(t, "kafka-broker-names.txt") {
		if have[name] {
			continue
		}
		i := slices.IndexFunc(patterns, func(p [2]string) bool { ok, _ := path.Match(p[1], name); return ok })
		if i < 0 {
			t.Errorf("nothing says why there is no setting %s", name)
			continue
		}
		names[patterns[i][0]] = append(names[patterns[i][0]], "`"+name+"`")
	}
	for _, r := range reasons {
		if len(names[r]) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", r, strings.Join(names[r], ", "))
		}
	}
	return b.String()
}

// notHere reads the reasons in their order, and pairs of reason and pattern.
func notHere(t *testing.T) (reasons []string, patterns [][2]string) {
	for _, line := range lines(t, "kafka-settings-not-here.txt") {
		if r, ok := strings.CutPrefix(line, "reason "); ok {
			reasons = append(reasons, r)
			continue
		}
		patterns = append(patterns, [2]string{reasons[len(reasons)-1], line})
	}
	return reasons, patterns
}

func typeName(t catalog.Type) string {
	return map[catalog.Type]string{
		catalog.Boolean: "boolean", catalog.String: "text", catalog.Int: "int", catalog.Long: "long", catalog.Double: "double", catalog.List: "list",
	}[t]
}

func code(value string) string {
	if value == "" {
		return "empty"
	}
	return "`" + value + "`"
}

func valid(s *catalog.Setting) string {
	switch v := s.Valid(); {
	case v != "":
		return v
	case s.Type == catalog.Boolean:
		return "true or false"
	}
	return "any"
}

func does(s *catalog.Setting) string {
	doc := strings.ReplaceAll(s.Doc, " * ", " `*` ")
	if s.Effect == catalog.NoEffect {
		return doc + " *Without effect.*"
	}
	return doc
}

func refused(rows []catalog.Setting) string {
	var b strings.Builder
	for _, s := range rows {
		for _, r := range s.Refuse {
			fmt.Fprintf(&b, "| `%s=%s` | %s |\n", s.Name, r.Value, r.Why)
		}
	}
	if b.Len() == 0 {
		return "None.\n"
	}
	return "| value | why |\n|---|---|\n" + b.String()
}
