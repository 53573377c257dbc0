package ignore

import "path"

// meets reports whether the pattern matches the path itself.
func (r *Rule) meets(name string) bool {
	ok, _, err := r.matcher.MatchesUsingParentResults(name, r.alone)
	return ok && err == nil
}

// matches reports whether the pattern matches a path or a folder above it.
func (r *Rule) matches(name string) bool {
	ok, err := r.matcher.MatchesOrParentMatches(name)
	return ok && err == nil
}

// last returns the last of rules that matches a path, or nil.
func last(rules []Rule, name string) *Rule {
	for i := len(rules) - 1; i >= 0; i-- {
		if rules[i].matches(name) {
			return &rules[i]
		}
	}
	return nil
}

// verdict is the result of the rules for a path.
type verdict struct {
	out   bool
	by    *Rule  // the rule that decides; nil if none matches
	spoke []bool // which rules match the path or a folder above it
}

// Judge reports whether a file or folder enters the build context, and which rule decides; nil if none matches.
func (r *Rules) Judge(name string) (in bool, by *Rule) {
	v := r.judge(name)
	return !v.out, v.by
}

// wanted returns the user's rule for a path: the plan's include, or else the last matching line; nil if there is none.
func (r *Rules) wanted(name string) *Rule {
	by := last(r.include, name)
	if by == nil {
		by = last(r.lines, name)
	}
	return by
}

// judge matches a path from the top, as BuildKit does: "!" rules are not matched against a folder that is included, and
// so have no effect on that folder's content either.
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
