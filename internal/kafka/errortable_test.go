package kafka

import (
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Every error that the client library knows is explained, in a sentence and with what to try.
func TestEveryCodeIsExplained(t *testing.T) {
	have := make(map[int16]Code)
	last := int16(math.MinInt16)
	for _, c := range Codes() {
		if c.Code <= last {
			t.Errorf("code %d after %d", c.Code, last)
		}
		last = c.Code
		have[c.Code] = c
		if !strings.HasSuffix(c.Meaning, ".") || c.Try == "" || strings.HasSuffix(c.Try, ".") {
			t.Errorf("%s: meaning %q, try %q", c.Name, c.Meaning, c.Try)
		}
		if again, err := LookUpCode(strings.ToLower(c.Name)); err != nil || again != c {
			t.Errorf("by name: %v, %+v", err, again)
		}
	}
	for n := -1; n < 1000; n++ {
		k := kerr.TypedErrorForCode(int16(n))
		if c, ok := have[int16(n)]; ok != (k != nil || n == 0) && !(k == kerr.UnknownServerError && n > 0) {
			t.Errorf("code %d: %+v, the library says %v", n, c, k)
		}
	}
	if c, err := LookUpCode(" -1 "); err != nil || c.Name != "UNKNOWN_SERVER_ERROR" {
		t.Errorf("%v, %+v", err, c)
	}
	if c, err := LookUpCode("NOT_LEADER_OR_FOLLOWER"); err != nil || c.Code != 6 {
		t.Errorf("%v, %+v", err, c)
	}
	for _, s := range []string{"", "32768", "nothing", "7x"} {
		if _, err := LookUpCode(s); KindOf(err) != NotFound {
			t.Errorf("%q: %v", s, err)
		}
	}
}
