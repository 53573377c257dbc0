package examples

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/testdata/apptar"
)

const awkwardDir = "../testdata/awkward"

// TestAwkward builds the apps of testdata/awkward, each of which has something that builds trip over, with Debian's
// packages and nothing else said, runs them and asks what their expect.json says.
func TestAwkward(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	files, err := filepath.Glob(filepath.Join(awkwardDir, "*.txtar"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d apps: %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a build waits for the registries and for steps that use one processor
			app := filepath.Join(t.TempDir(), name)
			want := awkward(t, f, app)
			image := filepath.Join(t.TempDir(), "image") + "/"
			build(t, bin, app, []string{"--packages", "apt", "--cache-key", "awkward", "--output", "type=oci,dest=" + image})
			runAndAsk(t, bin, image, nil, want)
		})
	}
}

// awkward unpacks the app in a file, and gives what is expected of it.
func awkward(t *testing.T, file, to string) []answer {
	t.Helper()
	ar, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var app apptar.App
	for i, line := range strings.Split(string(ar.Comment), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		if err := app.Directive(word, rest); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
	}
	var want []answer
	for _, f := range ar.Files {
		if f.Name == "expect.json" {
			want = parseAnswers(t, fmt.Sprintf("%s: %s", file, f.Name), f.Data)
		} else if !app.Add(f) {
			t.Fatalf("%s: what is %s?", file, f.Name)
		}
	}
	if want == nil {
		t.Fatalf("%s: nothing is expected", file)
	}
	if err := app.Unpack(to); err != nil {
		t.Fatal(err)
	}
	return want
}
