package ignore

import "path"

// meets tells whether the pattern matches the path itself.
func (r *Rule) meets(name string) bool {
	ok, _, err := r.matcher.MatchesUsingParentResults(name, r.alone)
	return ok && err == nil
}

// matches tells whether the pattern matches a path, or a folder that it is in.
func (r *Rule) matches(name string) bool {
	ok, err := r.matcher.MatchesOrParentMatches(name)
	return ok && err == nil
}

// last is the last of rules that matches a path; nil for none.
func last(rules []Rule, name string) *Rule {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(name) {
			return &rules[i]
		}
	}
	return nil
}

// verdict is what the rules say of a path.
type verdict struct {
	out   bool
	by    *Rule  // that says so; nil where none speaks of it
	spoke []bool // which rules match it or a folder that it is in
}

// Judge tells whether a file or folder goes to the build, and which rule says so; nil where none speaks of it.
func (r *Rules) Judge(name string) (in bool, by *Rule) {
	v := r.judge(name)
	return !v.out, v.by
}

// wanted is what takes back a path that nothing leaves out because of it; nil where nothing does.
func (r *Rules) wanted(name string) *Rule {
	by := last(r.include, name)
	if by == nil {
		by = last(r.lines, name)
	}
	return by
}

// judge goes down a path as BuildKit does: of a folder that is in, what takes back is not even looked at, and so says nothing
// of what is in that folder either.
func (r *Rules) judge(name string) *verdict {
	if v := r.judged[name]; v != nil {
		return v
	}
	v := &verdict{spoke: make([]bool, len(r.order))}
	var above []bool
	if dir := path.Dir(name); dir != "." {
		above = r.judge(dir).spoke
	}
	for i := range r.order {
		rule := &r.order[i]
		if above != nil && above[i] || rule.Keep == v.out && rule.meets(name) {
			v.spoke[i], v.out, v.by = true, !rule.Keep, rule
		}
	}
	if r.judged == nil {
		r.judged = map[string]*verdict{}
	}
	r.judged[name] = v
	return v
}
