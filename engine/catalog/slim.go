package catalog

import (
	"fmt"
	"reflect"
	"regexp"

	"cuelang.org/go/cue"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// Slim describes a run image without the build tools.
type Slim struct {
	// Start has the fields that override the plan's own start.
	Start plan.Start
	// Unless is "start" if Start applies only to the provider's own start command.
	Unless string
	// Runs matches start commands set by others to which Start still applies; nil if there are none.
	Runs *regexp.Regexp
	// Fails matches parts of start commands set by others to which Start does not apply; nil if there are none.
	Fails *regexp.Regexp
	// Line returns the position in the provider that set a field of Start, such as "runImage". Its File is "" if nothing set it.
	Line func(path ...string) fault.Pos
	// Rests returns the facts that a field of Start depends on, as Evaluation.Rests does.
	Rests func(path ...string) ([]Basis, error)
	// Own replaces this Slim if only the provider determines the start command; nil if that makes no difference.
	Own *Slim
}

// slim decodes the field slim of a provider, or returns nil if it has no start.
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

// pattern compiles the regular expression in a field of slim, wrapped in form, or returns nil if the field is empty.
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

// over returns start with the fields that own overrides.
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
