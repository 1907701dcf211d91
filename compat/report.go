package compat

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// report is docs/compatibility.md: what is compared with a real Kafka, and every difference that is meant.
func report() string {
	var b strings.Builder
	b.WriteString(`# Compatibility with Apache Kafka

The same requests, byte for byte but for the names of topics, are sent to a real Apache Kafka 4.2.1 of one node and to Bobbin, and every field of the answers is compared: error
codes, offsets, batches, lists and whether a field is null. What brokers choose by themselves (ids, addresses, times, texts of errors) is compared by its kind. This page is
generated from the module ` + "`compat/`" + `, whose test fails on any difference that is not listed here, and on any that is listed and not there.

## What is compared

A scene is a script of requests about one thing; it is run once for each version of the request that it is about.

| about | scenes | runs |
|---|---|---|
`)
	scenesBy, runsBy := map[string]int{}, map[string]int{}
	all, runs := 0, 0
	for _, s := range scenes() {
		about, _, _ := strings.Cut(s.name, "/")
		scenesBy[about]++
		runsBy[about] += len(s.versions)
		all++
		runs += len(s.versions)
	}
	for _, about := range slices.Sorted(maps.Keys(scenesBy)) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", about, scenesBy[about], runsBy[about])
	}
	fmt.Fprintf(&b, "| **all** | **%d** | **%d** |\n", all, runs)
	b.WriteString(`
## What differs, and why

In scenes and fields ` + "`*`" + ` stands for any characters.

| scene | field | Kafka | Bobbin | why |
|---|---|---|---|---|
`)
	for _, e := range exceptions() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(e.scene), cell(e.field), cell(e.kafka), cell(e.bobbin), e.reason)
	}
	b.WriteString(`
## Other proofs

` + "`compat/`" + ` also runs franz-go's own test suite, also while the broker is killed every second or two, the command-line tools of Kafka, kcat, and franz-go, sarama and kafka-go in one group. What
is left out of franz-go's suite, with the reason of each, is in ` + "[franz-go-left-out.txt](../compat/testdata/franz-go-left-out.txt)" + `.
`)
	return b.String()
}

func cell(s string) string { return "`" + strings.ReplaceAll(s, "|", "\\|") + "`" }
