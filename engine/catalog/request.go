package catalog

import (
	"reflect"
	"slices"
	"sync"

	"cuelang.org/go/cue"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Env is the input of a plan apart from the app.
type Env struct {
	// Packages is the source of toolchains: "nix" (the default) or "apt".
	Packages string
	// Variables are the variables that the user set, by name.
	Variables map[string]string
	// Arch is the architecture of the image's platform, as OCI names it. "" is amd64.
	Arch string
	// Budget limits planning. nil is no limit.
	Budget *budget.Budget
}

// Request is an app to be planned. It evaluates each provider at most once, whether the user or other providers ask for it.
// It must not be used by several goroutines at once.
type Request struct {
	catalog *Catalog
	app     *app.App
	env     Env
	rooted  bool     // set by InWorkspace
	asking  []string // the stack of providers under evaluation, each asked by the one before it
	done    map[consulted]outcome
	cue     func() *cue.Context
}

// consulted is the key of an evaluation: a provider, and for a provider that others ask and that does not know workspaces
// itself, the path from the app's directory to the root of the asking provider's workspace.
type consulted struct{ name, up string }

type outcome struct {
	evaluation *Evaluation
	err        error
}

// Request returns a request to plan an app. It prepares the CUE context in a goroutine, concurrently with the caller's work
// before Evaluate.
func (c *Catalog) Request(a *app.App, env Env) *Request {
	if env.Packages == "" {
		env.Packages = "nix"
	}
	r := &Request{catalog: c, app: a, env: env, done: map[consulted]outcome{}, cue: sync.OnceValue(providerContext)}
	go r.cue()
	return r
}

// InWorkspace allows plans for the root of the workspace that the app is a member of. Call it only if all providers of the
// plan know workspaces. Without it, the answer to workspace questions is that the app is in no workspace.
func (r *Request) InWorkspace() { r.rooted = true }

// Evaluate answers the named provider's questions about the app, in rounds, and returns the resulting plan. All callers
// get the same Evaluation, or the same fault, and must not modify it. It is a fault (Refused) if the provider refuses the
// app, if a file that it asks for is malformed, or if the provider itself is wrong. The positions tell which.
func (r *Request) Evaluate(name string) (*Evaluation, error) { return r.consult(consulted{name: name}) }

func (r *Request) consult(key consulted) (*Evaluation, error) {
	name := key.name
	p, ok := r.catalog.Get(name)
	if !ok {
		return nil, fault.New(fault.Refused, "there is no provider called %q", name).
			WithHint("%s", fault.DidYouMean(name, r.catalog.Names()))
	}
	o, ok := r.done[key]
	if !ok {
		r.asking = append(r.asking, name)
		o.evaluation, o.err = r.evaluate(p, key.up)
		r.asking = slices.Delete(r.asking, len(r.asking)-1, len(r.asking))
		r.done[key] = o
	}
	return o.evaluation, o.err
}

// Once appends the elements of more that list lacks, so that a note or version of a provider that several others ask
// appears once.
func Once[T Note | Version](list []T, more ...T) []T {
	for _, m := range more {
		if !slices.ContainsFunc(list, func(l T) bool { return reflect.DeepEqual(l, m) }) {
			list = append(list, m)
		}
	}
	return list
}
