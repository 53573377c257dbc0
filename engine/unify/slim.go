package unify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// slim is what a provider says of an image that only runs the app.
type slim struct {
	provider string
	*catalog.Slim
}

func slimOf(provider string, e *catalog.Evaluation) *slim {
	if e.Slim == nil {
		return nil
	}
	return &slim{provider, e.Slim}
}

// lacks tells whether a start command that is not the provider's may need more than the image has.
func (s *slim) lacks(cmd string) bool {
	return s.Unless == "start" && (s.Runs == nil || !s.Runs.MatchString(cmd)) || s.Fails != nil && s.Fails.MatchString(cmd)
}

// layer is the slim as one of those who have a say.
func (s *slim) layer() layer {
	return layer{plan: &plan.Plan{Start: &s.Start}, at: func(path []string) (fault.Pos, bool) {
		at := s.Line(path[1:]...)
		at.Label = "provider " + s.provider
		return at, at.File != ""
	}, rests: func(path []string) ([]catalog.Basis, error) { return s.Rests(path[1:]...) }}
}

// slim lets the finished plan run in the image that the providers know to be enough, if they all know one, and nobody
// above them says or does what they know nothing of; then a note says what that is.
func (u *unifier) slim(p *plan.Plan) {
	image, ok := u.slimImage()
	if !ok || u.options.Flags.NoSlim || Truthy(u.vars, "NO_SLIM") ||
		slices.ContainsFunc([]string{"runImage", "onlyIncludeFiles", "nixPkgs"}, func(field string) bool { return u.said("start", field) }) {
		return
	}
	if at, why := u.unknown(p, image); why != "" {
		u.note(at, "the image keeps its build tools: "+why, "say what running needs, as start in the configuration file: "+inTOML(image))
		return
	}
	image = u.own(image)
	if u.said("buildImage") && image.RunImage != "" { // what was built on it may need its libraries
		image.RunImage = p.BuildImage
	}
	if p.Start == nil {
		p.Start = &plan.Start{}
	}
	p.Start.RunImage, p.Start.OnlyIncludeFiles = image.RunImage, image.OnlyIncludeFiles
	if image.NixPkgs != nil {
		p.Start.NixPkgs = u.runningNix(p, image.NixPkgs)
	}
	if image.Cmd != "" {
		p.Start.Cmd = image.Cmd
	}
	var added []string
	if image.RunImage != "" { // otherwise it has those of the phases anyway
		added = u.added(p, aptPkgs)
	}
	if pkgs := unique(slices.Concat(image.AptPkgs, p.Start.AptPkgs, added)); len(pkgs) > 0 {
		p.Start.AptPkgs = pkgs
	}
	for _, s := range slices.Backward(u.slims) {
		u.layers = append(u.layers, s.layer())
	}
}

// own is image, or what the one provider says instead of that where nobody else says how the app starts.
func (u *unifier) own(image plan.Start) plan.Start {
	if len(u.slims) != 1 || u.slims[0].Own == nil || u.said("start", "cmd") || u.said("start", "workdir") {
		return image
	}
	u.slims[0] = &slim{u.slims[0].provider, u.slims[0].Own}
	return u.slims[0].Start
}

// slimImage is what the providers say together; false where one of them says nothing, or they name different images.
func (u *unifier) slimImage() (plan.Start, bool) {
	var out plan.Start
	for i, s := range u.slims {
		if s == nil || i > 0 && s.Start.RunImage != out.RunImage || s.Start.RunImage == "" && s.Start.NixPkgs == nil {
			return out, false
		}
		files := s.Start.OnlyIncludeFiles
		if files == nil && len(u.slims) > 1 && s.Start.RunImage != "" {
			files = []string{"."}
		}
		out.RunImage = s.Start.RunImage
		out.AptPkgs = unique(append(out.AptPkgs, s.Start.AptPkgs...)) // several may need the same
		if s.Start.NixPkgs != nil {
			out.NixPkgs = append([]string{}, unique(append(out.NixPkgs, s.Start.NixPkgs...))...)
		}
		out.OnlyIncludeFiles = unique(append(out.OnlyIncludeFiles, files...))
	}
	return out, out.RunImage != "" || out.NixPkgs != nil
}

