package company

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// registries give what is at a path of theirs, and of what kind it is; nil for nothing. base is the address of the server as it was asked.
var registries = map[string]func(n *Network, base, path string) (body []byte, kind string){
	"open":    func(*Network, string, string) ([]byte, string) { return []byte("open\n"), "text/plain" },
	"private": func(*Network, string, string) ([]byte, string) { return []byte("private\n"), "text/plain" },
	"npm":     npm, "pypi": pypi, "cargo": cargo, "go": goProxy, "maven": maven, "apt": apt,
	"nix": nix, "composer": composer, "gems": gems, "hex": hexBuilds,
}

// file is a path and its text.
type file struct{ name, text string }

// tarball is a tar of files, packed by gzip.
func tarball(files ...file) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range files {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Format: tar.FormatUSTAR})
		w.Write([]byte(f.text))
	}
	w.Close()
	z.Close()
	return b.Bytes()
}

// zipped is a zip of files, with a time that every reader of one takes for one.
func zipped(files ...file) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		if w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)}); err == nil {
			w.Write([]byte(f.text))
		}
	}
	z.Close()
	return b.Bytes()
}

// object is a map as JSON.
func object(m map[string]any) []byte {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings, and maps of them
	}
	return raw
}

// The names of the package that the registry for npm has. Tests ask for the last one where no proxy stands before the registry.
const (
	NPMPackage = "canary-npm"
	NPMScoped  = "@canary/npm"
	NPMDirect  = "@direct/npm"
)

// NPMTarball is version 1.0.0 of the package under a name.
func NPMTarball(name string) []byte {
	return tarball(file{"package/package.json", `{"name":"` + name + `","version":"1.0.0","main":"index.js"}`},
		file{"package/index.js", "module.exports = 'npm'\n"})
}

