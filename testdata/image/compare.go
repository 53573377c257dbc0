package imagetest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
)

// OursAlone are the fields of plans, as .phases.install.inputs, that Nixpacks does not have. It has variables for the whole plan only.
var OursAlone = regexp.MustCompile(`^\.(?:packages|versions|nixHashes|aptHashes|start\.(?:nixPkgs|processes)|phases\.[^.]+\.(?:credentials|inputs|outputs|outputsFor|order|variables))$`)

// PlanDifferences are the fields in which a plan, as JSON, is not Nixpacks'. A field that is null, or an empty text, list or map, is as
// one that is not there; a variable or a phase that is empty is there. Of static assets only the names count.
func PlanDifferences(theirs, ours []byte) ([]string, error) {
	a, err := bare(theirs)
	if err != nil {
		return nil, err
	}
	b, err := bare(ours)
	if err != nil {
		return nil, err
	}
	return differences("", a, b), nil
}

// bare is a plan without empty fields, and without the fields of ours alone.
func bare(text []byte) (map[string]any, error) {
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("%w in %s", err, text)
	}
	onlyNames(v)
	phases, _ := v["phases"].(map[string]any)
	for name, p := range phases {
		phases[name] = filled(p, ".phases."+name)
	}
	if s, ok := v["start"]; ok {
		v["start"] = filled(s, ".start")
	}
	return filled(v, ""), nil
}

// onlyNames takes the contents of a plan's static assets away.
func onlyNames(v map[string]any) {
	if assets, ok := v["staticAssets"].(map[string]any); ok {
		for name := range assets {
			assets[name] = "present"
		}
	}
}

// filled is the object v, which is at a path of the plan, without its empty fields and those of ours alone.
func filled(v any, at string) map[string]any {
	out := map[string]any{}
	m, _ := v.(map[string]any)
	for k, x := range m {
		if !empty(x) && !OursAlone.MatchString(at+"."+k) {
			out[k] = x
		}
	}
	return out
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func differences(at string, theirs, ours any) (out []string) {
	a, ok1 := theirs.(map[string]any)
	b, ok2 := ours.(map[string]any)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(theirs, ours) {
			out = []string{fmt.Sprintf("%s: Nixpacks has %v, this is %v", at, theirs, ours)}
		}
		return out
	}
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, differences(at+"."+name, a[name], b[name])...)
	}
	return out
}
