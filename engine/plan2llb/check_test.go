package plan2llb

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// refusals are invalid inputs with their messages.
var refusals = []struct {
	want string
	code fault.Code
	edit func(in *Input)
}{
	{`images are built for linux/ARCHITECTURE, not for "windows/amd64"`, fault.Usage,
		func(in *Input) { in.Platform.OS = "windows" }},
	{`buildImage: "Not A Name" is not an image reference: invalid reference format: repository name (library/Not A Name) must be lowercase`, fault.Refused,
		func(in *Input) { in.Base.Ref = "Not A Name" }},
	{`buildImage was not resolved`, fault.Bug,
		func(in *Input) { in.Base = Source{Layout: true} }},
	{`buildImage: "sha256:12" is not a digest`, fault.Bug,
		func(in *Input) { in.Base.Digest = "sha256:12" }},
	{`start.runImage was not resolved`, fault.Bug,
		func(in *Input) { in.Plan.Start.RunImage = "x" }},
	{`mirror "/srv" for "https://a/" must replace a URL prefix with one that starts with https://, http:// or file:///`, fault.Usage,
		func(in *Input) { in.Mirrors = []Mirror{{"https://a/", "/srv"}} }},
	{`invalid pattern in the list of ignored files: syntax error in pattern`, fault.Refused,
		func(in *Input) { in.Ignore = []string{"a["} }},
	{`phases.p.secrets: "../s" is not a secret ID`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Secrets: []string{"../s"}} }},
	{`phases.p.secrets: "nixpacks-ca.pem" is reserved`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Secrets: []string{"nixpacks-ca.pem"}} }},
	{`phases.p.ssh: "a b?" is not an SSH agent ID`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{SSH: "a b?"} }},
	{`aptHashes: "abc" is not a sha256 hash`, fault.Refused,
		func(in *Input) { in.Plan.AptHashes = map[string]string{"x": "abc"} }},
	{`the Debian packages curl on debian:13 are not pinned for amd64`, fault.Refused,
		func(in *Input) {
			in.Plan.BuildImage, in.Locked = "debian:13", true
			in.Plan.Phases["p"] = &plan.Phase{AptPkgs: []string{"curl"}}
		}},
	{`phases.p.outputsFor: outputs must be paths of the app without patterns`, fault.Refused,
		func(in *Input) {
			in.Plan.Phases["p"] = &plan.Phase{Cmds: []string{"x"}, Inputs: []string{}, Outputs: []string{"a/*"}, OutputsFor: "start"}
		}},
	{`phases.p.outputsFor: the phase needs cmds and inputs; inputs may be an empty list`, fault.Refused,
		func(in *Input) {
			in.Plan.Phases["p"] = &plan.Phase{Cmds: []string{"x"}, Outputs: []string{"a"}, OutputsFor: "start"}
		}},
	{`phases.q.dependsOn: p creates files only for the run image`, fault.Refused,
		func(in *Input) {
			in.Plan.Phases["p"] = &plan.Phase{Cmds: []string{"x"}, Inputs: []string{}, Outputs: []string{"a"}, OutputsFor: "start"}
			in.Plan.Phases["q"] = &plan.Phase{DependsOn: []string{"p"}}
		}},
	{`start.onlyIncludeFiles: "./*" matches a/b, which the phase p creates for the run image`, fault.Refused,
		func(in *Input) {
			in.Plan.Phases["p"] = &plan.Phase{Cmds: []string{"x"}, Inputs: []string{}, Outputs: []string{"a/b"}, OutputsFor: "start"}
			in.Plan.Start.OnlyIncludeFiles = []string{"a/b/*", "b/*", "./*"}
		}},
	{`host "h" needs a name and an address`, fault.Usage,
		func(in *Input) { in.Hosts = []Host{{Name: "h"}} }},
	{`start.ports: "http" is not a port`, fault.Refused,
		func(in *Input) { in.Plan.Start.Ports = []string{"http"} }},
	{`start.ports: "80/http" is not a port`, fault.Refused,
		func(in *Input) { in.Plan.Start.Ports = []string{"80/http"} }},
	{`start.healthcheck.interval: "30" is not a duration`, fault.Refused,
		func(in *Input) { in.Plan.Start.Healthcheck = map[string]string{"cmd": "x", "interval": "30"} }},
	{`start.healthcheck.retries: "many" is not a number`, fault.Refused,
		func(in *Input) { in.Plan.Start.Healthcheck = map[string]string{"cmd": "x", "retries": "many"} }},
	{`start.healthcheck has no "test"`, fault.Refused,
		func(in *Input) { in.Plan.Start.Healthcheck = map[string]string{"cmd": "x", "test": "x"} }},
	{`start.healthcheck has no cmd`, fault.Refused,
		func(in *Input) { in.Plan.Start.Healthcheck = map[string]string{"retries": "3"} }},
	{`start.stopSignal: "TERM" is not a signal`, fault.Refused,
		func(in *Input) { in.Plan.Start.StopSignal = "TERM" }},
	{`start.workdir: "../x" is outside of the app`, fault.Refused,
		func(in *Input) { in.Plan.Start.Workdir = "../x" }},
	{`start.variables: "" is not a valid variable`, fault.Refused,
		func(in *Input) { in.Plan.Start.Variables = map[string]string{"": "x"} }},
	{`the plan has 453 commands, but at most 450 are supported`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Cmds: make([]string, 451)} }},
	{`phases.p is null`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = nil }},
	{`phases.p.aptPkgs: "-o=x" is not the name of a Debian package`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{AptPkgs: []string{"curl -o=x"}} }},
	{`phases.p.nixpkgsArchive: "" is not a revision of nixpkgs`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{NixPkgs: []string{"go"}} }},
	{`phases.p.nixpkgsArchive: "../x" is not a revision of nixpkgs`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{NixLibs: []string{"go"}, NixpkgsArchive: "../x"} }},
	{`phases.p.cacheDirectories: "./" would hide the whole app`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{CacheDirectories: []string{"./"}} }},
	{`phases.p.onlyIncludeFiles: "../x" is not a path inside the app`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{OnlyIncludeFiles: []string{"../x"}} }},
	{`phases.p.inputs: "a[" is not a pattern: syntax error in pattern`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Inputs: []string{"a["}} }},
	{`phases.p.cmds: a command contains a NUL character`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Cmds: []string{"a\x00"}} }},
	{`phases.p.variables: "A=B" is not a valid variable`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Variables: map[string]string{"A=B": ""}} }},
	{`variables: "" is not a valid variable`, fault.Refused,
		func(in *Input) { in.Plan.Variables[""] = "x" }},
	{`staticAssets: "../x" is not a path below /assets`, fault.Refused,
		func(in *Input) { in.Plan.StaticAssets = map[string]string{"../x": ""} }},
	{`staticAssets: "a" and "a/b" cannot both be files`, fault.Refused,
		func(in *Input) { in.Plan.StaticAssets = map[string]string{"a": "", "a/b": ""} }},
	{`start.user: "-u" is not a user name or ID`, fault.Refused,
		func(in *Input) { in.Plan.Start.User = "-u" }},
	{`phases.p.outputs: "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}" is too long, or has too many alternatives`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{Outputs: []string{strings.Repeat("{a,b}", 40)}} }},
	{`start.onlyIncludeFiles: "a/../../b" is not a path inside the app`, fault.Refused,
		func(in *Input) { in.Plan.Start.OnlyIncludeFiles = []string{"a/../../b"} }},
	{`phases depend on each other in a cycle: p → p`, fault.Refused,
		func(in *Input) { in.Plan.Phases["p"] = &plan.Phase{DependsOn: []string{"p"}} }},
}

func TestRefused(t *testing.T) {
	for _, r := range refusals {
		in := defaults(Input{Plan: nodePlan()})
		r.edit(&in)
		_, err := Lower(context.Background(), in)
		faults := fault.All(err)
		if len(faults) != 1 || faults[0].Msg != r.want || faults[0].Code != r.code {
			t.Errorf("got %v, want %d %s", err, r.code, r.want)
		}
	}
	if _, err := Lower(context.Background(), Input{}); fault.CodeOf(err) != fault.Bug {
		t.Errorf("no plan: %v", err)
	}
}

// All faults are reported at once.
func TestRefusedTogether(t *testing.T) {
	in := defaults(Input{Plan: nodePlan()})
	in.Plan.Phases["p"] = &plan.Phase{AptPkgs: []string{"a;b", "c d"}, Inputs: []string{""}}
	in.Plan.Start.User = "a b"
	_, err := Lower(context.Background(), in)
	var got []string
	for _, f := range fault.All(err) {
		got = append(got, f.Msg)
	}
	want := []string{
		`phases.p.aptPkgs: "a;b" is not the name of a Debian package`,
		`phases.p.inputs: "" is not a path inside the app`,
		`start.user: "a b" is not a user name or ID`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
