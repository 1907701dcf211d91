package compat

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// difference is one field that the brokers answer differently.
type difference struct{ scene, field, kafka, bobbin string }

// compare lists the fields that differ, in their order.
func compare(scene string, kafka, bobbin answers) []difference {
	fields := map[string]bool{}
	for f := range kafka {
		fields[f] = true
	}
	for f := range bobbin {
		fields[f] = true
	}
	var out []difference
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if label, _, inside := strings.Cut(f, labelEnd); inside && (kafka[label] != bobbin[label]) {
			continue // there was an answer from one of them only, which the label itself says
		}
		if insideOfMissing(f, kafka, bobbin) {
			continue
		}
		if k, b := orAbsent(kafka, f), orAbsent(bobbin, f); k != b {
			out = append(out, difference{scene, f, k, b})
		}
	}
	return out
}

// insideOfMissing says whether a field belongs to an element of a list that only one of them lists; the element itself is a difference.
func insideOfMissing(field string, kafka, bobbin answers) bool {
	for i, c := range field {
		if c != ']' || i == len(field)-1 {
			continue
		}
		_, k := kafka[field[:i+1]]
		if _, b := bobbin[field[:i+1]]; k != b {
			return true
		}
	}
	return false
}

func orAbsent(a answers, field string) string {
	if v, ok := a[field]; ok {
		return v
	}
	return "absent"
}

// exception allows differences. In its texts * stands for any characters.
type exception struct {
	scene, field  string
	kafka, bobbin string
	reason        string
}

func (e *exception) allows(d difference) bool {
	return like(e.scene, d.scene) && like(e.field, d.field) && like(e.kafka, d.kafka) && like(e.bobbin, d.bobbin)
}

// like says whether text matches a pattern, in which * stands for any characters and everything else for itself.
func like(pattern, text string) bool {
	r := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `?`, `\?`, "/", "\x00")
	ok, err := path.Match(r.Replace(pattern), strings.ReplaceAll(text, "/", "\x00"))
	return ok && err == nil
}
