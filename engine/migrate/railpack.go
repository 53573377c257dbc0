package migrate

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/facts"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// railpack migrates a railpack.json.
type railpack struct {
	*mover
	*reader
	names     catalog.Elsewhere
	caches    map[string]string // directories by cache name
	secrets   []string          // secrets of every step
	secretsAt fault.Pos         // position of secrets
	steps     map[string]fault.Pos
	asked     map[string]bool // steps that have their own list of secrets
}

func (m *mover) railpack(name string) error {
	text, _, err := m.app.Text(name)
	if err != nil {
		return err
	}
	if err := unify.TooLarge(name, []byte(text)); err != nil {
		return err
	}
	plain, err := facts.PlainJSON(text, name)
	if err != nil {
		return err
	}
	root, err := plan.ParseJSON([]byte(plain), name)
	if err != nil {
		return err
	}
	m.from, m.draft.comments = []string{name}, jsonComments([]byte(text), []byte(plain))
	r := &railpack{mover: m, reader: &reader{text: []byte(text)}, caches: map[string]string{}, steps: map[string]fault.Pos{}, asked: map[string]bool{}}
	if r.names, err = catalog.ReadElsewhere(); err != nil {
		return err
	}
	return r.read(root)
}

// keyReader migrates the value of one key.
type keyReader struct {
	key  string
	read func(plan.Field) error
}

// read migrates the keys in the order of their dependencies.
func (r *railpack) read(root *plan.Node) error {
	for _, f := range r.fields(root.Get("steps"), "steps") {
		r.steps[f.Name] = f.Pos
	}
	readers := []keyReader{
		{"provider", r.provider}, {"packages", r.packages}, {"buildAptPackages", r.buildApt}, {"caches", r.cacheMap},
		{"secrets", r.rootSecrets}, {"exclude", r.exclude}, {"steps", r.allSteps}, {"deploy", r.deploy},
	}
	fields := r.fields(root, "")
	for _, want := range readers {
		for _, f := range fields {
			if f.Name != want.key || f.Value.Kind == plan.Null {
				continue
			}
			if err := want.read(f); err != nil {
				return err
			}
		}
	}
	for _, f := range fields {
		switch {
		case f.Name == "$schema":
			r.lost(f.Pos, f.Name, "is only for editors", "for a nixpacks.cue, place a schema beside it: nixpacks schema --cue > nixpacks_schema.cue")
		case !slices.ContainsFunc(readers, func(k keyReader) bool { return k.key == f.Name }):
			r.unknown(f, "")
		}
	}
	if err := r.err(); err != nil {
		return err
	}
	return r.spreadSecrets()
}

// unknown notes a key that Railpack does not know either.
func (r *railpack) unknown(f plan.Field, in string) {
	r.lost(f.Pos, strings.TrimPrefix(in+"."+plan.Path(f.Name), "."), "is not a known key", "")
}

func (r *railpack) provider(f plan.Field) error {
	name, ok := r.str(f.Value, "provider")
	if !ok {
		return nil
	}
	if own := r.names.Railpack[strings.ToLower(name)]; own != "" {
		r.draft.set(f.Pos, []string{own}, "providers")
		return nil
	}
	r.lost(f.Pos, "provider", "is "+name+", for which there is no provider", "set its commands in phases, or create a provider: nixpacks providers new")
	return nil
}

var plainVersion = lazy.Regexp(`^[0-9]+(\.[0-9]+)*$`)

// packages migrates versions of what the app's provider installs.
func (r *railpack) packages(f plan.Field) error {
	base, err := r.ground()
	if err != nil {
		return err
	}
	var settable []string
	for _, name := range base.Providers {
		p, _ := r.catalog.Get(name)
		settable = append(settable, p.Variables()...)
	}
	for _, p := range r.reader.fields(f.Value, "packages") {
		key := plan.Path("packages", p.Name)
		version, ok := r.scalar(p.Value, key)
		variable := r.names.Packages[p.Name]
		switch {
		case !ok:
		case variable != "" && slices.Contains(settable, variable) && plainVersion().MatchString(version):
			r.draft.set(p.Pos, version, "variables", variable)
		case variable != "" && slices.Contains(settable, variable):
			r.lost(p.Pos, key, "asks for "+version+", but only version numbers are supported", "variables: "+variable+": \"VERSION\"; leave it unset to use the version that the app requests")
		default:
			r.lost(p.Pos, key, "is a mise package", "phases: setup: nixPkgs or aptPkgs: [\"...\", \"NAME\"], with its Nix or Debian name; for a language version, use a mise.toml")
		}
	}
	return nil
}

