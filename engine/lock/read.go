package lock

import (
	"errors"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// reader decodes a lock and collects its faults.
type reader struct {
	text   []byte
	faults []error
}

func (r *reader) fault(at fault.Pos, format string, args ...any) *fault.Fault {
	f := mistake(at, r.text, format, args...)
	r.faults = append(r.faults, f)
	return f
}

func (r *reader) joined() error { return errors.Join(r.faults...) }

// fields returns the fields of a map. Each must have one of the known names, if there are any.
func (r *reader) fields(n *plan.Node, what string, known ...string) map[string]*plan.Node {
	if n.Kind != plan.Map {
		r.fault(n.Pos, "%s must be a map, not %v", what, n.Kind)
		return nil
	}
	out := map[string]*plan.Node{}
	for _, f := range n.Fields {
		ok := len(known) == 0
		for _, k := range known {
			ok = ok || k == f.Name
		}
		if !ok {
			r.fault(f.Pos, "unknown key %q in %s", f.Name, what).WithHint("%s", fault.DidYouMean(f.Name, known))
			continue
		}
		out[f.Name] = f.Value
	}
	return out
}

// form returns a string that must satisfy ok.
func (r *reader) form(n *plan.Node, at fault.Pos, what string, ok func(string) bool) string {
	switch {
	case n == nil:
		r.fault(at, "%s is missing", what)
		return ""
	case n.Kind != plan.String || !ok(n.Text):
		r.fault(n.Pos, "%s cannot be %s", what, shown(n))
		return ""
	}
	return n.Text
}

func shown(n *plan.Node) string {
	if n.Kind == plan.String {
		return `"` + n.Text + `"`
	}
	return n.Kind.String()
}

func (r *reader) lock(n *plan.Node) *Lock {
	top := r.fields(n, "nixpacks.lock", "version", "providers", "policies", "bases", "nix", "apt")
	if top == nil {
		return nil
	}
	if v := top["version"]; v == nil || v.Kind != plan.Number || v.Text != current {
		at := n.Pos
		if v != nil {
			at = v.Pos
		}
		r.faults = nil // a later version may have fields that are not known here
		r.fault(at, "this nixpacks supports only version %s of nixpacks.lock", current).WithHint("use the version of nixpacks that wrote it, or a newer one")
		return nil
	}
	return &Lock{
		Providers: r.modules(top["providers"], "providers"),
		Policies:  r.modules(top["policies"], "policies"),
		Bases:     r.bases(top["bases"]),
		Nix:       r.texts(top["nix"], "nix", func(string) bool { return true }, hashForm().MatchString),
		Apt:       r.apt(top["apt"]),
	}
}

// texts returns a map of strings whose names and values must satisfy name and text.
func (r *reader) texts(n *plan.Node, what string, name, text func(string) bool) map[string]string {
	if n == nil {
		return nil
	}
	out := map[string]string{}
	all := r.fields(n, what)
	for _, f := range n.Fields {
		if all == nil || f.Name == "" || strings.ContainsAny(f.Name, "\n\x00") || !name(f.Name) {
			r.fault(f.Pos, "%q is not a valid key in %s", f.Name, what)
			continue
		}
		out[f.Name] = r.form(f.Value, f.Pos, f.Name+" in "+what, text)
	}
	return out
}

// bases decodes the pins of images, by their references.
func (r *reader) bases(n *plan.Node) map[string]Base {
	if n == nil {
		return nil
	}
	out := map[string]Base{}
	all := r.fields(n, "bases")
	for _, f := range n.Fields {
		if all == nil || f.Name == "" || strings.ContainsAny(f.Name, " \n\x00@") {
			r.fault(f.Pos, "%q is not an image", f.Name)
			continue
		}
		m := r.fields(f.Value, f.Name, "digest", "packages", "dates")
		b := Base{
			Packages: r.texts(m["packages"], "the packages of "+f.Name, variantForm().MatchString, IsDigest),
			Dates:    r.texts(m["dates"], "the dates of "+f.Name, variantForm().MatchString, dateForm().MatchString),
		}
		if d := m["digest"]; d != nil {
			b.Digest = r.form(d, f.Pos, "the digest of "+f.Name, IsDigest)
		}
		if m != nil && ((b.Digest == "") == (b.Packages == nil) || b.Digest != "" && b.Dates != nil) {
			r.fault(f.Pos, "%s needs a digest or the hashes of its packages", f.Name)
		}
		out[f.Name] = b
	}
	return out
}

// apt decodes the pins of sets of Debian packages, by their keys.
func (r *reader) apt(n *plan.Node) map[string]Apt {
	if n == nil {
		return nil
	}
	out := map[string]Apt{}
	all := r.fields(n, "apt")
	for _, f := range n.Fields {
		if all == nil || !setForm().MatchString(f.Name) {
			r.fault(f.Pos, "%q is not a set of Debian packages", f.Name)
			continue
		}
		m := r.fields(f.Value, f.Name, "hash", "date", "packages")
		if m == nil {
			continue
		}
		if m["packages"] == nil {
			r.fault(f.Pos, "the packages of %s are missing", f.Name)
		}
		out[f.Name] = Apt{
			Hash:     r.form(m["hash"], f.Pos, "the hash of "+f.Name, IsDigest),
			Date:     r.form(m["date"], f.Pos, "the date of "+f.Name, dateForm().MatchString),
			Packages: r.texts(m["packages"], "the packages of "+f.Name, isWord, isWord),
		}
	}
	return out
}

func isWord(s string) bool { return s != "" && !strings.ContainsAny(s, " \n\x00") }

// modules decodes the pins of modules, by their paths.
func (r *reader) modules(n *plan.Node, what string) map[string]Module {
	if n == nil {
		return nil
	}
	if len(n.Fields) > MaxModules {
		r.fault(n.Pos, "%s has %d modules, but at most %d are allowed", what, len(n.Fields), MaxModules)
		return nil
	}
	all := r.fields(n, what)
	out := map[string]Module{}
	for _, f := range n.Fields {
		if all == nil || !pathForm().MatchString(f.Name) {
			r.fault(f.Pos, "%q is not a module path", f.Name).WithHint("write a path such as example.com/lua@v0")
			continue
		}
		m := r.fields(f.Value, f.Name, "version", "digest")
		if m == nil {
			continue
		}
		out[f.Name] = Module{
			Version: r.form(m["version"], f.Pos, "the version of "+f.Name, func(s string) bool {
				return versionForm().MatchString(s) && strings.HasPrefix(s, f.Name[strings.LastIndex(f.Name, "@")+1:]+".")
			}),
			Digest: r.form(m["digest"], f.Pos, "the digest of "+f.Name, IsDigest),
		}
	}
	return out
}
