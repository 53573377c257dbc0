package solve

import (
	"context"
	"errors"
	"io"
	gofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/tonistiigi/fsutil"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

func openTest(t *testing.T, dir string, ignore ...string) fsutil.FS {
	t.Helper()
	fs, closer, err := openDir(dir, ignore, nil, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closer.Close() })
	return fs
}

// walked lists files and symlinks.
func walked(t *testing.T, fs fsutil.FS) []string {
	t.Helper()
	var out []string
	err := fs.Walk(t.Context(), "/", func(path string, d gofs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func contentOf(fs fsutil.FS, path string) (string, error) {
	f, err := fs.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	return string(raw), err
}

// BuildKit first lists an app's files and requests their content later. A file that is replaced in between must neither
// lead out of the app nor arrive as an empty file.
func TestSwappedFiles(t *testing.T) {
	outside := appDir(t, "secret:outside", "dir/a:outside")
	for name, swap := range map[string]func(dir string) error{
		"file by a link out": func(dir string) error {
			return errors.Join(os.Remove(dir+"/sub/a"), os.Symlink(outside+"/secret", dir+"/sub/a"))
		},
		"file by a relative link out": func(dir string) error {
			rel, err := filepath.Rel(dir+"/sub", outside+"/secret")
			return errors.Join(err, os.Remove(dir+"/sub/a"), os.Symlink(rel, dir+"/sub/a"))
		},
		"directory by a link out": func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/sub"), os.Symlink(outside+"/dir", dir+"/sub"))
		},
		"file by a pipe": func(dir string) error {
			return errors.Join(os.Remove(dir+"/sub/a"), syscall.Mkfifo(dir+"/sub/a", 0o644))
		},
		"file by a directory": func(dir string) error {
			return errors.Join(os.Remove(dir+"/sub/a"), os.Mkdir(dir+"/sub/a", 0o755))
		},
		"file by nothing": func(dir string) error { return os.Remove(dir + "/sub/a") },
	} {
		dir := appDir(t, "sub/a:inside")
		fs := openTest(t, dir)
		if got := walked(t, fs); !slices.Equal(got, []string{"sub/a"}) {
			t.Fatalf("%s: %v", name, got)
		}
		if err := swap(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := contentOf(fs, "sub/a"); err == nil {
			t.Errorf("%s: read %q", name, got)
		}
	}
}

func TestWalk(t *testing.T) {
	dir := appDir(t, "a:1", "sub/b:2", "empty:", "node_modules/x/index.js:", "keep/node_modules/y:")
	if err := errors.Join(os.Symlink("/etc/passwd", dir+"/link"), syscall.Mkfifo(dir+"/pipe", 0o644)); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	want := []string{"a", "empty", "keep/node_modules/y", "link"}
	if got := walked(t, openTest(t, dir, "node_modules", "sub/*")); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A build fails if its context changes while it is read; it does not continue with half of it.
func TestContextChangesDuringBuild(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one")
	j, err := e.newJob(Request{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	req := layoutOf(t, dir, appPlan(t, "x", "echo"))
	in, err := e.prepare(t.Context(), req, j)
	if err != nil {
		t.Fatal(err)
	}
	j.dirs.fs["app"] = vanishing{j.dirs.fs["app"], dir}
	_, err = e.run(t.Context(), j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
		return j.solve(ctx, c, []plan2llb.Input{in})
	})
	wantFault(t, err, fault.TryAgain, "main.txt")
}

// vanishing removes a file once it has been listed.
type vanishing struct {
	fsutil.FS
	dir string
}

func (v vanishing) Walk(ctx context.Context, target string, fn gofs.WalkDirFunc) error {
	err := v.FS.Walk(ctx, target, fn)
	return errors.Join(err, os.RemoveAll(v.dir+"/main.txt"))
}

func TestDefaultCacheKey(t *testing.T) {
	dir := appDir(t, "app/x:")
	if err := os.Symlink(dir+"/app", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	want, err := DefaultCacheKey(dir + "/app")
	if err != nil || strings.Trim(want, "0123456789abcdef") != "" {
		t.Fatal(want, err)
	}
	for _, same := range []string{"app", "./app/", "link"} {
		if got, err := DefaultCacheKey(same); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", same, got, err, want)
		}
	}
	if got, _ := DefaultCacheKey(dir); got == want {
		t.Error("two directories have one key")
	}
}
