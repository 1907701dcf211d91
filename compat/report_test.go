package compat

import (
	"flag"
	"os"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write docs/compatibility.md")

// TestReportIsFresh compares docs/compatibility.md with what the scenes and exceptions say.
func TestReportIsFresh(t *testing.T) {
	const name = "../docs/compatibility.md"
	want := report()
	if *rewrite {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s is not what the scenes and exceptions say (%v); run: go test -run TestReportIsFresh . -args -rewrite", name, err)
	}
}
