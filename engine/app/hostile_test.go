//go:build unix

package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// TestHostileLinks checks that no symlink leads out of the app.
func TestHostileLinks(t *testing.T) {
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	a := open(t, map[string]string{
		"real": "text", "good": "-> real", "sub/up": "-> ../real", "file": "-> " + filepath.Join(outside, "secret"), "dir": "-> " + outside,
		"relative": "-> ../../../../../../../../etc/hostname", "dangling": "-> nowhere", "loop": "-> loop", "ping": "-> pong", "pong": "-> ping",
		"self": "-> .", "zero": "-> /dev/zero",
	})
	for _, name := range []string{"good", "sub/up", "self/real", "self/self/self/real"} {
		if text, ok, err := a.Text(name); text != "text" || !ok || err != nil {
			t.Errorf("%s, a link inside: %q %v %v", name, text, ok, err)
		}
	}
	for _, name := range []string{"file", "dir", "dir/secret", "relative", "loop", "ping", "zero", "dangling"} {
		if _, ok := a.Stat(name); ok {
			t.Errorf("%s is there", name)
		}
		text, ok, err := a.Text(name)
		if text != "" || ok && err == nil {
			t.Errorf("%s can be read: %q %v %v", name, text, ok, err)
		}
		if err != nil && fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	got, err := a.Glob([]string{"**"}, GlobOptions{})
	if want := []string{"good", "real", "sub/up"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the app has %q %v", got, err)
	}
	if _, err := a.Sub("dir"); err == nil {
		t.Error("a directory outside opens as an app")
	}
}

// TestHostileFiles checks that special files are never opened and files that are too large never read.
func TestHostileFiles(t *testing.T) {
	a := open(t, map[string]string{"x": "x"})
	at := func(name string) string { return filepath.Join(a.Dir(), name) }
	if err := syscall.Mkfifo(at("pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pipe", at("link")); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create(at("large"))
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if err := large.Truncate(MaxFile + 1); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"pipe":  "pipe is not a regular file",
		"link":  "link is not a regular file",
		"large": "large is larger than 64 MB, the limit for files of an app",
	} {
		if _, ok, err := a.Text(name); !ok || err == nil || err.(*fault.Fault).Msg != want {
			t.Errorf("%s: %v %v", name, ok, err)
		}
	}
	if got, err := a.Glob([]string{"*"}, GlobOptions{}); err != nil || !slices.Equal(got, []string{"large", "x"}) {
		t.Errorf("the app has %q %v", got, err)
	}
}

// TestHostileSize checks that searching many large files does not keep all of them in memory.
func TestHostileSize(t *testing.T) {
	a := open(t, map[string]string{})
	for i := range 5 {
		name := fmt.Sprint("f", i)
		if err := os.WriteFile(filepath.Join(a.Dir(), name), make([]byte, maxKept/4), 0o644); err != nil {
			t.Fatal(err)
		}
		if data, ok, err := a.Bytes(name); len(data) != maxKept/4 || !ok || err != nil {
			t.Fatalf("%s: %d bytes, %v %v", name, len(data), ok, err)
		}
	}
	if a.kept > maxKept || len(a.files) != 4 {
		t.Errorf("%d bytes of %d files are kept", a.kept, len(a.files))
	}
}

// TestHostileIgnore checks that an unreadable .gitignore is an error: it may hide secrets.
func TestHostileIgnore(t *testing.T) {
	a := open(t, map[string]string{".gitignore": "-> /etc/passwd", "x": ""})
	if _, err := a.Glob([]string{"*"}, GlobOptions{}); err == nil || fault.CodeOf(err) != fault.Refused {
		t.Errorf("a .gitignore outside of the app: %v", err)
	}
}

func TestHostileDepth(t *testing.T) {
	a := open(t, map[string]string{strings.Repeat("d/", MaxDepth-1) + "x": "", "y": ""})
	if got, err := a.Glob([]string{"**/x"}, GlobOptions{}); err != nil || len(got) != 1 {
		t.Errorf("%d folders: %q %v", MaxDepth-1, got, err)
	}
	a = open(t, map[string]string{strings.Repeat("d/", MaxDepth+1) + "x": "", "y": ""})
	if _, err := a.Glob([]string{"**/x"}, GlobOptions{}); err == nil || fault.CodeOf(err) != fault.Refused {
		t.Errorf("%d folders: %v", MaxDepth+1, err)
	}
}

// TestHostileNumber checks that the number of entries is limited per app, not per call.
func TestHostileNumber(t *testing.T) {
	a := open(t, map[string]string{"a/1": "", "a/2": "", "b/1": ""})
	a.seen = MaxEntries - 4
	if _, err := a.Glob([]string{"a/*"}, GlobOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := a.Glob([]string{"a/*", "b/*"}, GlobOptions{}); err == nil || fault.CodeOf(err) != fault.Refused {
		t.Errorf("one entry too many: %v", err)
	}
}

// TestHostileNames checks that names that a plan cannot contain are not found.
func TestHostileNames(t *testing.T) {
	a := open(t, map[string]string{"a\xffb": "", "new\nline": "", "-rf": "", "\"'$(x)": ""})
	got, err := a.Glob([]string{"*"}, GlobOptions{})
	if want := []string{"\"'$(x)", "-rf", "new\nline"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("the app has %q %v", got, err)
	}
}

// TestUnreadable checks the messages without a file, because root can read every file.
func TestUnreadable(t *testing.T) {
	err := unreadable("a/b", &fs.PathError{Op: "open", Path: "a/b", Err: syscall.EACCES}).(*fault.Fault)
	if err.Code != fault.Refused || err.Hint != "make it readable: chmod u+r a/b" || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v %q", err, err.Hint)
	}
	a := open(t, map[string]string{"in": ""})
	a.dirs["."] = &folder{entries: []entry{{path: "gone", dir: true}}}
	if got, err := a.Glob([]string{"**"}, GlobOptions{}); err != nil || len(got) > 0 {
		t.Errorf("a directory that cannot be opened has entries: %q %v", got, err)
	}
}

// FuzzRead checks that no name reads a file outside the app, with or without symlinks.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"in", "../secret", "out", "up/secret", "up/../../secret", "./in/../up//secret", "/", "", ".", "..", "a\x00b", "in/", "self/up/secret", "\\..\\secret"} {
		f.Add(s)
	}
	outside := f.TempDir()
	dir := filepath.Join(outside, "app")
	for _, err := range []error{
		os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o644), os.Mkdir(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "in"), []byte("inside"), 0o644), os.Symlink("../secret", filepath.Join(dir, "out")),
		os.Symlink("..", filepath.Join(dir, "up")), os.Symlink(".", filepath.Join(dir, "self")),
	} {
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, name string) {
		a, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		if text, ok, _ := a.Text(name); text != "" && text != "inside" || ok && text == "" && name == "in" {
			t.Errorf("Text(%q) = %q %v", name, text, ok)
		}
		found, _ := a.Glob([]string{name}, GlobOptions{})
		for _, f := range found {
			if f != "in" {
				t.Errorf("Glob(%q) finds %q", name, f)
			}
		}
	})
}
