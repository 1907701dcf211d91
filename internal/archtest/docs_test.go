package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// Every relative link in a document leads to a file.
func TestLinksLeadSomewhere(t *testing.T) {
	root := "../.."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() != ".." && strings.HasPrefix(d.Name(), ".") && d.Name() != "." {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".md") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s: the link to %s leads nowhere", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```")

// What the guides show of Go is compiled and run: each piece stands, word by word, in a test or in an example.
func TestGoInGuidesIsTested(t *testing.T) {
	var code strings.Builder
	for _, s := range sources(t) {
		if s.test || underPackage(s.pkg, "examples") {
			text, err := os.ReadFile(filepath.Join("../..", s.file))
			if err != nil {
				t.Fatal(err)
			}
			code.Write(text)
		}
	}
	guides, err := filepath.Glob("../../docs/guide/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range guides {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range goBlock.FindAllStringSubmatch(string(text), -1) {
			if !strings.Contains(code.String(), m[1]) {
				first, _, _ := strings.Cut(m[1], "\n")
				t.Errorf("%s: no test has the piece that begins with %q as it is", name, first)
			}
		}
	}
}

// Every outside module that go.mod requires directly has a line of reason.
func TestEveryDependencyHasAReason(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("../../docs/decisions/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mod)) {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(f) < 2 || !strings.Contains(f[0], ".") || !strings.HasPrefix(f[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		if !strings.Contains(string(reasons), "`"+f[0]+"`") {
			t.Errorf("docs/decisions/dependencies.md has no line for %s", f[0])
		}
	}
}
