package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// The forms of a result.
const (
	formTable = "table"
	formJSON  = "json"
	formJSONL = "jsonl"
	formName  = "name"
)

var forms = []string{formTable, formJSON, formJSONL, formName}

func checkForm(form string) error {
	if !slices.Contains(forms, form) {
		return fmt.Errorf("form of output %.20q is none of %s", form, strings.Join(forms, ", "))
	}
	return nil
}

// named is an object of a result: JSON makes the forms json and jsonl of it.
type named interface{ name() string }

// printOne prints one object; text is its form for people.
func (a *app) printOne(v named, text func(w io.Writer)) error {
	switch a.output {
	case formJSON:
		return a.printJSON(v, "  ")
	case formJSONL:
		return a.printJSON(v, "")
	case formName:
		_, err := fmt.Fprintln(a.stdout, v.name())
		return err
	}
	return a.printText(text)
}

// printList prints a list, which is an array in JSON, also when it is empty. Columns are those of the table.
func printList[T named](a *app, list []T, columns string, row func(w io.Writer, v T)) error {
	switch a.output {
	case formJSON:
		if list == nil {
			list = []T{}
		}
		return a.printJSON(list, "  ")
	case formJSONL, formName:
		for _, v := range list {
			if err := a.printOne(v, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return a.printText(func(w io.Writer) {
		fmt.Fprintln(w, columns)
		for _, v := range list {
			row(w, v)
		}
	})
}

func (a *app) printJSON(v any, indent string) error {
	e := json.NewEncoder(a.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	return e.Encode(v)
}

// printText aligns cells that are separated by tabs.
func (a *app) printText(text func(w io.Writer)) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}
