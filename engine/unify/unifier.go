package unify

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/detect"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// unifier makes the plan of one directory.
type unifier struct {
	app     *app.App
	catalog *catalog.Catalog
	options Options
	budget  *budget.Budget
	dir     string  // the directory within the one that was given, for messages
	asked   *config // the file that was asked for and read already, for a directory above

	file     *config    // nil where there is none
	cueHead  *says      // what nixpacks.cue says before any provider ran; nil for any other file
	head     *plan.Plan // of the user's file: what it says before any provider ran
	above    []layer    // over the file, lowest first: variables, a plan as JSON, flags
	jsonPlan *plan.Document

	wanted   []string          // providers that the user names; nil for the one that is detected
	detected []string          // what "..." stands for among them
	vars     map[string]string // as providers see them
	fileVars map[string]string // of them, those that the user's file or a plan as JSON sets
	packages string

	request  *catalog.Request
	location *plan.Location // of the app, as its providers know it
	saidApp  *plan.Location // the same as the user's own words have it
	provided *plan.Plan     // what the providers say, before anyone else
	slims    []*slim        // of each of them; nil where it has none

	layers          []layer   // all, lowest first
	dropped         []dropped // what nixpacks.cue deletes
	notes           []Note
	aboutStart      map[string]string // by the texts of providers' notes: how their provider starts the app, if it knows
	versions        []catalog.Version
	facts           map[string]catalog.Facts
	texts           map[string][]byte // of files that were read, for origins
	configuredStart bool
}

// read reads everything that the user says, and decides what detection and providers depend on.
func (u *unifier) read() error {
	variables, err1 := variableLayer(u.options.Env)
	flags, err2 := flagLayer(u.options.Flags)
	file, err3 := u.readConfig()
	given, err4 := u.readJSONPlan()
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	u.file, u.above = file, []layer{variables, given, flags}
	u.head = &plan.Plan{}
	switch {
	case file == nil:
	case file.cue:
		if err := u.readCUE(); err != nil {
			return err
		}
	default:
		u.head = file.doc.Plan
	}
	before := u.before(u.head)
	u.wanted, u.packages = before.Providers, before.Packages
	u.configuredStart = before.Start != nil && before.Start.Cmd != ""
	u.vars, u.fileVars = maps.Clone(u.options.Env), before.Variables
	if u.vars == nil {
		u.vars = map[string]string{}
	}
	maps.Copy(u.vars, before.Variables)
	if u.cueHead != nil {
		u.applyHead()
	}
	return nil
}

// readJSONPlan reads --json-plan.
func (u *unifier) readJSONPlan() (layer, error) {
	none := layer{plan: &plan.Plan{}, at: func([]string) (fault.Pos, bool) { return fault.Pos{}, false }}
	if u.options.JSONPlan == nil {
		return none, nil
	}
	root, err := plan.ParseJSON(u.options.JSONPlan, "--json-plan")
	if err != nil {
		return none, err
	}
	if u.jsonPlan, err = u.readDocument(root, u.options.JSONPlan); err != nil {
		return none, err
	}
	return documentLayer(u.jsonPlan), nil
}

// before is what is known before any provider runs: the user's file, variables, the plan given as JSON
// and flags, in Nixpacks' order, which decides how often "..." is filled.
func (u *unifier) before(file *plan.Plan) *plan.Plan {
	variables, given, flags := u.above[0].plan, u.above[1].plan, u.above[2].plan
	cli := plan.Merge(plan.Merge(&plan.Plan{}, given), flags)
	return plan.Merge(plan.Merge(plan.Merge(&plan.Plan{}, file), variables), cli)
}

// detect names the providers to evaluate.
func (u *unifier) detect() ([]string, error) {
	wanted := u.wanted
	if wanted == nil {
		wanted = []string{"..."}
	}
	found, err := detect.Detect(u.app, u.catalog, u.vars)
	if err != nil {
		return nil, err
	}
	u.detected = found
	names := []string{}
	for _, name := range plan.Fill(found, wanted) {
		if plan.Marker(name) {
			continue
		}
		if p, ok := u.catalog.Get(name); !ok || p.Detect().Never() {
			return nil, u.unknownProvider(name)
		}
		names = append(names, name)
	}
	return names, nil
}

