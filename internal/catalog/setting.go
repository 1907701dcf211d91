package catalog

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Type is the type of a setting, with the numbers of the ConfigType of a DescribeConfigs response (KIP-569).
type Type int8

// The types of settings.
const (
	Boolean Type = 1
	String  Type = 2
	Int     Type = 3 // 32 bits
	Short   Type = 4 // 16 bits
	Long    Type = 5 // 64 bits
	Double  Type = 6
	List    Type = 7 // texts, separated by commas
)

// Effect says what a setting does here.
type Effect uint8

// The effects of a setting.
const (
	Effective Effect = iota // it does what it does in Kafka
	NoEffect                // it is accepted, stored and shown, and changes nothing; Why says why
)

// Setting describes one setting: a row of the tables in topicsettings.go and brokersettings.go.
type Setting struct {
	Name    string // Kafka's
	Type    Type
	Default string // in the form of a value
	Unset   bool   // there is no default: null unless it is set

	Range  Range     // of a number
	Values []string  // of a text or a list: the only valid ones, when there are any; of a number: valid besides Range
	Refuse []Refusal // values that are Kafka's but that this broker cannot honour

	Broker  []Origin // of a topic's setting: the settings of the broker that give its default, the strongest first
	Dynamic bool     // of a broker's setting: it can be changed while the broker runs
	Effect  Effect
	Why     string // it has no effect
	Doc     string // one line

	check func(value string) string // says what is wrong, or ""; nil when the above says it all
}

// Range bounds a number, both ends included. The zero Range is all of the type.
type Range struct{ Min, Max int64 }

// Refusal is a value that is refused, and why.
type Refusal struct{ Value, Why string }

// Origin is a setting of the broker that gives the default of a topic's setting: its value times Factor.
type Origin struct {
	Name   string
	Factor int64
}

func atLeast(n int64) Range     { return Range{n, math.MaxInt64} }
func between(m, n int64) Range  { return Range{m, n} }
func from(name string) []Origin { return []Origin{{name, 1}} }

// maxValueLength is the longest text that the older versions of Kafka's protocol can carry.
const maxValueLength = math.MaxInt16

// canonical returns value in the one form in which it is stored, or a sentence that says why it is not valid.
func (s *Setting) canonical(value string) (canonical, fault string) {
	if len(value) > maxValueLength {
		return "", fmt.Sprintf("The value of %s has %d bytes; the most is %d", s.Name, len(value), maxValueLength)
	}
	value = strings.TrimSpace(value)
	canonical, fault = s.parse(value)
	if fault == "" && s.check != nil {
		fault = s.check(canonical)
	}
	if fault != "" {
		return "", fmt.Sprintf("Invalid value %.100s for configuration %s: %s", value, s.Name, fault)
	}
	for _, r := range s.Refuse {
		if canonical == r.Value || s.Type == List && slices.Contains(elements(canonical), r.Value) {
			return "", fmt.Sprintf("Value %s of configuration %s is refused: %s", r.Value, s.Name, r.Why)
		}
	}
	return canonical, ""
}

// parse returns a trimmed value in its stored form, or what is wrong with it.
func (s *Setting) parse(value string) (canonical, fault string) {
	switch s.Type {
	case Boolean:
		for _, b := range []string{"true", "false"} {
			if strings.EqualFold(value, b) {
				return b, ""
			}
		}
		return "", "Expected value to be either true or false"
	case Short, Int, Long:
		bits, name := 64, "LONG"
		switch s.Type {
		case Int:
			bits, name = 32, "INT"
		case Short:
			bits, name = 16, "SHORT"
		}
		n, err := strconv.ParseInt(value, 10, bits)
		if err != nil {
			return "", "Not a number of type " + name
		}
		canonical = strconv.FormatInt(n, 10)
		if s.Range != (Range{}) && (n < s.Range.Min || n > s.Range.Max) && !slices.Contains(s.Values, canonical) {
			return "", "Value must be " + s.Valid()
		}
		return canonical, ""
	case Double:
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(f) {
			return "", "Not a number of type DOUBLE"
		}
		if s.Range != (Range{}) && !(f >= float64(s.Range.Min) && f <= float64(s.Range.Max)) {
			return "", "Value must be " + s.Valid()
		}
		return javaDouble(f), ""
	case List:
		list := elements(value)
		if s.Values != nil {
			for _, e := range list {
				if !slices.Contains(s.Values, e) {
					return "", "Each value must be " + s.Valid()
				}
			}
			list = unique(list)
		} else {
			list = slices.DeleteFunc(list, func(e string) bool { return e == "" })
		}
		return strings.Join(list, ","), ""
	default:
		if s.Values != nil && !slices.Contains(s.Values, value) {
			return "", "Value must be " + s.Valid()
		}
		return value, ""
	}
}

// wellTyped reports whether a stored value is of the setting's type, so that whatever works with it can. Ranges are
// checked when a value is set, and not again: they may have been wider then.
func (s *Setting) wellTyped(value string) bool {
	var err error
	switch s.Type {
	case Boolean:
		return value == "true" || value == "false"
	case Short, Int, Long:
		_, err = strconv.ParseInt(value, 10, 64)
	case Double:
		_, err = strconv.ParseFloat(value, 64)
	}
	return err == nil
}

// Valid says which values are valid, in words; "" when all of the type are.
func (s *Setting) Valid() string {
	var words []string
	switch r := s.Range; {
	case r == Range{}:
	case r.Max == math.MaxInt64:
		words = append(words, fmt.Sprintf("at least %d", r.Min))
	default:
		words = append(words, fmt.Sprintf("between %d and %d", r.Min, r.Max))
	}
	if len(s.Values) == 1 {
		words = append(words, s.Values[0])
	} else if len(s.Values) > 1 {
		words = append(words, "one of "+strings.Join(s.Values, ", "))
	}
	return strings.Join(words, " or ")
}

// elements splits a list; the empty text is the empty list.
func elements(value string) []string {
	if value == "" {
		return nil
	}
	list := strings.Split(value, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// unique returns the list without repetitions, in its order.
func unique(list []string) []string {
	var out []string
	for _, e := range list {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// replicaList checks the form of the throttled-replica settings.
func replicaList(value string) string {
	if value == "*" {
		return ""
	}
	for _, e := range elements(value) {
		partition, broker, ok := strings.Cut(e, ":")
		if !ok || !digits(partition) || !digits(broker) {
			return "Value must be * or a list of PARTITION:BROKER"
		}
	}
	return ""
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// table makes rows findable by name.
type table struct {
	of     string    // what has these settings
	rows   []Setting // by ascending name
	byName map[string]*Setting
}

func newTable(of string, rows []Setting) table {
	slices.SortFunc(rows, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	t := table{of: of, rows: rows, byName: make(map[string]*Setting, len(rows))}
	for i := range rows {
		t.byName[rows[i].Name] = &rows[i]
	}
	return t
}

// javaDouble writes a number as Java does, but for the ".0" of a whole one: with an exponent when it is very large or small.
func javaDouble(f float64) string {
	if a := math.Abs(f); a == 0 || a >= 1e-3 && a < 1e7 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strings.NewReplacer("E+0", "E", "E+", "E", "E-0", "E-").Replace(strconv.FormatFloat(f, 'E', -1, 64))
}
