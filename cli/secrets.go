package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tonistiigi/go-csvvalue"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// secretFlags pass secrets and SSH agents to the phases that ask for them.
func secretFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringSliceFlag{Name: "secret", Category: aboutBuild,
			Usage: "expose the secret `id=ID,src=FILE` or id=ID,env=NAME to phases that request it, not to the image (repeatable)"},
		&ucli.StringFlag{Name: "secrets-dir", Category: aboutBuild,
			Usage: "read the secrets that phases request from files in `DIR`, named by secret ID"},
		&ucli.StringSliceFlag{Name: "ssh", Category: aboutBuild,
			Usage: "expose the SSH agent or key `ID[=SOCKET|KEY]` to phases that request it; use default for your agent (repeatable)"},
	}
}

// secretsHashFlag makes steps run again when secrets change.
func secretsHashFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "secrets-hash", Category: aboutBuild,
		Usage: "rerun phases that request secrets when `TEXT` changes, or with auto when the secrets change"}
}

// secrets sets the secrets and SSH agents of the build. It reports all errors at once, before anything runs.
func (b *theBuild) secrets(c *ucli.Context, h *Host) error {
	secrets, err1 := givenSecrets(c, h)
	agents, err2 := givenAgents(c, h)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	p := b.request.Lower.Plan
	if err := fromDir(secrets, c.String("secrets-dir"), p, treeOf(c)); err != nil {
		return err
	}
	b.request.Secrets, b.request.SSH = secrets, agents
	var errs []error
	for _, a := range p.AskedSecrets() {
		if _, ok := secrets[a.ID]; !ok && !a.Optional {
			errs = append(errs, missing(a, "secret", "--secret id="+a.ID+",src=FILE, or --secret id="+a.ID+",env=NAME",
				fmt.Sprintf("secrets = [%q]", a.ID+"?")))
		}
	}
	for _, a := range p.AskedSSH() {
		if _, ok := agents[a.ID]; !ok && !a.Optional {
			errs = append(errs, missing(a, "SSH agent", "--ssh "+a.ID, fmt.Sprintf("ssh = %q", a.ID+"?")))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.String("secrets-hash") != hashAuto {
		return nil
	}
	var err error
	b.request.Lower.SecretHashes, err = h.keyedHashes(secrets)
	return err
}

func missing(a plan.Ask, what, flag, optional string) error {
	who := "phase " + a.Phases[0] + " asks"
	if len(a.Phases) > 1 {
		who = "phases " + strings.Join(a.Phases, " and ") + " ask"
	}
	return fault.New(fault.Usage, "%s for the %s %s, which is not given", who, what, a.ID).
		WithHint("give it: %s\nor make it optional in the phase: %s", flag, optional)
}

// refuseUnasked refuses secrets and SSH agents that no phase asks for: either the flag or the plan is wrong.
func (b *theBuild) refuseUnasked() error {
	p := b.request.Lower.Plan
	var errs []error
	refuse := func(what, id, line string) {
		errs = append(errs, fault.New(fault.Usage, "no phase asks for the %s %s", what, id).
			WithHint("name it in the phase that needs it, in nixpacks.toml:\n  [phases.%s]\n  %s", likelyPhase(p), line))
	}
	eachUnasked(b.request.Secrets, p.AskedSecrets(), func(id string) { refuse("secret", id, fmt.Sprintf("secrets = [%q]", id)) })
	eachUnasked(b.request.SSH, p.AskedSSH(), func(id string) { refuse("SSH agent", id, fmt.Sprintf("ssh = %q", id)) })
	return errors.Join(errs...)
}

// eachUnasked calls found for every given id that is not in asked.
func eachUnasked[T any](given map[string]T, asked []plan.Ask, found func(id string)) {
	for _, id := range slices.Sorted(maps.Keys(given)) {
		if !slices.ContainsFunc(asked, func(a plan.Ask) bool { return a.ID == id }) {
			found(id)
		}
	}
}

// likelyPhase returns the phase that most likely needs a secret: one that fetches packages. A plan without phases would get
// a build phase.
func likelyPhase(p *plan.Plan) string {
	for _, name := range []string{"install", "build"} {
		if p.Phases[name] != nil {
			return name
		}
	}
	return append(slices.Sorted(maps.Keys(p.Phases)), "build")[0]
}

// givenSecrets returns the secrets of --secret by id. The flag has the format of docker buildx.
func givenSecrets(c *ucli.Context, h *Host) (map[string][]byte, error) {
	out := map[string][]byte{}
	var errs []error
	t := treeOf(c)
	for _, s := range c.StringSlice("secret") {
		id, value, err := h.secret(s, t)
		if _, twice := out[id]; err == nil && twice {
			err = fault.New(fault.Usage, "--secret %s is given twice", id)
		}
		if errs = append(errs, err); err == nil {
			out[id] = value
		}
	}
	return out, errors.Join(errs...)
}

// fromDir adds the secrets that the plan's phases ask for and that are files in dir. --secret takes precedence.
func fromDir(secrets map[string][]byte, dir string, p *plan.Plan, t tree) error {
	if dir == "" {
		return nil
	}
	if st, err := os.Stat(dir); err != nil || !st.IsDir() {
		return fault.New(fault.Usage, "--secrets-dir %s is not a directory", dir)
	}
	for _, a := range p.AskedSecrets() {
		if _, said := secrets[a.ID]; said || !filepath.IsLocal(a.ID) {
			continue
		}
		file := filepath.Join(dir, a.ID)
		if t.leadsOut(file) {
			return escapeFault("the secret %s in --secrets-dir", a.ID)
		}
		value, err := secretFile(file)
		switch {
		case err == nil:
			secrets[a.ID] = value
		case !errors.Is(err, fs.ErrNotExist):
			return fault.Wrap(fault.Usage, err, "the secret %s in --secrets-dir cannot be read", a.ID)
		}
	}
	return nil
}

// secret parses one --secret. Messages do not repeat its text: in a wrong form it may contain the value.
func (h *Host) secret(text string, t tree) (id string, value []byte, err error) {
	const form = "write --secret id=ID,src=FILE, or --secret id=ID,env=NAME for the value of the variable NAME"
	var file, variable, kind string
	fields, err := csvvalue.Fields(text, nil)
	if err != nil {
		return "", nil, fault.New(fault.Usage, "a --secret cannot be parsed").WithHint(form)
	}
	for _, f := range fields {
		k, v, ok := strings.Cut(f, "=")
		switch k = strings.ToLower(strings.TrimSpace(k)); {
		case ok && k == "id":
			id = v
		case ok && (k == "src" || k == "source"):
			file = v
		case ok && k == "env":
			variable = v
		case ok && k == "type" && (v == "file" || v == "env"):
			kind = v
		default:
			return "", nil, fault.New(fault.Usage, "a --secret accepts only id, src, env and type").WithHint(form)
		}
	}
	switch {
	case id == "" || file != "" && variable != "":
		return "", nil, fault.New(fault.Usage, "a --secret needs an id, and at most one source").WithHint(form)
	case kind == "env" && variable == "":
		file, variable = "", cmp.Or(file, id)
	}
	value, err = h.secretFrom(id, file, variable, kind, t)
	return id, value, err
}

// secretFrom returns the value of a secret: of the given variable or file, else of the variable or file with its id as
// name.
func (h *Host) secretFrom(id, file, variable, kind string, t tree) ([]byte, error) {
	env := environMap(h.Environ)
	if file == "" && variable == "" {
		if _, ok := env[id]; ok && kind != "file" {
			variable = id
		} else {
			file = id
		}
	}
	if variable != "" {
		v, ok := env[variable]
		if !ok {
			return nil, fault.New(fault.Usage, "--secret %s: the variable %s is not set", id, variable)
		}
		return []byte(v), nil
	}
	if t.leadsOut(file) {
		return nil, escapeFault("--secret %s: its file", id)
	}
	value, err := secretFile(file)
	if err != nil && file == id {
		return nil, fault.Wrap(fault.Usage, err, "--secret %s: there is neither a variable nor a file of that name", id)
	}
	return value, fault.Wrap(fault.Usage, err, "--secret %s: its file cannot be read", id)
}

// secretFile reads a secret. It stops one byte after the size limit, which is enough to detect a secret that is too large.
func secretFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	value, err := io.ReadAll(io.LimitReader(f, solve.MaxSecret+1))
	if len(value) > solve.MaxSecret {
		return nil, fault.New(fault.Usage, "%s is too large for a secret: the maximum is %d bytes", name, solve.MaxSecret)
	}
	return value, err
}

// givenAgents returns the SSH agents of --ssh by id: the path of a socket, or the paths of key files.
func givenAgents(c *ucli.Context, h *Host) (map[string][]string, error) {
	out := map[string][]string{}
	for _, s := range c.StringSlice("ssh") {
		id, paths, _ := strings.Cut(s, "=")
		if id == "" || out[id] != nil {
			return nil, fault.New(fault.Usage, "--ssh %q has no unique ID", s).WithHint("write --ssh default, or --ssh ID=SOCKET")
		}
		if paths == "" {
			paths = environMap(h.Environ)["SSH_AUTH_SOCK"]
		}
		if paths == "" {
			return nil, fault.New(fault.Usage, "--ssh %s: no SSH agent is running", id).
				WithHint("start one: eval $(ssh-agent) && ssh-add; or give its socket or a key: --ssh %s=PATH", id)
		}
		out[id] = strings.Split(paths, ",")
	}
	return out, nil
}

// withSecrets adds secrets to the variables of an app that runs, as the phases of its build see them. Secrets that only
// package managers in the build use are left out. b is nil if nothing is built.
func withSecrets(env map[string]string, c *ucli.Context, h *Host, b *theBuild) error {
	secrets, err := givenSecrets(c, h)
	var asked []plan.Ask
	if b != nil {
		asked = b.request.Lower.Plan.AskedSecrets()
	}
	for id, value := range secrets {
		if slices.ContainsFunc(asked, func(a plan.Ask) bool { return a.ID == id && !a.Variable }) {
			continue
		}
		if _, said := env[id]; !said && plan.IsVariable(id) {
			env[id] = string(value)
		}
	}
	return err
}

// warnOfSecrets warns once about variables of --env that look like secrets, because everyone can read them in the image.
func warnOfSecrets(c *ucli.Context, h *Host, p *plan.Plan) error {
	cat, err := catalog.Builtin()
	if err != nil {
		return err
	}
	env, err := environment(c, h)
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(env)), func(k string) bool { return env[k] == "" || !cat.Defaults().SecretVariables.Suspect(k) })
	if len(names) == 0 {
		return nil
	}
	looks := "looks like a secret, and becomes"
	if len(names) > 1 {
		looks = "look like secrets, and become"
	}
	printNotes(h, []unify.Note{{Text: fmt.Sprintf("%s, given with --env, %s part of the image", strings.Join(names, ", "), looks),
		Hint: fmt.Sprintf("for the build, use --secret id=%s,env=%[1]s, and in nixpacks.toml under [phases.%s]: secrets = [%[1]q]\n"+
			"for the running app, set it at run time", names[0], likelyPhase(p))}})
	return nil
}