func (r *railpack) buildApt(f plan.Field) error {
	r.extend(f, "buildAptPackages", "phases", "setup", "aptPkgs")
	return nil
}

// extend migrates a list of packages to path. It adds "...", because otherwise the list would replace the provider's packages,
// and not only those that Railpack adds.
func (r *railpack) extend(f plan.Field, key string, path ...string) {
	items := r.items(f.Value, key)
	if len(items) == 0 {
		return
	}
	if !slices.ContainsFunc(items, func(n *plan.Node) bool { return n.Text == "..." }) {
		r.draft.add(f.Pos, "...", path...)
	}
	r.list(f, key, path...)
}

// list migrates a list of strings to path.
func (r *railpack) list(f plan.Field, key string, path ...string) {
	for i, n := range r.items(f.Value, key) {
		if s, ok := r.str(n, elementKey([]string{key}, i)); ok {
			r.draft.add(f.Pos, s, path...)
		}
	}
}

func (r *railpack) cacheMap(f plan.Field) error {
	for _, c := range r.reader.fields(f.Value, "caches") {
		key := plan.Path("caches", c.Name)
		for _, g := range r.reader.fields(c.Value, key) {
			text, ok := r.str(g.Value, key+"."+g.Name)
			switch {
			case !ok:
			case g.Name == "directory":
				r.caches[c.Name] = text
			case g.Name != "type":
				r.unknown(g, key)
			case text == "locked":
				r.lost(g.Pos, key+".type", "prevents concurrent use of the directory", "lock it in the command: flock FILE COMMAND")
			}
		}
	}
	return nil
}

func (r *railpack) rootSecrets(f plan.Field) error {
	for i, n := range r.items(f.Value, "secrets") {
		if s, ok := r.str(n, elementKey([]string{"secrets"}, i)); ok && s != "..." {
			r.secrets = append(r.secrets, s)
		}
	}
	r.secretsAt = f.Pos
	if len(r.secrets) > 0 {
		r.look(f.Pos, "secrets", "are passed to every phase, as in Railpack, and the build fails if one is missing",
			"keep each only in the phases that need it; \"NAME?\" makes it optional. To pass it from your environment: nixpacks build --secret id=NAME")
	}
	return nil
}

// spreadSecrets adds the secrets to the steps without their own list, including the provider's.
func (r *railpack) spreadSecrets() error {
	if len(r.secrets) == 0 {
		return nil
	}
	base, err := r.ground()
	if err != nil {
		return err
	}
	for _, p := range []*plan.Plan{base.Plan, r.draft.plan.Clone()} {
		for name, ph := range p.Phases {
			if len(ph.Cmds) > 0 && !r.asked[name] {
				at, ok := r.steps[name]
				if !ok {
					at = r.secretsAt
				}
				r.draft.set(at, r.secrets, "phases", name, "secrets")
			}
		}
	}
	return nil
}

// exclude migrates patterns. A pattern that re-includes files excluded by earlier ones becomes an include.
func (r *railpack) exclude(f plan.Field) error {
	items := r.items(f.Value, "exclude")
	for i, n := range items {
		key := elementKey([]string{"exclude"}, i)
		s, ok := r.str(n, key)
		back, takes := strings.CutPrefix(s, "!")
		switch {
		case !ok || s == "":
		case !takes:
			r.draft.add(f.Pos, s, "exclude")
		case slices.ContainsFunc(items[i:], func(n *plan.Node) bool { return !strings.HasPrefix(n.Text, "!") }):
			r.lost(n.Pos, key, "includes a file that a later pattern may exclude again", "use include: [\"PATTERN\"] for files that must be in the build context")
		default:
			r.draft.add(n.Pos, back, "include")
		}
	}
	return nil
}
