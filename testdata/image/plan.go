package imagetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	onlyNames(v)
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

// ComparePlan gives the fields in which a plan is not Nixpacks'.
func (c *Case) ComparePlan(ours []byte) ([]string, error) { return PlanDifferences(c.Plan, ours) }
