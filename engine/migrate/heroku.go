package migrate

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// herokuKeys are the keys of an app.json that affect the app, with a reason and a replacement for those that are not migrated.
var herokuKeys = map[string][2]string{
	"env":          {},
	"buildpacks":   {},
	"addons":       {"are separate services", "pass their addresses to the app as variables: nixpacks run --env NAME=VALUE"},
	"formation":    {"sets how many instances of each process run, which is not part of an image", "configure this where the image runs"},
	"scripts":      {},
	"environments": {"configures Heroku's review and test apps", "pass their variables to those builds: --env NAME=VALUE"},
	"stack":        {"is Heroku's own base image", "packages: \"apt\" installs everything from Debian; buildImage sets any image"},
}

// herokuWords are the keys that only describe the app.
var herokuWords = []string{"name", "description", "keywords", "website", "repository", "logo", "success_url", "image", "$schema"}

// herokus reports whether an app.json is Heroku's. Other programs use that file name too.
func herokus(text []byte) bool {
	var keys map[string]json.RawMessage
	if json.Unmarshal(text, &keys) != nil || keys["expo"] != nil {
		return false
	}
	return slices.ContainsFunc(slices.Collect(maps.Keys(keys)), func(k string) bool { _, ok := herokuKeys[k]; return ok })
}

// heroku migrates app.json and Procfile, or Procfile alone.
func (m *mover) heroku(from string) error {
	if from == appFile {
		text, _, err := m.app.Text(appFile)
		if err != nil {
			return err
		}
		m.from = append(m.from, appFile)
		if err := m.appJSON([]byte(text)); err != nil {
			return err
		}
	}
	text, there, err := m.app.Text(procFile)
	if err != nil || !there {
		return err
	}
	m.from = append(m.from, procFile)
	return m.procfile(text)
}

func (m *mover) procfile(text string) error {
	all, err := unify.Processes(text)
	if err != nil {
		return err
	}
	release, releases := all[unify.Release]
	if releases {
		m.draft.set(release.At(), []string{release.Cmd}, "phases", unify.Release, "cmds")
		m.draft.phase(unify.Release).DependsOn = []string{"setup", "install", "build"}
		m.look(release.At(), unify.Release, "runs during the build, but Heroku runs it at release time with the app's variables",
			"if it needs a database, remove the phase, and run the image with this command before the app")
		delete(all, unify.Release)
	}
	start := unify.Starter(all)
	if start == "" {
		return nil
	}
	m.draft.set(all[start].At(), all[start].Cmd, "start", "cmd")
	if len(all) == 1 {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p := all[name]
		if bad := plan.BadProcess(name); bad != "" {
			m.lost(p.At(), plan.Path(name), "is not a valid process name: "+bad, "")
			continue
		}
		m.draft.set(p.At(), p.Cmd, "start", "processes", name)
	}
	return nil
}

func (m *mover) appJSON(text []byte) error {
	if err := unify.TooLarge(appFile, text); err != nil {
		return err
	}
	root, err := plan.ParseJSON(text, appFile)
	if err != nil {
		return err
	}
	r := &reader{text: text}
	for _, f := range r.fields(root, "") {
		why, known := herokuKeys[f.Name]
		switch {
		case f.Name == "env":
			m.herokuEnv(r, f)
		case f.Name == "buildpacks":
			err = m.buildpacks(r, f)
		case f.Name == "scripts":
			for _, s := range r.fields(f.Value, "scripts") {
				m.lost(s.Pos, plan.Path("scripts", s.Name), "is run once by Heroku", "run the image with that command when needed")
			}
		case known:
			m.lost(f.Pos, f.Name, why[0], why[1])
		case slices.Contains(herokuWords, f.Name):
			m.lost(f.Pos, f.Name, "only describes the app", "use start.labels for image metadata")
		default:
			m.lost(f.Pos, plan.Path(f.Name), "is not a known key", "")
		}
		if err != nil {
			return err
		}
	}
	return r.err()
}

// herokuEnv migrates the variables that have a value.
func (m *mover) herokuEnv(r *reader, env plan.Field) {
	suspect := m.catalog.Defaults().SecretVariables
	for _, f := range r.fields(env.Value, "env") {
		key := plan.Path("env", f.Name)
		value := f.Value
		if value.Kind == plan.Map {
			value = f.Value.Get("value")
			if d := f.Value.Get("description"); d != nil && value != nil && d.Kind == plan.String {
				for l := range strings.Lines(d.Text) {
					m.draft.remark(strings.TrimSpace(l), "variables", f.Name)
				}
			}
		}
		switch generator := f.Value.Get("generator"); {
		case generator != nil:
			m.lost(generator.Pos, key+".generator", "makes Heroku generate a value", "generate a value and pass it to the app: nixpacks run --env "+f.Name+"=VALUE")
		case value == nil:
			m.lost(f.Pos, key, "has no value", "pass it to the app (nixpacks run --env "+f.Name+"=VALUE), and to the build if needed")
		case plan.BadVariable(f.Name) != "":
			m.lost(f.Pos, key, "is not a valid variable name: "+plan.BadVariable(f.Name), "")
		default:
			text, ok := r.scalar(value, key)
			if !ok {
				continue
			}
			m.draft.set(f.Pos, text, "variables", f.Name)
			if text != "" && suspect.Suspect(f.Name) {
				m.look(f.Pos, key, "looks like a secret, but variables are stored in the image",
					"if it is one, remove it from the file, and pass it to the app when it runs, or to the build with --secret")
			}
		}
	}
}

var buildpackName = lazy.Regexp(`(?:^|/)(?:heroku-)?(?:buildpack-)?([a-z0-9-]+?)(?:\.git)?(?:[#@].*)?$`)

// buildpacks migrates Heroku's language buildpacks. The last buildpack determines how the app starts, and the first of several
// providers does, so the order is reversed.
func (m *mover) buildpacks(r *reader, f plan.Field) error {
	names, err := catalog.ReadElsewhere()
	if err != nil {
		return err
	}
	var found []string
	for i, item := range r.items(f.Value, "buildpacks") {
		url := item
		if item.Kind == plan.Map {
			url = item.Get("url")
		}
		key := elementKey([]string{"buildpacks"}, i)
		text, ok := r.str(url, key)
		if !ok {
			continue
		}
		name := buildpackName().FindStringSubmatch(text)
		if name == nil || names.Buildpacks[name[1]] == "" || !strings.Contains(text, "heroku") {
			m.lost(item.Pos, key, "is a buildpack without a matching provider", "add its packages to aptPkgs or nixPkgs of a phase, and its commands to cmds")
			continue
		}
		if p := names.Buildpacks[name[1]]; !slices.Contains(found, p) {
			found = slices.Insert(found, 0, p)
		}
	}
	if found != nil {
		m.draft.set(f.Pos, found, "providers")
	}
	return nil
}
