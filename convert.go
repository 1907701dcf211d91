package bobbin

import (
	"maps"
	"math"
	"slices"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// The types of the library and those of the codec say the same; here they are turned into each other, and checked.

func toCodecProperties(p Properties) codec.Properties {
	return codec.Properties{Name: p.Name, Location: p.Location, Metadata: maps.Clone(p.Metadata), Parents: slices.Clone(p.Parents), Recorded: int64(p.Recorded)}
}

func fromCodecProperties(p codec.Properties) Properties {
	return Properties{Name: p.Name, Location: p.Location, Metadata: p.Metadata, Parents: p.Parents, Recorded: Time(p.Recorded)}
}

func toCodecDefinition(d Definition) codec.Definition {
	return codec.Definition{ID: d.ID, Name: d.Name, Description: d.Description, Unit: d.Unit, Format: d.Format, Location: d.Location, Min: d.Min, Max: d.Max}
}

func fromCodecDefinition(d codec.Definition) Definition {
	return Definition{ID: d.ID, Name: d.Name, Description: d.Description, Unit: d.Unit, Format: d.Format, Location: d.Location, Min: d.Min, Max: d.Max}
}

func checkProperties(p Properties) error {
	if err := checkTexts(p.Name, p.Location); err != nil {
		return err
	}
	for k, v := range p.Metadata {
		if err := checkTexts(k, v); err != nil {
			return err
		}
	}
	return checkTexts(p.Parents...)
}

func checkDefinition(name string, d *Definition) error {
	if d.ID != "" && d.ID != name {
		return invalidf("the definition of %q was given for the parameter %q", d.ID, name)
	}
	if math.IsNaN(d.Min) || math.IsNaN(d.Max) || math.IsInf(d.Min, 0) || math.IsInf(d.Max, 0) || d.Min > d.Max {
		return invalidf("the range of %q is %v to %v", name, d.Min, d.Max)
	}
	return checkTexts(d.Name, d.Description, d.Unit, d.Format, d.Location)
}

func checkEvent(e *Event) error {
	if err := checkName(e.ID); err != nil {
		return err
	}
	for k, v := range e.Tags {
		if err := checkName(k); err != nil {
			return err
		}
		if err := checkTexts(v); err != nil {
			return err
		}
	}
	return checkTexts(e.Value)
}
