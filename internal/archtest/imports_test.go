package archtest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/bobbinstream/bobbin"

// mayImport is the import order of the house: what each package may import of this module. A package that is not in the table is refused, so that
// it gets its place when it is added. Test files may import more: see testsMayImport.
var mayImport = map[string][]string{
	"internal/invariant": {},
	"internal/vfs":       {"internal/invariant"},
	"internal/batch":     {"internal/invariant"},
	"internal/wire":      {"internal/invariant"},
	"internal/producers": {"internal/invariant"},
	"internal/catalog":   {"internal/invariant"},
	"internal/group":     {"internal/invariant"},
	"internal/wal":       {"internal/invariant", "internal/vfs"},
	"internal/commitlog": {"internal/invariant", "internal/vfs", "internal/batch", "internal/producers", "internal/wal"},
	"internal/store":     {"internal/invariant", "internal/vfs", "internal/batch", "internal/producers", "internal/wal", "internal/commitlog", "internal/catalog"},
	"internal/server": {"internal/invariant", "internal/vfs", "internal/batch", "internal/producers", "internal/wal", "internal/commitlog", "internal/catalog",
		"internal/store", "internal/wire", "internal/group"},
	"broker": {"internal/invariant", "internal/vfs", "internal/catalog", "internal/store", "internal/server", "internal/wal", "internal/commitlog"},

	"internal/codec":     {},
	"internal/kafka":     {},
	"internal/directory": {"internal/kafka"},
	".":                  {"internal/codec", "internal/kafka", "internal/directory"},
	"metrics":            {"."},
	"examples":           {".", "broker"},
	"bobbintest":         {".", "broker", "internal/server", "internal/vfs", "internal/kafka"},
	"connect/file":       {"."},
	"connect/host":       {},
	"internal/streams":   {".", "internal/codec", "internal/kafka", "connect/file"}, // the codec: it tells what is in a topic record by record
	"internal/demo":      {".", "connect/host", "internal/kafka", "broker"},
	"cmd/bobbin": {".", "broker", "internal/kafka", "internal/codec", "internal/streams", "internal/demo", "connect/file", "connect/host", "internal/store", "internal/vfs",
		"internal/wal"}, // the codec: it shows records that are packets

	"internal/archtest": {},
}

// pure packages decide and remember; time, randomness and I/O enter them as values.
var pure = []string{"internal/producers", "internal/catalog", "internal/group"}

var notInPure = []string{"time", "sync", "sync/atomic", "net", "os", "math/rand", "math/rand/v2", "context", "log", "log/slog"}

// onlyImporter names, for an outside package, the one package of ours that may import it.
var onlyImporter = map[string]string{
	"github.com/twmb/franz-go/pkg/kgo":  "internal/kafka",
	"github.com/twmb/franz-go/pkg/kadm": "internal/kafka",
	"golang.org/x/sys/unix":             "internal/vfs",
	"golang.org/x/sys/windows":          "internal/vfs",
}

// os is for programs, for what reads this computer, for the deadlines of connections, and for tests' golden files; files go through internal/vfs.
var mayImportOS = []string{"internal/vfs", "cmd/bobbin", "connect/host", "internal/demo", "broker", "internal/server", "internal/wire/genshapes", "bobbintest", "examples"}

type source struct {
	pkg, file string
	test      bool
	imports   []string
	doc       string
}

// sources parses every Go file of the main module.
func sources(t *testing.T) []source {
	t.Helper()
	root := "../.."
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if name := d.Name(); rel != "." && (strings.HasPrefix(name, ".") || name == "testdata") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				return filepath.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		s := source{pkg: filepath.ToSlash(filepath.Dir(rel)), file: rel, test: strings.HasSuffix(rel, "_test.go"), doc: f.Doc.Text()}
		for _, i := range f.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, p)
		}
		all = append(all, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// ownPackage returns the package of this module that an import path names; the root is ".".
func ownPackage(path string) (string, bool) {
	if path == module {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// underPackage says whether pkg is dir or a package inside it.
func underPackage(pkg, dir string) bool { return pkg == dir || strings.HasPrefix(pkg, dir+"/") }

func TestImportOrder(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		allowed, known := mayImport[s.pkg]
		for parent := s.pkg; !known && parent != "."; parent = filepath.ToSlash(filepath.Dir(parent)) {
			allowed, known = mayImport[parent]
		}
		if !known {
			t.Errorf("%s: package %s has no place in the import order; add it to the table, and to the plan of the house", s.file, s.pkg)
			continue
		}
		for _, i := range s.imports {
			if p, ours := ownPackage(i); ours && !slices.Contains(allowed, p) && !underPackage(p, s.pkg) && !underPackage(s.pkg, p) {
				t.Errorf("%s imports %s, which is not below %s", s.file, p, s.pkg)
			}
			if owner, one := onlyImporter[i]; one && s.pkg != owner {
				t.Errorf("%s imports %s, which only %s may", s.file, i, owner)
			}
			if i == "os" && !slices.ContainsFunc(mayImportOS, func(p string) bool { return underPackage(s.pkg, p) }) {
				t.Errorf("%s imports os; files go through internal/vfs", s.file)
			}
			if slices.Contains(pure, s.pkg) && slices.Contains(notInPure, i) {
				t.Errorf("%s imports %s; %s is pure: give it the value", s.file, i, s.pkg)
			}
		}
	}
}

// The two towers meet over the protocol only.
func TestTowersDoNotMeet(t *testing.T) {
	broker := []string{"broker", "internal/server", "internal/store", "internal/commitlog", "internal/wal"}
	library := []string{"internal/kafka", "internal/directory", "internal/codec", "."}
	both := []string{"cmd/bobbin", "internal/demo", "bobbintest", "examples"}
	for _, s := range sources(t) {
		if s.test || slices.ContainsFunc(both, func(p string) bool { return underPackage(s.pkg, p) }) {
			continue
		}
		for _, i := range s.imports {
			p, _ := ownPackage(i)
			if slices.Contains(broker, s.pkg) && slices.Contains(library, p) || slices.Contains(library, s.pkg) && slices.Contains(broker, p) {
				t.Errorf("%s imports %s: the towers meet over the protocol only", s.file, p)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	docs, seen := make(map[string]bool), make(map[string]bool)
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		seen[s.pkg] = true
		if filepath.Base(s.file) == "doc.go" && s.doc != "" || (strings.HasPrefix(s.pkg, "cmd/") || underPackage(s.pkg, "examples")) && s.doc != "" {
			docs[s.pkg] = true
		}
	}
	for p := range seen {
		if !docs[p] {
			t.Errorf("package %s has no doc.go with its purpose", p)
		}
	}
}
