package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// open creates an app from files. A name that ends in "/" is an empty directory, a text "-> x" a symlink to x.
func open(t testing.TB, files map[string]string) *App {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if to, link := strings.CutPrefix(text, "-> "); link {
			err = os.Symlink(to, path)
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(path, 0o755)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "nope"): "there is no directory " + filepath.Join(dir, "nope"),
		file:                       file + " is not a directory",
	} {
		if _, err := Open(path); err == nil || err.Error() != want || fault.CodeOf(err) != fault.Usage {
			t.Errorf("Open(%s): %v (code %d), want %s", path, err, fault.CodeOf(err), want)
		}
	}
}

func TestSub(t *testing.T) {
	a := open(t, map[string]string{"server/main.go": "package main", ".git/config": "", ".github/": "", "README": ""})
	top, err := a.TopDirs()
	if err != nil || !slices.Equal(top, []string{".github", "server"}) {
		t.Errorf("TopDirs: %q %v", top, err)
	}
	sub, err := a.Sub("server")
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	if text, ok, err := sub.Text("main.go"); text != "package main" || !ok || err != nil {
		t.Errorf("main.go of the subdirectory: %q %v %v", text, ok, err)
	}
	if name, err := sub.Name(); name != "server" || err != nil || sub.Dir() != filepath.Join(a.Dir(), "server") {
		t.Errorf("the subdirectory is called %q %v and lies in %s", name, err, sub.Dir())
	}
	for _, bad := range []string{"nope", "..", "README"} {
		if _, err := a.Sub(bad); fault.CodeOf(err) != fault.Usage {
			t.Errorf("Sub(%q): %v", bad, err)
		}
	}
}

func TestText(t *testing.T) {
	a := open(t, map[string]string{
		"crlf": "a\r\nb\rc\n", "bom": "\uFEFFx", "empty": "", "dir/": "", "bad": "ok\n\xffx",
	})
	for _, c := range []struct {
		name, want string
		ok         bool
	}{
		{"crlf", "a\nb\rc\n", true}, {"./crlf", "a\nb\rc\n", true}, {"dir/../crlf", "a\nb\rc\n", true},
		{"bom", "x", true}, {"empty", "", true},
		{"nope", "", false}, {"dir", "", false}, {"", "", false}, {"crlf/x", "", false}, {"../crlf", "", false},
		{"/etc/hostname", "", false}, {"a\x00b", "", false}, {strings.Repeat("x", 5000), "", false},
	} {
		if got, ok, err := a.Text(c.name); got != c.want || ok != c.ok || err != nil {
			t.Errorf("Text(%.20q) = %q %v %v", c.name, got, ok, err)
		}
	}
	_, ok, err := a.Text("bad")
	if !ok || err == nil || err.Error() != "bad:2:1: bad is not UTF-8 text: byte 0xFF" {
		t.Errorf("bad: %v %v", ok, err)
	}
	if data, ok, err := a.Bytes("bad"); string(data) != "ok\n\xffx" || !ok || err != nil {
		t.Errorf("the bytes of bad: %q %v %v", data, ok, err)
	}
}

func TestPosAt(t *testing.T) {
	for off, want := range map[int]string{0: "f:1:1", 1: "f:1:2", 2: "f:1:3", 3: "f:2:1", 4: "f:2:2", 99: "f:2:2", -1: "f:1:1"} {
		if got := PosAt("f", "ab\nc", off).String(); got != want {
			t.Errorf("PosAt(%d) = %s, want %s", off, got, want)
		}
	}
}

// TestPrefetch checks that Prefetch caches what Bytes would read, and leaves files that it cannot read to Bytes.
func TestPrefetch(t *testing.T) {
	files := map[string]string{"empty": "", "link": "-> f0", "out": "-> /etc/hostname", "crlf": "\uFEFFa\r\nb\r\n"}
	var names []string
	for i := range 100 {
		name := fmt.Sprint("f", i)
		files[name] = strings.Repeat(name, i)
		names = append(names, name)
	}
	names = append(names, "empty", "link", "out", "crlf", "nowhere", "../x", "")
	a, b := open(t, files), open(t, files)
	a.Prefetch(names)
	for _, name := range names {
		got, ok, err := a.Bytes(name)
		want, wantOK, wantErr := b.Bytes(name)
		if !bytes.Equal(got, want) || ok != wantOK || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %q %v %v, want %q %v %v", name, got, ok, err, want, wantOK, wantErr)
		}
	}
	if runtime.GOOS == "linux" && len(a.files) < 100 {
		t.Errorf("only %d files are remembered", len(a.files))
	}
}