// unknown says what in the plan the providers know nothing of, and that what it needs to run may be missing in the
// image that they know; "" where there is nothing.
func (u *unifier) unknown(p *plan.Plan, image plan.Start) (fault.Pos, string) {
	if cmd := startCmd(p); cmd != startCmd(u.provided) && u.lacks(cmd) {
		at, _ := u.origin([]string{"start", "cmd"}, "")
		return at, "the start command is not the provider's, and may need more than running the provider's own does"
	}
	if image.RunImage == "" {
		return u.unknownNix(p)
	}
	narrow := slices.ContainsFunc(u.slims, func(s *slim) bool { return s.Start.OnlyIncludeFiles != nil })
	for _, d := range u.dropped {
		if len(d.path) == 2 && d.path[0] == "phases" && len(orEmpty(u.provided.Phases[d.path[1]]).Cmds) > 0 {
			return d.at, fmt.Sprintf("phase %s is deleted", d.path[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(withKeys(p.Phases, u.provided.Phases))) {
		ph, own := orEmpty(p.Phases[name]), orEmpty(u.provided.Phases[name])
		if !slices.Equal(ph.Cmds, own.Cmds) && (name != "build" || narrow) {
			at, _ := u.origin([]string{"phases", name, "cmds"}, "")
			return at, fmt.Sprintf("the commands of phase %s are not the provider's, and what running needs of their work is not known", name)
		}
		for _, l := range nixLists(ph, own) {
			if len(l.added) > 0 {
				at, _ := u.origin([]string{"phases", name, l.field}, l.added[0])
				return at, fmt.Sprintf("phase %s adds Nix packages, which the image that runs would lack", name)
			}
		}
	}
	return fault.Pos{}, ""
}

// lacks tells whether a provider's image may lack what a command needs that is not the provider's.
func (u *unifier) lacks(cmd string) bool {
	return slices.ContainsFunc(u.slims, func(s *slim) bool { return s.lacks(cmd) })
}

// addition is what a list of the plan has beside the providers' own.
type addition struct {
	field string
	added []string
}

func nixLists(ph, own *plan.Phase) []addition {
	return []addition{{"nixPkgs", without(ph.NixPkgs, own.NixPkgs)}, {"nixLibs", without(ph.NixLibs, own.NixLibs)}}
}

// added is what a list of phases has that nobody among the providers put there.
func (u *unifier) added(p *plan.Plan, list func(*plan.Phase) []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		out = append(out, without(list(p.Phases[name]), list(orEmpty(u.provided.Phases[name])))...)
	}
	return out
}

// said tells whether anyone above the providers says what is at path, be it that there shall be nothing.
func (u *unifier) said(path ...string) bool {
	for _, l := range u.layers[len(u.slims):] {
		if l.plan.Get(path...) != nil {
			return true
		}
	}
	for _, d := range u.dropped {
		if plan.Path(d.path...) == plan.Path(path...) {
			return true
		}
	}
	return u.jsonPlan != nil && u.jsonPlan.Blank(path...) || u.file != nil && u.file.doc != nil && u.file.doc.Blank(path...)
}

func startCmd(p *plan.Plan) string {
	if p.Start == nil {
		return ""
	}
	return p.Start.Cmd
}

func orEmpty(ph *plan.Phase) *plan.Phase {
	if ph == nil {
		return &plan.Phase{}
	}
	return ph
}

// withKeys has the keys of both.
func withKeys(a, b map[string]*plan.Phase) map[string]*plan.Phase {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// without are the elements of list that other lacks.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// unique is the list without repeated elements, the first of each kept.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// inTOML is a start as people write it.
func inTOML(s plan.Start) string {
	var out []string
	if s.RunImage != "" {
		out = append(out, fmt.Sprintf("runImage = %q", s.RunImage))
	}
	for _, l := range []addition{{"aptPkgs", slices.Sorted(slices.Values(s.AptPkgs))}, {"nixPkgs", s.NixPkgs}, {"onlyIncludeFiles", s.OnlyIncludeFiles}} {
		if l.added != nil {
			out = append(out, fmt.Sprintf("%s = [%s]", l.field, quoted(l.added)))
		}
	}
	return strings.Join(out, ", ")
}

func quoted(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%q", s))
	}
	return strings.Join(out, ", ")
}
