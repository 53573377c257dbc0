package plan

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// full sets every field; the lists of one phase are present and empty.
func full() *Plan {
	return &Plan{
		Providers:       []string{},
		BuildImage:      "img:1",
		Packages:        "apt",
		Variables:       map[string]string{"A-B": "1", "EMPTY": ""},
		DeployVariables: []string{"B_*"},
		StaticAssets:    map[string]string{"a b.conf": "x\n"},
		NixHashes:       map[string]string{"d": "h", "https://o": ""},
		AptHashes:       map[string]string{"img:2 amd64 p q": "sha256:h"},
		Exclude:         []string{"docs"},
		Include:         []string{".git"},
		App:             &Location{Dir: "apps/web", Root: ".", With: []string{"v"}, Without: []string{"w"}, Keep: []string{"x"}},
		Phases: map[string]*Phase{
			"py:build": {
				DependsOn: []string{"setup"}, NixPkgs: []string{"a"}, NixLibs: []string{"b"}, NixOverlays: []string{"c"},
				NixpkgsArchive: "d", AptPkgs: []string{"e"}, Cmds: []string{"f && g <h>"}, OnlyIncludeFiles: []string{"i"},
				CacheDirectories: []string{"j"}, Paths: []string{"k"}, Inputs: []string{"l"}, Outputs: []string{"o"}, Order: OrderFree, OutputsFor: OutputsForStart, Variables: map[string]string{"M": "n"},
				Secrets: []string{"q", "r?"}, SSH: "default", Credentials: map[string]string{"s": "~/t", "u": "$V"},
			},
			"setup": {
				DependsOn: []string{}, NixPkgs: []string{}, NixLibs: []string{}, NixOverlays: []string{}, AptPkgs: []string{},
				Cmds: []string{}, OnlyIncludeFiles: []string{}, CacheDirectories: []string{}, Paths: []string{}, Inputs: []string{}, Outputs: []string{},
				Variables: map[string]string{}, Secrets: []string{},
			},
		},
		Start: &Start{Cmd: "run", Processes: map[string]string{"worker": "work"}, RunImage: "img:2", OnlyIncludeFiles: []string{}, AptPkgs: []string{"p"}, NixPkgs: []string{"n"}, User: "app",
			Variables: map[string]string{"V": "w"}, Ports: []string{"80"}, Healthcheck: map[string]string{"cmd": "true", "retries": "3"},
			StopSignal: "SIGINT", Workdir: "web", Labels: map[string]string{"a.b": "c d"}},
	}
}

func TestRoundTrip(t *testing.T) {
	want := full()
	got, err := Decode(want.JSON(), "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", got.JSON(), want.JSON())
	}
	if text := string(want.JSON()); !strings.Contains(text, "f && g <h>") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("not as people read it: %s", text)
	}
}

// Every field of the types is set by full, so the round trip, Clone and Merge cover all fields.
func TestFullIsFull(t *testing.T) {
	for _, v := range []any{*full(), *full().Phases["py:build"], *full().Start, *full().App} {
		s := reflect.ValueOf(v)
		for i := range s.NumField() {
			if s.Field(i).IsZero() {
				t.Errorf("%s.%s is not set", s.Type(), s.Type().Field(i).Name)
			}
		}
	}
	lists := 0
	for f := range slices.Values(reflect.VisibleFields(reflect.TypeFor[Phase]())) {
		if f.Type.Kind() == reflect.Slice {
			lists++
		}
	}
	if n := len(new(Phase).lists()); n != lists {
		t.Errorf("Phase.lists has %d of %d lists", n, lists)
	}
}

