package catalog

import (
	"fmt"
	"reflect"
	"regexp"

	"cuelang.org/go/cue"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Slim is what a provider says of an image that only runs the app.
type Slim struct {
	// Start has the fields that are laid over the plan's own.
	Start plan.Start
	// Unless is "start" where Start holds for the provider's own start command alone.
	Unless string
	// Runs are the start commands of others for which Start holds all the same; nil for none.
	Runs *regexp.Regexp
	// Fails are parts of the start commands of others for which Start does not hold; nil for none.
	Fails *regexp.Regexp
	// Line is the place in the provider that set a field of Start, such as "runImage"; its File is "" where nothing did.
	Line func(path ...string) fault.Pos
	// Rests gives the facts that a field of Start rests on, as those of an Evaluation.
	Rests func(path ...string) ([]Basis, error)
	// Own is what holds instead where nobody but the provider says how the app starts; nil where that is no different.
	Own *Slim
}

// slim reads a provider's slim; nil where it says nothing of start.
func (d *decoder) slim(v cue.Value) *Slim {
	at := v.LookupPath(cue.ParsePath("slim"))
	start, own := at.LookupPath(cue.ParsePath("start")), at.LookupPath(cue.ParsePath("own"))
	if !start.Exists() && at.Err() == nil || !at.Exists() {
		return nil
	}
	var s struct {
		Start  plan.Start  `json:"start"`
		Own    *plan.Start `json:"own"`
		Unless string      `json:"unless"`
		Runs   string      `json:"runs"`
		Fails  string      `json:"fails"`
	}
	d.value(at, reflect.ValueOf(&s).Elem())
	rests := func(part string, path []string) ([]Basis, error) {
		return d.e.rests("slim", append([]string{part}, path...)...)
	}
	out := &Slim{Start: s.Start, Unless: s.Unless, Runs: d.pattern(at, "runs", `\A(?:%s)\z`, s.Runs), Fails: d.pattern(at, "fails", "%s", s.Fails), Line: func(path ...string) fault.Pos { return line(start, path) },
		Rests: func(path ...string) ([]Basis, error) { return rests("start", path) }}
	if s.Own != nil {
		out.Own = &Slim{Start: over(s.Start, *s.Own), Unless: s.Unless, Runs: out.Runs, Fails: out.Fails, Line: func(path ...string) fault.Pos {
			if at := line(own, path); at.File != "" {
				return at
			}
			return out.Line(path...)
		}, Rests: func(path ...string) ([]Basis, error) {
			if line(own, path).File != "" {
				return rests("own", path)
			}
			return out.Rests(path...)
		}}
	}
	return out
}

// pattern compiles the regular expression of a field of slim, in the form that it is wanted in; nil where there is none.
func (d *decoder) pattern(slim cue.Value, field, form, text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(fmt.Sprintf(form, text))
	if err != nil {
		d.faults = append(d.faults, fault.New(fault.Refused, "provider %s: slim.%s: %v", d.e.provider.Name, field, err).WithPos(line(slim, []string{field})))
	}
	return re
}

// over is start with the fields in which own says something else.
func over(start, own plan.Start) plan.Start {
	start.Cmd = own.Cmd
	if own.AptPkgs != nil {
		start.AptPkgs = own.AptPkgs
	}
	if own.OnlyIncludeFiles != nil {
		start.OnlyIncludeFiles = own.OnlyIncludeFiles
	}
	return start
}