func (u *unifier) unknownProvider(name string) error {
	f := fault.New(fault.Refused, "there is no provider called %q", name).
		WithHint("%s", fault.DidYouMean(name, u.catalog.Names()))
	docs := []*plan.Document{u.jsonPlan}
	if u.file != nil {
		docs = append(docs, u.file.doc)
	}
	if u.cueHead != nil {
		docs = append(docs, u.cueHead.doc)
	}
	for _, d := range docs {
		if d == nil || d.At("providers") == nil {
			continue
		}
		for _, item := range d.At("providers").Items {
			if item.Text == name {
				f = f.WithPos(item.Pos)
				if u.file != nil && item.Pos.File == u.file.name {
					f = f.WithSource(u.file.text)
				}
			}
		}
	}
	return f
}

// evaluate runs the providers and lays their plans over one another: the first one named wins, and the
// phases of the others carry their names.
func (u *unifier) evaluate(names []string) (*plan.Plan, error) {
	p := &plan.Plan{}
	defer func() { u.provided = p.Clone() }()
	var metadata []string
	var errs []error
	for i, name := range names {
		e, err := u.request.Evaluate(name)
		if err != nil {
			errs = appendNew(errs, err)
			continue
		}
		own := e.Plan.Clone()
		if i > 0 {
			own = own.Prefixed(name)
		}
		u.layers = append([]layer{providerLayer(name, own, e)}, u.layers...)
		for _, n := range e.Notes {
			u.aboutStart[n.Text] = startCmd(e.Plan)
		}
		u.notes = catalog.Once(u.notes, e.Notes...)
		u.versions = catalog.Once(u.versions, e.Versions...)
		u.facts[name] = e.Facts
		u.slims = append(u.slims, slimOf(name, e))
		u.location = u.location.Beside(e.Location)
		metadata = append(metadata, strings.Join(append([]string{name}, e.Metadata...), ","))
		p = plan.Merge(own, p)
	}
	u.orderAlone(p)
	if len(names) > 0 {
		p.Set(plan.Leaf{Path: []string{"variables", "NIXPACKS_METADATA"}, Value: strings.Join(metadata, ",")})
	}
	return p, errors.Join(errs...)
}

// orderAlone has no phase say that its order is free where there is none that it could run beside.
func (u *unifier) orderAlone(p *plan.Plan) {
	alone := map[string]bool{}
	for name, ph := range p.Phases {
		alone[name] = ph.Order == plan.OrderFree && !p.Beside(name, func(other string) bool { return p.Phases[other].Free() })
	}
	forget := func(p *plan.Plan) {
		for name, ph := range p.Phases {
			if alone[name] {
				ph.Order = ""
			}
		}
	}
	forget(p)
	for _, l := range u.layers {
		forget(l.plan)
	}
}

// appendNew appends the faults that err holds and errs does not: a provider that was asked by another may be named, too.
func appendNew(errs []error, err error) []error {
	for _, f := range fault.All(err) {
		if !slices.Contains(errs, error(f)) {
			errs = append(errs, f)
		}
	}
	return errs
}

// providerLayer is what a provider says. Its phases may have been prefixed; the provider knows them as they were.
func providerLayer(name string, p *plan.Plan, said *catalog.Evaluation) layer {
	own := func(path []string) []string {
		path = slices.Clone(path)
		if len(path) > 1 && path[0] == "phases" {
			path[1] = strings.TrimPrefix(path[1], name+":")
		}
		return path
	}
	return layer{plan: p, at: func(path []string) (fault.Pos, bool) {
		at := said.Line(own(path)...)
		at.Label = "provider " + name
		return at, at.File != ""
	}, rests: func(path []string) ([]catalog.Basis, error) { return said.Rests("plan", own(path)...) }}
}
