package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestStageAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "base", "app 1")
	img := open(t, dir, Select{})
	baseBlob := filepath.Join(dir, blobPath(img.Manifest.Layers[0].Digest))
	before, _ := os.Stat(dir)
	base, _ := os.Stat(baseBlob)

	if _, changed := stage(t, dir, nil, "base", "app 1"); changed {
		t.Error("the same image again counts as a change")
	}
	if after, _ := os.Stat(dir); !os.SameFile(before, after) {
		t.Error("the same image again replaced the directory")
	}
	if _, changed := stage(t, dir, nil, "base", "app 2"); !changed {
		t.Error("another image counts as no change")
	}
	if again, _ := os.Stat(baseBlob); !os.SameFile(base, again) {
		t.Error("an unchanged layer was written again")
	}
	if n := strings.Count(listing(t, filepath.Join(dir, "blobs/sha256")), " ") + 1; n != 4 {
		t.Errorf("%d blobs, want manifest, config and two layers", n)
	}
	if got := listing(t, filepath.Dir(dir)); got != "img" {
		t.Errorf("left beside the image: %s", got)
	}
}

// A layer that was damaged on disk is written again by the next build, not inherited.
func TestStageHeals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "base", "app")
	img := open(t, dir, Select{})
	os.Truncate(filepath.Join(dir, blobPath(img.Manifest.Layers[0].Digest)), 2)
	if _, changed := stage(t, dir, nil, "base", "app"); !changed {
		t.Error("the damaged layout was left as it is")
	}
	if got := layer(t, open(t, dir, Select{}), 0); got != "base" {
		t.Errorf("layer is %q", got)
	}
}

func TestStageIncomplete(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "good")
	s, err := NewStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	desc := fill(t, s.Dir(), "next")
	os.RemoveAll(filepath.Join(s.Dir(), "blobs"))
	if _, err := s.Commit(desc, nil); err == nil {
		t.Error("an image without blobs was committed")
	}
	if got := layer(t, open(t, dir, Select{}), 0); got != "good" {
		t.Errorf("layer is %q", got)
	}
	if got := listing(t, filepath.Dir(dir)); got != "img" {
		t.Errorf("left beside the image: %s", got)
	}
}

// The next build removes what a killed build left; what a running build writes stays.
func TestStageCleans(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "img")
	running, err := NewStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(parent, ".img"+marker+"dead", "blobs"), 0o755)
	os.MkdirAll(filepath.Join(parent, ".other"+marker+"dead"), 0o755)
	stage(t, dir, nil, "one")
	want := "." + filepath.Base(running.Dir())[1:] + " .other" + marker + "dead img"
	if got := listing(t, parent); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if changed, err := running.Commit(fill(t, running.Dir(), "two"), nil); err != nil || !changed {
		t.Errorf("changed %v: %v", changed, err)
	}
	if err := Clean(parent); err != nil {
		t.Fatal(err)
	}
	if got := listing(t, parent); got != "img" {
		t.Errorf("got %s, want img", got)
	}
}

// Without an exchange of directories there is a moment in which the destination is missing. A process that dies in it
// must not lose the last good output.
func TestCleanRestores(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "img")
	stage(t, dir, nil, "good")
	os.Rename(dir, filepath.Join(parent, ".img"+marker+"dead"+oldSuffix))
	s, err := NewStage(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Abort()
	if got := layer(t, open(t, dir, Select{}), 0); got != "good" {
		t.Errorf("layer is %q", got)
	}
}

func TestStageRefusesFolder(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "thesis.txt"), nil, 0o644)
	_, err := NewStage(dir)
	wantFault(t, err, fault.Usage, "neither empty nor an OCI layout")
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	write := func(text string, commit bool) {
		t.Helper()
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(text)
		if commit {
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
			return
		}
		f.Abort()
	}
	write("good", true)
	write("half", false)
	os.WriteFile(filepath.Join(dir, ".out.tar"+marker+"dead"), nil, 0o644)
	link := filepath.Join(dir, "link")
	os.Symlink("out.tar", link)
	path = link
	write("better", true)
	raw, err := os.ReadFile(filepath.Join(dir, "out.tar"))
	if string(raw) != "better" || err != nil {
		t.Errorf("got %q, %v", raw, err)
	}
	if got := listing(t, dir); got != "link out.tar" {
		t.Errorf("got %s", got)
	}
	_, err = Create(dir)
	wantFault(t, err, fault.Usage, "is a directory")
	f, err := Create("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
}

func TestFolder(t *testing.T) {
	for _, c := range []struct {
		name    string
		there   string // existing files
		replace bool
		want    string
		err     string
	}{
		{name: "nothing there", want: "a/b:new c:new"},
		{name: "other files stay", there: "a/x:old c:old", want: "a/b:new a/x:old c:new"},
		{name: "replace", there: "a/x:old c:old", replace: true, want: "a/b:new c:new"},
		{name: "file in the way", there: "a:old", want: "a:old", err: "conflicts with a directory"},
		{name: "directory in the way", there: "c/d:old", want: "c/d:old", err: "conflicts with a file"},
	} {
		dest := filepath.Join(t.TempDir(), "out")
		plant(t, dest, c.there)
		f, err := NewFolder(dest, c.replace)
		if err != nil {
			t.Fatal(err)
		}
		if err := pack(t, f, "a/b:new", "c:new"); err != nil {
			t.Fatal(err)
		}
		err = f.Commit()
		if c.err != "" {
			wantFault(t, err, fault.Usage, c.err)
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := harvest(t, dest); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if got := listing(t, filepath.Dir(dest)); got != "out" {
			t.Errorf("%s: left %s", c.name, got)
		}
	}
}

func plant(t *testing.T, dir, files string) {
	t.Helper()
	for _, f := range strings.Fields(files) {
		name, text, _ := strings.Cut(f, ":")
		path := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func harvest(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			raw, _ := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel+":"+string(raw))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, " ")
}

// Builds that start at the same time for one destination do not remove each other's temporaries as leftovers.
func TestStagesAtOnce(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "img")
	errs := make(chan error)
	const builds = 8
	for range builds {
		go func() {
			var err error
			for range 50 {
				s, e := NewStage(dest)
				if e != nil {
					err = e
					continue
				}
				s.Abort()
			}
			errs <- err
		}()
	}
	for range builds {
		if err := <-errs; err != nil {
			t.Errorf("%v: %v", err, errors.Unwrap(err))
		}
	}
}
