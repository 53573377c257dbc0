package company

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"strings"
)

// either is the package of a registry, which is another one where the registry is asked as localhost: tests ask for that where no proxy
// stands before the registry.
func either(base, usual string) string {
	if strings.HasPrefix(base, "https://localhost:") {
		return "direct"
	}
	return usual
}

// composer is a repository of Composer's, with one package that has one file.
func composer(_ *Network, base, path string) ([]byte, string) {
	name := either(base, "package")
	switch path {
	case "packages.json":
		version := map[string]any{"name": "canary/" + name, "version": "1.0.0",
			"dist": map[string]any{"type": "zip", "url": base + "/composer/" + name + ".zip"}}
		return object(map[string]any{"packages": map[string]any{"canary/" + name: map[string]any{"1.0.0": version}}}), "application/json"
	case name + ".zip":
		return zipped(file{name + "/composer.json", `{"name": "canary/` + name + `"}`}, file{name + "/made.txt", "made with composer's " + name + "\n"}), "application/zip"
	}
	return nil, ""
}

// gem is version 1.0.0 of a gem that has one file.
func gem(name string) []byte {
	zip := func(text string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(text))
		z.Close()
		return b.String()
	}
	spec := `--- !ruby/object:Gem::Specification
name: ` + name + `
version: !ruby/object:Gem::Version
  version: 1.0.0
platform: ruby
authors: [canary]
date: 2024-01-01 00:00:00.000000000 Z
dependencies: []
files: [lib/` + name + `.rb]
require_paths: [lib]
specification_version: 4
summary: a canary
`
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []file{{"metadata.gz", zip(spec)}, {"data.tar.gz", string(tarball(file{"lib/" + name + ".rb", "MADE = 'with " + name + "'\n"}))}} {
		w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.text)), Format: tar.FormatUSTAR})
		w.Write([]byte(f.text))
	}
	w.Close()
	return b.Bytes()
}

// gems is a server of one gem, with the index that Bundler reads.
func gems(_ *Network, base, path string) ([]byte, string) {
	name := "canary-" + either(base, "gem")
	data := gem(name)
	info := fmt.Sprintf("---\n1.0.0 |checksum:%x\n", sha256.Sum256(data))
	switch path {
	case "versions":
		return fmt.Appendf(nil, "created_at: 2024-01-01T00:00:00Z\n---\n%s 1.0.0 %x\n", name, md5.Sum([]byte(info))), "text/plain"
	case "info/" + name:
		return []byte(info), "text/plain"
	case "gems/" + name + "-1.0.0.gem":
		return data, "application/octet-stream"
	}
	return nil, ""
}
