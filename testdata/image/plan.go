package imagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Ask has a Nixpacks plan the app, and gives the plan and a digest of the build steps that it makes of that: of its
// Dockerfile and Nix expressions.
func (c *Case) Ask(nixpacks, app, scratch string) (plan []byte, steps string, err error) {
	out, err := output(nixpacks, append([]string{"plan", "--format", "json", app}, c.Flags...)...)
	if err != nil {
		return nil, "", err
	}
	var v map[string]any
	if err := json.Unmarshal(out, &v); err != nil {
		return nil, "", err
	}
	if assets, ok := v["staticAssets"].(map[string]any); ok {
		for name := range assets {
			assets[name] = "present"
		}
	}
	if plan, err = json.MarshalIndent(v, "", "  "); err != nil {
		return nil, "", err
	}
	args := append([]string{"build", app, "--out", scratch, "--cache-key", "test"}, c.Flags...)
	if _, err := output(nixpacks, append(args, c.Build...)...); err != nil {
		return nil, "", err
	}
	steps, err = digestOf(filepath.Join(scratch, ".nixpacks/Dockerfile"), filepath.Join(scratch, ".nixpacks/*.nix"))
	return append(plan, '\n'), steps, err
}

func output(name string, args ...string) ([]byte, error) {
	var said strings.Builder
	cmd := exec.Command(name, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %q: %w: %s", name, args, err, said.String())
	}
	return out, nil
}

func digestOf(patterns ...string) (string, error) {
	sum := sha256.New()
	for _, p := range patterns {
		files, err := filepath.Glob(p)
		if err != nil {
			return "", err
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(f), len(text), text)
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

// OursAlone are the fields of plans, as .phases.install.inputs, that Nixpacks does not have. It has variables for the whole plan only.
var OursAlone = regexp.MustCompile(`^\.(?:packages|versions|nixHashes|start\.processes|phases\.[^.]+\.(?:credentials|inputs|outputs|order|variables))$`)

// ComparePlan gives the fields in which a plan is not Nixpacks'.
func (c *Case) ComparePlan(ours []byte) ([]string, error) {
	var a, b map[string]any
	if err := json.Unmarshal(c.Plan, &a); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(ours, &b); err != nil {
		return nil, err
	}
	if assets, ok := b["staticAssets"].(map[string]any); ok {
		for name := range assets {
			assets[name] = "present"
		}
	}
	return compareObjects("", a, b), nil
}

// compareObjects lists the fields that differ; an empty one is as none.
func compareObjects(at string, a, b map[string]any) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if OursAlone.MatchString(at+"."+name) || empty(a[name]) && empty(b[name]) {
			continue
		}
		x, isObject := a[name].(map[string]any)
		y, alsoObject := b[name].(map[string]any)
		switch {
		case isObject && alsoObject:
			out = append(out, compareObjects(at+"."+name, x, y)...)
		case !reflect.DeepEqual(a[name], b[name]):
			out = append(out, fmt.Sprintf("%s.%s: Nixpacks has %v, this is %v", at, name, a[name], b[name]))
		}
	}
	return out
}

func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && len(list) == 0
}
