package unify

import (
	"path"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// ConfigNames are the names of the configuration files that are searched for in the app.
var ConfigNames = []string{"nixpacks.cue", "nixpacks.toml", "nixpacks.json"}

// config is the user's configuration file.
type config struct {
	name     string // as shown in messages
	text     []byte
	explicit bool // named by --config or NIXPACKS_CONFIG_FILE
	doc      *plan.Document
	cue      bool
}

// readConfig finds and parses the configuration. It returns nil if there is none.
func (u *unifier) readConfig() (*config, error) {
	if u.asked != nil {
		return u.asked, nil
	}
	c, err := u.findConfig()
	if c == nil || err != nil {
		return nil, err
	}
	if path.Ext(c.name) == ".cue" {
		c.cue = true
		return c, TooLarge(c.name, c.text)
	}
	root, err := ParseData(c.text, c.name)
	if err != nil {
		return nil, err
	}
	c.doc, err = u.readDocument(root, c.text)
	return c, err
}

// ParseData parses a TOML or JSON configuration, depending on the extension of its name, and records the position of every value.
func ParseData(text []byte, name string) (*plan.Node, error) {
	if err := TooLarge(name, text); err != nil {
		return nil, err
	}
	switch path.Ext(name) {
	case ".toml":
		return parseTOML(text, name)
	case ".json":
		return plan.ParseJSON(text, name)
	}
	return nil, fault.New(fault.Refused, "%s is not a supported configuration file", name).
		WithPos(fault.Pos{File: name}).WithHint("its name must end in .cue, .toml or .json")
}

// readDocument reads a plan. Unknown keys are faults, or notes with NIXPACKS_UNKNOWN_KEYS=warn.
func (u *unifier) readDocument(root *plan.Node, text []byte) (*plan.Document, error) {
	d, err := plan.Read(root, text)
	if err != nil {
		return nil, err
	}
	keepFinished(d)
	if len(d.Unknown) == 0 {
		return d, nil
	}
	switch v, _ := setting(u.options.Env, "UNKNOWN_KEYS"); v {
	case "", "refuse":
		return nil, inOrder(d.Unknown)
	case "warn":
	default:
		return nil, fault.New(fault.Refused, "invalid NIXPACKS_UNKNOWN_KEYS %q", v).WithPos(fault.Pos{File: "--env"}).
			WithHint("use warn or refuse (the default)")
	}
	for _, f := range d.Unknown {
		u.notes = append(u.notes, Note{Text: f.Msg + " is ignored", Hint: f.Hint, At: f.At})
	}
	return d, nil
}

func (u *unifier) findConfig() (*config, error) {
	if u.options.ConfigText != nil {
		return &config{name: u.options.Config, text: u.options.ConfigText, explicit: true}, nil
	}
	if name := u.options.Config; name != "" {
		return u.namedConfig(name, byFlag)
	}
	if name, ok := setting(u.options.Env, "CONFIG_FILE"); ok {
		return u.namedConfig(name, "--env NIXPACKS_CONFIG_FILE")
	}
	var found []*config
	for _, name := range ConfigNames {
		text, ok, err := u.text(name)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, &config{name: path.Join(u.dir, name), text: []byte(text)})
		}
	}
	if len(found) > 1 {
		return nil, fault.New(fault.Refused, "found both %s and %s, but only one can be used", found[0].name, found[1].name).
			WithPos(fault.Pos{File: found[0].name}, fault.Pos{File: found[1].name}).
			WithHint("remove one, or select one with --config")
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

// clearBlanks deletes the values that a document sets to an empty string, unless over sets them.
func clearBlanks(p, over *plan.Plan, d *plan.Document) {
	if d == nil {
		return
	}
	paths := [][]string{{"buildImage"}, {"start", "cmd"}, {"start", "runImage"}, {"start", "user"}, {"start", "stopSignal"}, {"start", "workdir"}}
	for name := range d.Plan.Phases {
		paths = append(paths, []string{"phases", name, "nixpkgsArchive"}, []string{"phases", name, "ssh"})
	}
	for _, path := range paths {
		if d.Blank(path...) && over.Get(path...) == nil {
			p.Delete(path...)
		}
	}
}

// keepFinished makes the phases of a finished plan without dependsOn depend on nothing. The dependencies implied by a
// phase's name are meant for plans that people write. dropImplied undoes it in the output.
func keepFinished(d *plan.Document) {
	if !finished(d) {
		return
	}
	for _, ph := range d.Plan.Phases {
		if ph.DependsOn == nil {
			ph.DependsOn = []string{}
		}
	}
}

func dropImplied(p *plan.Plan, d *plan.Document) {
	if d == nil || !finished(d) {
		return
	}
	for name := range d.Plan.Phases {
		if ph := p.Phases[name]; ph != nil && len(ph.DependsOn) == 0 && d.At("phases", name, "dependsOn") == nil {
			ph.DependsOn = nil
		}
	}
}

func finished(d *plan.Document) bool { return Finished(d.Plan) }

// Finished reports whether a plan is pinned: it names its build image and leaves nothing to detect.
func Finished(p *plan.Plan) bool {
	return p.BuildImage != "" && p.Providers != nil && len(p.Providers) == 0
}
