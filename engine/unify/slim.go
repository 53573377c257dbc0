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

// slim is a provider's description of a run image without the build tools.
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

// lacks reports whether a start command that is not the provider's may need more than the run image has.
func (s *slim) lacks(cmd string) bool {
	return s.Unless == "start" && (s.Runs == nil || !s.Runs.MatchString(cmd)) || s.Fails != nil && s.Fails.MatchString(cmd)
}

// layer returns the run image as a layer of the plan.
func (s *slim) layer() layer {
	return layer{plan: &plan.Plan{Start: &s.Start}, at: func(path []string) (fault.Pos, bool) {
		at := s.Line(path[1:]...)
		at.Label = "provider " + s.provider
		return at, at.File != ""
	}, rests: func(path []string) ([]catalog.Basis, error) { return s.Rests(path[1:]...) }}
}

// slim makes the finished plan use the providers' run image. All providers must have one, and no layer
// above them may contain something that they cannot account for. In that case a note says why the build image is kept.
func (u *unifier) slim(p *plan.Plan) {
	image, ok := u.slimImage()
	if !ok || u.options.Flags.NoSlim || Truthy(u.vars, "NO_SLIM") ||
		slices.ContainsFunc([]string{"runImage", "onlyIncludeFiles", "nixPkgs"}, func(field string) bool { return u.setAbove("start", field) }) {
		return
	}
	if at, why := u.unknown(p, image); why != "" {
		u.note(at, "the image keeps its build tools: "+why, "list what the app needs at run time in start of the configuration file: "+inTOML(image))
		return
	}
	image = u.own(image)
	if u.setAbove("buildImage") && image.RunImage != "" { // what was built on it may need its shared libraries
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
	if image.RunImage != "" { // otherwise the image has the phases' packages anyway
		added = u.added(p, aptPkgs)
	}
	if pkgs := unique(slices.Concat(image.AptPkgs, p.Start.AptPkgs, added)); len(pkgs) > 0 {
		p.Start.AptPkgs = pkgs
	}
	for _, s := range slices.Backward(u.slims) {
		u.layers = append(u.layers, s.layer())
	}
}

// own returns image, or the single provider's alternative for the case that no other layer sets how the app starts.
func (u *unifier) own(image plan.Start) plan.Start {
	if len(u.slims) != 1 || u.slims[0].Own == nil || u.setAbove("start", "cmd") || u.setAbove("start", "workdir") {
		return image
	}
	u.slims[0] = &slim{u.slims[0].provider, u.slims[0].Own}
	return u.slims[0].Start
}

// slimImage combines the providers' run images. It returns false if a provider has none or if they differ.
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
		out.AptPkgs = unique(append(out.AptPkgs, s.Start.AptPkgs...)) // several providers may need the same
		if s.Start.NixPkgs != nil {
			out.NixPkgs = append([]string{}, unique(append(out.NixPkgs, s.Start.NixPkgs...))...)
		}
		out.OnlyIncludeFiles = unique(append(out.OnlyIncludeFiles, files...))
	}
	return out, out.RunImage != "" || out.NixPkgs != nil
}

// unknown returns a part of the plan that the providers cannot account for and that may need something missing in the
// run image, as a position and the reason. The reason is "" if there is none.
func (u *unifier) unknown(p *plan.Plan, image plan.Start) (fault.Pos, string) {
	if cmd := startCmd(p); cmd != startCmd(u.provided) && u.lacks(cmd) {
		at, _ := u.origin([]string{"start", "cmd"}, "")
		return at, "the start command is not the provider's, and may need more files or packages at run time"
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
			return at, fmt.Sprintf("the commands of phase %s are not the provider's, and the app may need any of their output at run time", name)
		}
		for _, l := range nixLists(ph, own) {
			if len(l.added) > 0 {
				at, _ := u.origin([]string{"phases", name, l.field}, l.added[0])
				return at, fmt.Sprintf("phase %s adds Nix packages, which the run image would lack", name)
			}
		}
	}
	return fault.Pos{}, ""
}

// lacks reports whether the run image may lack something that a command other than the provider's needs.
func (u *unifier) lacks(cmd string) bool {
	return slices.ContainsFunc(u.slims, func(s *slim) bool { return s.lacks(cmd) })
}

// addition is the elements of a list of the plan beyond the providers' own.
type addition struct {
	field string
	added []string
}

func nixLists(ph, own *plan.Phase) []addition {
	return []addition{{"nixPkgs", without(ph.NixPkgs, own.NixPkgs)}, {"nixLibs", without(ph.NixLibs, own.NixLibs)}}
}

// added returns the elements of a list of the phases that no provider added.
func (u *unifier) added(p *plan.Plan, list func(*plan.Phase) []string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		out = append(out, without(list(p.Phases[name]), list(orEmpty(u.provided.Phases[name])))...)
	}
	return out
}

// setAbove reports whether a layer above the providers sets path, or deletes it.
func (u *unifier) setAbove(path ...string) bool {
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

// withKeys returns a map with the keys of both.
func withKeys(a, b map[string]*plan.Phase) map[string]*plan.Phase {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// without returns the elements of list that are not in other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// unique returns the list without repeated elements. The first of each is kept.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// inTOML formats a start as TOML.
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
