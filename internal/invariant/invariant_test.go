package invariant_test

import (
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

func TestCheckPanicsOnlyWhenFalse(t *testing.T) {
	invariant.Check(true, "never seen")
	defer func() {
		if got, ok := recover().(string); !ok || !strings.HasPrefix(got, "BUG: offset 3") {
			t.Fatalf("recovered %v, want a message that starts with BUG: offset 3", got)
		}
	}()
	invariant.Check(false, "offset %d went back", 3)
}
