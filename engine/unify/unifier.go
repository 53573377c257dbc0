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

// unifier plans one directory.
type unifier struct {
	app     *app.App
	catalog *catalog.Catalog
	options Options
	budget  *budget.Budget
	dir     string  // path of the directory relative to the given app, for messages
	asked   *config // the explicit configuration, if already read for a parent directory

	file     *config      // nil if there is none
	cueHead  *cueDocument // nixpacks.cue evaluated before any provider runs; nil for other files
	head     *plan.Plan   // the user's file before any provider runs
	above    []layer      // layers above the file, lowest first: variables, --json-plan, flags
	jsonPlan *plan.Document

	wanted   []string          // the providers that the user names; nil to detect one
	detected []string          // the detected providers, which "..." in wanted stands for
	vars     map[string]string // the variables that providers see
	fileVars map[string]string // the subset of vars that the file or --json-plan sets
	packages string

	request      *catalog.Request
	location     *plan.Location // the app's place according to its providers
	userLocation *plan.Location // the app's place according to the user's plan
	provided     *plan.Plan     // the merged plan of the providers alone
	slims        []*slim        // one per provider, nil if it has none

	layers          []layer   // all layers, lowest first
	dropped         []dropped // what nixpacks.cue deletes
	notes           []Note
	aboutStart      map[string]string // from the text of a provider's note to that provider's start command
	versions        []catalog.Version
	facts           map[string]catalog.Facts
	texts           map[string][]byte // texts of the files read, for origins
	configuredStart bool
}

// read reads all of the user's input and determines what detection and providers depend on.
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

// readJSONPlan parses --json-plan.
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

// before merges what is known before any provider runs: the user's file, variables, --json-plan
// and flags. The order is Nixpacks', because it determines how often "..." is filled.
func (u *unifier) before(file *plan.Plan) *plan.Plan {
	variables, given, flags := u.above[0].plan, u.above[1].plan, u.above[2].plan
	cli := plan.Merge(plan.Merge(&plan.Plan{}, given), flags)
	return plan.Merge(plan.Merge(plan.Merge(&plan.Plan{}, file), variables), cli)
}

// detect returns the names of the providers to evaluate.
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

// evaluate evaluates the providers and merges their plans. The first named one has priority. The phases of the others
// are prefixed with their provider's name.
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

// orderAlone removes the order "free" from phases that have no other phase to run in parallel with.
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

// appendNew appends the faults in err that errs does not contain. A named provider may also have been asked by another one.
func appendNew(errs []error, err error) []error {
	for _, f := range fault.All(err) {
		if !slices.Contains(errs, error(f)) {
			errs = append(errs, f)
		}
	}
	return errs
}

// providerLayer returns the layer of a provider. Its phases may be prefixed in p, but not in the provider's own evaluation.
func providerLayer(name string, p *plan.Plan, e *catalog.Evaluation) layer {
	own := func(path []string) []string {
		path = slices.Clone(path)
		if len(path) > 1 && path[0] == "phases" {
			path[1] = strings.TrimPrefix(path[1], name+":")
		}
		return path
	}
	return layer{plan: p, at: func(path []string) (fault.Pos, bool) {
		at := e.Line(own(path)...)
		at.Label = "provider " + name
		return at, at.File != ""
	}, rests: func(path []string) ([]catalog.Basis, error) { return e.Rests("plan", own(path)...) }}
}