func TestDecodeNames(t *testing.T) {
	got, err := Decode([]byte(`{
		"syntax": "x", "$schema": "https://example.com/plan.json", "variables": [], "staticAssets": null, "start": [],
		"phases": {"b": {"name": "other", "nixPackages": ["a"], "nixLibraries": ["b"], "aptPackages": ["c"], "commands": ["d"], "envPaths": ["e"]}}
	}`), "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	want := &Plan{Variables: map[string]string{}, Start: &Start{}, Phases: map[string]*Phase{"b": {
		NixPkgs: []string{"a"}, NixLibs: []string{"b"}, AptPkgs: []string{"c"}, Cmds: []string{"d"}, Paths: []string{"e"}}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s", got.JSON())
	}
}

// TestDecodeRefused compares the messages for invalid documents with the cases in testdata/refused.
func TestDecodeRefused(t *testing.T) {
	files, _ := filepath.Glob("testdata/refused/*.txtar")
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Decode(a.Files[0].Data, a.Files[0].Name)
			var b strings.Builder
			fault.Print(&b, err, false)
			if os.Getenv("UPDATE") != "" {
				a.Files = append(a.Files[:1], txtar.File{Name: "error", Data: []byte(b.String())})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := string(a.Files[1].Data); b.String() != want {
				t.Errorf("got:\n%swant:\n%s", b.String(), want)
			}
			if fault.CodeOf(err) != fault.Refused {
				t.Errorf("code %d", fault.CodeOf(err))
			}
		})
	}
}

func TestDecodeDeep(t *testing.T) {
	for _, open := range []string{"[", `{"a":`} {
		_, err := Decode([]byte(strings.Repeat(open, 100_000)), "plan.json")
		if fault.CodeOf(err) != fault.Refused {
			t.Errorf("%v", err)
		}
		text := strings.Repeat(`{"phases":`, 5000) + "1" + strings.Repeat("}", 5000)
		if _, err = Decode([]byte(text), "plan.json"); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%v", err)
		}
	}
}

func TestDocument(t *testing.T) {
	n, err := ParseJSON([]byte("{\"start\": {\"cmd\": \"\"},\n \"phases\": {\"b\": {\"commands\": [\"x\"]}}}"), "p.json")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Read(n, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Blank("start", "cmd") || d.Blank("start", "user") || d.Blank("phases") {
		t.Error("Blank")
	}
	if n := d.At("phases", "b", "cmds"); n == nil || n.Pos.String() != "p.json:2:31" {
		t.Errorf("At = %v", n)
	}
	if n := d.At("phases", "b", "paths"); n != nil {
		t.Error("At what is not there")
	}
}

func TestShapeAt(t *testing.T) {
	for path, want := range map[string]string{
		"": "a map", "providers": "a list of strings", "buildImage": "a string", "variables": "a map of strings",
		"variables A": "a string", "phases": "a map of phases", "phases x": "a map", "phases x cmds": "a list of strings",
		"phases x variables A": "a string", "start": "a map", "start user": "a string",
	} {
		if s, ok := ShapeAt(strings.Fields(path)...); !ok || s.Words != want {
			t.Errorf("%q is %q, want %q", path, s.Words, want)
		}
	}
	for _, path := range []string{"nope", "start nope", "phases x nope", "variables A b", "providers 0"} {
		if s, ok := ShapeAt(strings.Fields(path)...); ok {
			t.Errorf("%q is %q", path, s.Words)
		}
	}
	if s, _ := ShapeAt("start"); !slices.Equal(s.Names, []string{"cmd", "processes", "runImage", "onlyIncludeFiles", "aptPkgs", "nixPkgs", "user",
		"variables", "ports", "healthcheck", "stopSignal", "workdir", "labels"}) {
		t.Errorf("%q", s.Names)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(full().JSON())
	for _, s := range []string{`{}`, `[]`, `null`, `{"a":1}{}`, `{"phases":{"a":[]}}`, "{\"start\":\n{\"cmd\": 1}}", `{"a":{"a":1,"a":2}}`, "\xff", `{"variables":{"\u0000":"\ud800"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data, "plan.json")
		if err != nil {
			if fault.CodeOf(err) != fault.Refused {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		again, err := Decode(p.JSON(), "plan.json")
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%s does not survive: %v", p.JSON(), err)
		}
	})
}
