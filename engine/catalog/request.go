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

// Env is what a plan depends on beside the app.
type Env struct {
	// Packages is where toolchains come from: "nix", which "" means too, or "apt".
	Packages string
	// Variables that the user gave, by name.
	Variables map[string]string
	// Arch is the architecture of the machine that the image is for, as images name it; "" is amd64.
	Arch string
	// Budget is what planning may take; nil for any amount.
	Budget *budget.Budget
}

// Request is an app to be planned. Each provider is evaluated for it at most once, whether the user names it or other
// providers ask it. It is for one goroutine.
type Request struct {
	catalog *Catalog
	app     *app.App
	env     Env
	rooted  bool     // InWorkspace
	asking  []string // the providers that are being evaluated, each for the one before it
	done    map[consulted]outcome
	cue     func() *cue.Context
}

// consulted is a provider and, for one that others ask and that knows no workspaces itself, what leads from the app's directory to the
// root of theirs.
type consulted struct{ name, up string }

type outcome struct {
	said *Evaluation
	err  error
}

// Request asks the catalog's providers about an app. What CUE needs for that is made ready side by side with what the
// caller does until Evaluate.
func (c *Catalog) Request(a *app.App, env Env) *Request {
	if env.Packages == "" {
		env.Packages = "nix"
	}
	r := &Request{catalog: c, app: a, env: env, done: map[consulted]outcome{}, cue: sync.OnceValue(providerContext)}
	go r.cue()
	return r
}

// InWorkspace says that the plan may be one for the root of the workspace that the app is a member of: all providers that are to make
// it know workspaces. Elsewhere the app is in none.
func (r *Request) InWorkspace() { r.rooted = true }

// Evaluate asks the app what the named provider wants to know, in rounds, and gives the plan that follows. All who ask
// for it get the same Evaluation, or the same fault, and must not change it. It is a fault (Refused) where the provider
// refuses the app, where a file that it asks for is malformed, or where the provider itself is wrong; the places say which.
func (r *Request) Evaluate(name string) (*Evaluation, error) { return r.consult(consulted{name: name}) }

func (r *Request) consult(whom consulted) (*Evaluation, error) {
	name := whom.name
	p, ok := r.catalog.Get(name)
	if !ok {
		return nil, fault.New(fault.Refused, "there is no provider called %q", name).
			WithHint("%s", fault.DidYouMean(name, r.catalog.Names()))
	}
	o, ok := r.done[whom]
	if !ok {
		r.asking = append(r.asking, name)
		o.said, o.err = r.evaluate(p, whom.up)
		r.asking = slices.Delete(r.asking, len(r.asking)-1, len(r.asking))
		r.done[whom] = o
	}
	return o.said, o.err
}

// Once appends to list those of more that it lacks: what several providers say of one that all of them asked is to be
// read once.
func Once[T Note | Version](list []T, more ...T) []T {
	for _, m := range more {
		if !slices.ContainsFunc(list, func(l T) bool { return reflect.DeepEqual(l, m) }) {
			list = append(list, m)
		}
	}
	return list
}
