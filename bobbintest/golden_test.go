package bobbintest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/bobbinstream/bobbin/bobbintest"
)

func TestGoldenFilesAreComparedAndRewritten(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("BOBBIN_UPDATE_GOLDEN", "")
	golden := func(got string) string {
		return failure(t, func(t testing.TB) { bobbintest.Golden(t, "deep/file.txt", []byte(got)) })
	}
	if said := golden("a\nb\n"); !strings.Contains(said, "BOBBIN_UPDATE_GOLDEN=1") {
		t.Errorf("without a file the test says %q", said)
	}
	t.Setenv("BOBBIN_UPDATE_GOLDEN", "1")
	if said := golden("a\nb\n"); said != "" {
		t.Error(said)
	}
	if b, err := os.ReadFile("testdata/deep/file.txt"); string(b) != "a\nb\n" || err != nil {
		t.Errorf("the file holds %q, %v", b, err)
	}
	t.Setenv("BOBBIN_UPDATE_GOLDEN", "0")
	for got, want := range map[string]string{
		"a\nb\n":  "",
		"a\nc\n":  "from line 2 on:\n got  \"c\"\n want \"b\"",
		"a":       "from line 2 on:\n got  (there is no such line)\n want \"b\"",
		"a\nb\nc": "from line 3 on:\n got  \"c\"\n want \"\"",
		"a\xff\n": "from byte 1 on: got 3 bytes, there ff0a, want 4 bytes, there 0a620a",
		"\xff":    "from byte 0 on",
	} {
		if said := golden(got); want == "" && said != "" || !strings.Contains(said, want) {
			t.Errorf("%q: the test says %q", got, said)
		}
	}
}
