package catalog

import (
	"fmt"
	"strings"
)

// maxNameLength leaves room for a partition number and a suffix in a directory's name of 255 bytes.
const maxNameLength = 249

// CheckName returns nil when name may be a topic's, else an [*Error] of kind InvalidName. Kafka's rules: 1 to 249
// characters out of a-z, A-Z, 0-9, '.', '_' and '-', and neither "." nor "..". A valid name is also safe as the name
// of a directory.
func CheckName(name string) error {
	detail := ""
	switch {
	case name == "":
		detail = "the empty string is not allowed"
	case name == "." || name == "..":
		detail = fmt.Sprintf("%q is not allowed", name)
	case len(name) > maxNameLength:
		detail = fmt.Sprintf("the length of the name is %d, more than the allowed %d", len(name), maxNameLength)
	case strings.IndexFunc(name, illegalInName) >= 0:
		detail = fmt.Sprintf("%q contains a character other than ASCII letters and digits, '.', '_' and '-'", name)
	default:
		return nil
	}
	return &Error{Kind: InvalidName, Topic: shorten(name), Detail: "Topic name is invalid: " + detail}
}

func illegalInName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
		return false
	}
	return true
}

// shorten keeps a hostile name out of messages.
func shorten(name string) string {
	if len(name) <= maxNameLength {
		return name
	}
	return strings.ToValidUTF8(name[:maxNameLength], "") + "…"
}

// fold returns the form in which two names collide: with each '.' as a '_'. Kafka keeps such names apart because its
// metrics do not tell them apart. A name without either collides with none and reports false.
func fold(name string) (string, bool) {
	if !strings.ContainsAny(name, "._") {
		return "", false
	}
	return strings.ReplaceAll(name, ".", "_"), true
}

// collision returns the name of another topic that name collides with, or "".
func (c *Catalog) collision(name string) string {
	key, ok := fold(name)
	if !ok || c.folded[key] == name {
		return ""
	}
	return c.folded[key]
}
