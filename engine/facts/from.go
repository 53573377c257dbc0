package facts

import (
	"errors"
	"regexp"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// option parses one field of a workspace question. known is false if a workspace has no such field.
func (w *Workspace) option(name string, fields map[string]any) (known bool, err error) {
	selectors := map[string]*[][]string{"members": &w.Members, "optional": &w.Optional, "exclude": &w.Exclude, "name": &w.Name, "needs": &w.Needs, "folders": &w.Folders, "aliases": &w.Aliases}
	lists := map[string]*[]string{"manifest": &w.Manifest, "mentions": &w.Mentions, "keep": &w.Keep}
	texts := map[string]*string{"part": &w.Part, "separator": &w.Separator}
	truths := map[string]*bool{"loose": &w.Loose, "letters": &w.Letters, "rootNeeds": &w.RootNeeds, "nested": &w.Nested}
	switch {
	case selectors[name] != nil:
		*selectors[name], err = paths(name, fields[name])
	case lists[name] != nil:
		*lists[name], err = list(fields, name, true)
	case texts[name] != nil:
		var one []string
		if one, err = list(fields, name, false); err == nil {
			*texts[name] = one[0]
		}
	case truths[name] != nil:
		*truths[name], err = truth(name, fields[name])
	default:
		return false, nil
	}
	return true, err
}

func (w *Workspace) complete() error {
	switch {
	case len(w.Members) == 0:
		return errors.New("workspace needs members: the keys in its file that list the members' folders")
	case len(w.Manifest) == 0:
		return errors.New("workspace needs manifest: the name of every member's manifest file")
	}
	_, err := regexp.Compile(w.Part)
	return err
}

// ResolveFrom is Resolve for an app that may be a workspace member. up is the relative path from the app's directory to the
// workspace root, or "" if the app is not a member.
func ResolveFrom(a *app.App, env map[string]string, q Question, up string) (Answer, error) {
	if q.From == "" || up == "" {
		return Resolve(a, env, q)
	}
	if q.From == "nearest" {
		if found, err := Resolve(a, env, q); found.OK || err != nil {
			return found, err
		}
	}
	return Resolve(a, env, q.at(up))
}

// Asked returns the question that ResolveFrom answers: about the app's files, or about those of the workspace root.
func (q Question) Asked(a *app.App, up string) Question {
	if q.From == "" || up == "" || q.From == "nearest" && stat(a, Question{Kind: "file", Args: q.files()}).OK {
		return q
	}
	return q.at(up)
}

// files returns the paths that the question is about.
func (q *Question) files() []string {
	if len(q.In) > 0 {
		return q.In
	}
	return q.Args
}

// at returns the same question about the files below up.
func (q Question) at(up string) Question {
	all := make([]string, len(q.files()))
	for i, name := range q.files() {
		all[i] = up + name
	}
	if len(q.In) > 0 {
		q.In = all
	} else {
		q.Args = all
	}
	return q
}
