package cli

import (
	"cmp"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// The part of SARIF 2.1.0 that results of policies need.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool struct {
			Driver sarifDriver `json:"driver"`
		} `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string     `json:"id"`
		ShortDescription *sarifText `json:"shortDescription,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID           string          `json:"ruleId"`
		RuleIndex        int             `json:"ruleIndex"`
		Level            string          `json:"level"`
		Message          sarifText       `json:"message"`
		Locations        []sarifLocation `json:"locations"`
		RelatedLocations []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPlace `json:"physicalLocation"`
		Message          *sarifText `json:"message,omitempty"`
	}
	sarifPlace struct {
		ArtifactLocation struct {
			URI       string `json:"uri"`
			URIBaseID string `json:"uriBaseId"`
		} `json:"artifactLocation"`
		Region sarifRegion `json:"region"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn,omitempty"`
	}
)

// sarifRoot is the name that GitHub and others use for the folder that paths are relative to.
const sarifRoot = "%SRCROOT%"

// vetSARIF prints violations for tools that show them in the app's files. Each policy file is a rule, and each violation is
// a result.
func vetSARIF(h *Host, res *held) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "nixpacks", Version: version(), Rules: []sarifRule{}}
	for _, p := range res.Policies {
		for _, file := range p.Files() {
			if run.rule(ruleID(file)) < 0 {
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, newRule(file, p.About(file)))
			}
		}
	}
	for _, v := range res.Violations {
		run.Results = append(run.Results, run.result(v, res))
	}
	if err := h.printJSON(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}}); err != nil {
		return err
	}
	return brokenCode(res)
}

// ruleID returns a policy's name, which is the same on every machine.
func ruleID(file string) string { return strings.TrimSuffix(path.Base(file), ".cue") }

func newRule(file, about string) sarifRule {
	r := sarifRule{ID: ruleID(file)}
	if about != "" {
		r.ShortDescription = &sarifText{about}
	}
	return r
}

func (r *sarifRun) rule(id string) int {
	return slices.IndexFunc(r.Tool.Driver.Rules, func(k sarifRule) bool { return k.ID == id })
}

// result returns a violation at the position in the app that set the value. If a provider, a flag or nothing set it, the
// position is the app's configuration, where the user can fix it.
func (r *sarifRun) result(v policy.Violation, in *held) sarifResult {
	id := ruleID(v.At.File)
	out := sarifResult{RuleID: id, RuleIndex: r.rule(id), Level: "error", Message: sarifText{v.Message}}
	for _, at := range v.Set {
		if l, ok := inRoot(at, in.root); ok {
			out.Locations = append(out.Locations, l)
		} else {
			out.Message.Text += " (" + v.Path + " is set by " + setBy(at, true) + ")"
		}
	}
	if v.Unset {
		out.Message.Text += " (nothing sets " + v.Path + ")"
	}
	if len(out.Locations) == 0 {
		out.Locations = append(out.Locations, locate(path.Join(in.app, configurationOf(filepath.Join(in.root, filepath.FromSlash(in.app)))), sarifRegion{StartLine: 1}))
	}
	if l, ok := inRoot(v.At, in.root); ok {
		l.Message = &sarifText{"the policy"}
		out.RelatedLocations = append(out.RelatedLocations, l)
	} else {
		out.Message.Text += " (" + v.At.String() + ")"
	}
	return out
}

// configurationOf returns the name of the app's configuration file, or of the one that it would have.
func configurationOf(dir string) string {
	for _, name := range unify.ConfigNames {
		if isFile(filepath.Join(dir, name)) {
			return name
		}
	}
	return "nixpacks.toml"
}

// inRoot converts a position to a SARIF location, if it is in a file of dir, which is the app or its repository. The path
// is relative to dir or to the working directory. Flags and files of providers are not in the app, even if a file of that
// name exists there.
func inRoot(at fault.Pos, dir string) (l sarifLocation, ok bool) {
	rel := filepath.FromSlash(at.File)
	if strings.HasPrefix(rel, "-") || strings.HasPrefix(at.Label, "provider ") {
		return l, false
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return l, false
	}
	if !filepath.IsLocal(rel) || !isFile(filepath.Join(dir, rel)) {
		abs, err := filepath.Abs(rel)
		if err != nil {
			return l, false
		}
		if rel, err = filepath.Rel(dir, abs); err != nil || !filepath.IsLocal(rel) || !isFile(abs) {
			return l, false
		}
	}
	region := sarifRegion{StartLine: cmp.Or(at.Line, 1)}
	if text, err := os.ReadFile(filepath.Join(dir, rel)); err == nil && at.Col > 0 {
		region.StartColumn = characters(string(text), at)
	}
	return locate(filepath.ToSlash(rel), region), true
}

// characters converts the column of a position from bytes to characters. It is 0 if the file has no such position.
func characters(text string, at fault.Pos) int {
	n := 0
	for line := range strings.Lines(text) {
		if n++; n == at.Line && at.Col-1 <= len(line) {
			return utf8.RuneCountInString(line[:at.Col-1]) + 1
		}
	}
	return 0
}

func locate(file string, region sarifRegion) (l sarifLocation) {
	l.PhysicalLocation.ArtifactLocation.URI = (&url.URL{Path: file}).EscapedPath()
	l.PhysicalLocation.ArtifactLocation.URIBaseID = sarifRoot
	l.PhysicalLocation.Region = region
	return l
}
