// Package mirror is a mirror of nixpkgs for tests: a miniature of it, whose packages come from the npm registry and the
// Go module proxy that this machine's clients are set up for. Their hashes are pinned.
package mirror

import (
	"archive/tar"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

//go:embed nixpkgs npm-overlay rust-overlay
var trees embed.FS

const archives = "https://github.com/NixOS/nixpkgs/archive/"

// overlays are the trees that plans lay over nixpkgs: archives of a branch.
var overlays = []struct{ tree, archives, top, branch string }{
	{"npm-overlay", "https://github.com/railwayapp/nix-npm-overlay/archive/", "nix-npm-overlay", "main"},
	{"rust-overlay", "https://github.com/oxalica/rust-overlay/archive/", "rust-overlay", "master"},
}

// Write writes archives of the miniature nixpkgs, one for each of the revisions named, and of its overlays into dir. It
// gives the addresses to rewrite: prefix of a URL → file:// address.
func Write(dir, npmRegistry, goProxy string, revisions ...string) (map[string]string, error) {
	fill := strings.NewReplacer("@NPM_REGISTRY@", strings.TrimRight(npmRegistry, "/"), "@GO_PROXY@", strings.TrimRight(goProxy, "/"))
	for _, r := range revisions {
		if err := archive(filepath.Join(dir, "nixpkgs", r+".tar.gz"), "nixpkgs", "nixpkgs-"+r, fill); err != nil {
			return nil, err
		}
	}
	root := "file://" + filepath.ToSlash(dir) + "/"
	to := map[string]string{archives: root + "nixpkgs/"}
	for _, o := range overlays {
		if err := archive(filepath.Join(dir, o.tree, o.branch+".tar.gz"), o.tree, o.top+"-"+o.branch, fill); err != nil {
			return nil, err
		}
		to[o.archives] = root + o.tree + "/"
	}
	return to, nil
}

// archive writes the files of tree, below the directory top, as a tar.gz.
func archive(file, tree, top string, fill *strings.Replacer) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	zw := gzip.NewWriter(f)
	tw := tar.NewWriter(zw)
	err = fs.WalkDir(trees, tree, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := trees.ReadFile(p)
		if err != nil {
			return err
		}
		text = []byte(fill.Replace(string(text)))
		h := &tar.Header{Typeflag: tar.TypeReg, Name: path.Join(top, strings.TrimPrefix(p, tree)), Mode: 0o644, Size: int64(len(text))}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		_, err = tw.Write(text)
		return err
	})
	return errors.Join(err, tw.Close(), zw.Close(), f.Close())
}

// Registries are the addresses of the npm registry and the Go module proxy, as npm and go on this machine have them.
func Registries() (npm, goProxy string, err error) {
	npm = os.Getenv("npm_config_registry")
	if npm == "" {
		if npm, err = ask("npm", "config", "get", "registry"); err != nil {
			return "", "", err
		}
	}
	list, err := ask("go", "env", "GOPROXY")
	if err != nil {
		return "", "", err
	}
	for p := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ',' || r == '|' }) {
		if strings.HasPrefix(p, "http") {
			return npm, p, nil
		}
	}
	return "", "", fmt.Errorf("GOPROXY names no proxy: %q", list)
}

func ask(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
