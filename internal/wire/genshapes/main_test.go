package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestShapesAreThoseOfTheRequiredKmsg(t *testing.T) {
	want, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../shapes.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("shapes.go is stale: run go generate in internal/wire (-want +got):\n%s", diff)
	}
}