// Integrity is what lockfiles of npm's kind say of data.
func Integrity(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func npm(_ *Network, base, path string) ([]byte, string) {
	for _, name := range []string{NPMPackage, NPMScoped, NPMDirect} {
		tgz, at := NPMTarball(name), name+"/-/"+name[strings.Index(name, "/")+1:]+"-1.0.0.tgz"
		switch path {
		case name:
			sum := sha1.Sum(tgz)
			version := map[string]any{"name": name, "version": "1.0.0", "main": "index.js", "dist": map[string]any{
				"tarball": base + "/npm/" + at, "integrity": Integrity(tgz), "shasum": hex.EncodeToString(sum[:])}}
			return object(map[string]any{"name": name, "dist-tags": map[string]any{"latest": "1.0.0"},
				"versions": map[string]any{"1.0.0": version}}), "application/json"
		case at:
			return tgz, "application/octet-stream"
		}
	}
	return nil, ""
}

// wheel is version 1.0.0 of a Python package, which has a module of the same name.
func wheel(name string) (as string, data []byte) {
	module := strings.ReplaceAll(name, "-", "_")
	info := module + "-1.0.0.dist-info/"
	_, said, _ := strings.Cut(name, "-")
	return module + "-1.0.0-py3-none-any.whl", zipped(file{module + "/__init__.py", "name = '" + said + "'\n"},
		file{info + "METADATA", "Metadata-Version: 2.1\nName: " + name + "\nVersion: 1.0.0\n"},
		file{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: canary\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		file{info + "RECORD", module + "/__init__.py,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"})
}

func pypi(_ *Network, base, path string) ([]byte, string) {
	for _, name := range []string{"canary-pip", "canary-direct"} {
		as, data := wheel(name)
		switch path {
		case "simple/" + name + "/":
			return fmt.Appendf(nil, `<!DOCTYPE html><html><body><a href="%s/pypi/files/%s#sha256=%x">%[2]s</a></body></html>`, base, as, sha256.Sum256(data)), "text/html"
		case "files/" + as:
			return data, "application/octet-stream"
		}
	}
	return nil, ""
}

// Crate is the package canary-cargo 1.0.0.
func Crate() []byte {
	return tarball(file{"canary-cargo-1.0.0/Cargo.toml", "[package]\nname = \"canary-cargo\"\nversion = \"1.0.0\"\nedition = \"2021\"\n"},
		file{"canary-cargo-1.0.0/src/lib.rs", "pub fn name() -> &'static str { \"cargo\" }\n"})
}

// CrateSum is its checksum.
func CrateSum() [sha256.Size]byte { return sha256.Sum256(Crate()) }

func cargo(_ *Network, base, path string) ([]byte, string) {
	sum := CrateSum()
	switch path {
	case "config.json":
		return object(map[string]any{"dl": base + "/cargo/dl", "auth-required": true}), "application/json"
	case "ca/na/canary-cargo":
		return append(object(map[string]any{"name": "canary-cargo", "vers": "1.0.0", "deps": []any{}, "cksum": hex.EncodeToString(sum[:]),
			"features": map[string]any{}, "yanked": false}), '\n'), "text/plain"
	case "dl/canary-cargo/1.0.0/download":
		return Crate(), "application/octet-stream"
	}
	return nil, ""
}

// GoModule is the path of the module.
const GoModule = Host + "/canary"

const goMod = "module " + GoModule + "\n\ngo 1.21\n"

func goZip() []file {
	at := GoModule + "@v1.0.0/"
	return []file{{at + "canary.go", "package canary\n\nconst Name = \"go\"\n"}, {at + "go.mod", goMod}}
}

// GoSum are the lines of go.sum for the module.
func GoSum() string {
	hash := func(files ...file) string {
		var all strings.Builder // sorted by name, as they are given
		for _, f := range files {
			fmt.Fprintf(&all, "%x  %s\n", sha256.Sum256([]byte(f.text)), f.name)
		}
		sum := sha256.Sum256([]byte(all.String()))
		return "h1:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	return GoModule + " v1.0.0 " + hash(goZip()...) + "\n" + GoModule + " v1.0.0/go.mod " + hash(file{"go.mod", goMod}) + "\n"
}

func goProxy(_ *Network, _, path string) ([]byte, string) {
	switch rest, ok := strings.CutPrefix(path, GoModule+"/@v/"); {
	case !ok:
	case rest == "list":
		return []byte("v1.0.0\n"), "text/plain"
	case rest == "v1.0.0.info":
		return []byte(`{"Version":"v1.0.0","Time":"2024-01-01T00:00:00Z"}`), "application/json"
	case rest == "v1.0.0.mod":
		return []byte(goMod), "text/plain"
	case rest == "v1.0.0.zip":
		return zipped(goZip()...), "application/zip"
	}
	return nil, ""
}

// Deb is a Debian package that has one file.
func Deb(control, path, text string) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", tarball(file{"./control", control})},
		{"data.tar.gz", tarball(file{"." + path, text})},
	} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", f.name, 0, 0, 0, "100644", len(f.data))
		b.Write(f.data)
		if len(f.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// deb is the package canary-apt.
func deb() []byte { return Deb(debControl, "/usr/share/canary-apt", "apt\n") }

const debControl = "Package: canary-apt\nVersion: 1.0\nArchitecture: all\nMaintainer: Canary <canary@registry.test>\nDescription: a canary\n"

func apt(_ *Network, _, path string) ([]byte, string) {
	switch strings.TrimPrefix(path, "./") {
	case "Packages":
		data := deb()
		return fmt.Appendf(nil, "%sFilename: ./canary-apt.deb\nSize: %d\nSHA256: %x\n\n", debControl, len(data), sha256.Sum256(data)), "text/plain"
	case "canary-apt.deb":
		return deb(), "application/octet-stream"
	}
	return nil, ""
}

// nixSource is what Nix's package is made of.
const nixSource = "nix\n"

// nix is a place of archives of nixpkgs, whatever their revision, and of the source of the one package that these have.
func nix(_ *Network, base, path string) ([]byte, string) {
	if path == "canary-nix.txt" {
		return []byte(nixSource), "text/plain"
	}
	if !strings.HasSuffix(path, ".tar.gz") {
		return nil, ""
	}
	expr := fmt.Sprintf(`{ overlays ? [ ], system ? builtins.currentSystem, ... }: rec {
  canary-nix = derivation {
    name = "canary-nix-1.0";
    inherit system;
    builder = "/bin/bash";
    args = [ "-euc" "mkdir -p $out/share; cp $src $out/share/canary-nix; :" ];
    PATH = "/usr/bin:/bin";
    src = import <nix/fetchurl.nix> { url = "%s/nix/canary-nix.txt"; hash = "sha256:%x"; };
  };
  buildEnv = { name, paths, ... }: derivation {
    inherit name;
    system = "builtin";
    builder = "builtin:buildenv";
    manifest = "/dev/null";
    derivations = map (d: [ "true" "5" "1" d.outPath ]) paths;
  };
}
`, base, sha256.Sum256([]byte(nixSource)))
	return tarball(file{"nixpkgs/default.nix", expr}), "application/gzip"
}
