//go:build unix

package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// releaseOf returns the archive of a release, whose binary prints its version.
func releaseOf(t *testing.T, name, version string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	script := "#!/bin/sh\necho nixpacks " + version + "\n"
	if err := w.WriteHeader(&tar.Header{Name: name + "/nixpacks", Mode: 0o755, Size: int64(len(script))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(script)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// installer runs the script as on a machine with the given system and architecture, with the releases at an address.
func installer(t *testing.T, address, system, machine string, args ...string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	uname := fmt.Sprintf("#!/bin/sh\ncase $1 in -s) echo %s;; -m) echo %s;; esac\n", system, machine)
	if err := os.WriteFile(filepath.Join(bin, "uname"), []byte(uname), 0o755); err != nil {
		t.Fatal(err)
	}
	script, err := os.Open("../.ci/install.sh")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	cmd := exec.Command("sh", append([]string{"-s", "--"}, args...)...)
	cmd.Stdin = script // as in curl … | sh
	cmd.Env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NIXPACKS_RELEASES=" + address}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestInstall checks that the script fetches the release for the machine, verifies its hash, and replaces the existing
// program, or leaves it unchanged.
func TestInstall(t *testing.T) {
	files := map[string][]byte{}
	sums := ""
	add := func(name, version string) {
		raw := releaseOf(t, name, version)
		files["/latest/download/"+name+".tar.gz"] = raw
		files["/download/"+version+"/"+name+".tar.gz"] = raw
		sums += fmt.Sprintf("%x  %s.tar.gz\n", sha256.Sum256(raw), name)
	}
	add("nixpacks-linux-amd64", "v1.0.0")
	add("nixpacks-darwin-arm64", "v1.0.0")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/SHA256SUMS") {
			fmt.Fprint(w, sums)
		} else if raw, ok := files[r.URL.Path]; ok {
			w.Write(raw)
		} else {
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	installed := func() string {
		raw, _ := os.ReadFile(filepath.Join(dir, "nixpacks"))
		return string(raw)
	}

	for _, c := range []struct{ system, machine, version string }{
		{"Linux", "x86_64", "latest"}, {"Linux", "amd64", "v1.0.0"}, {"Darwin", "arm64", "latest"}} {
		out, err := installer(t, server.URL, c.system, c.machine, "--version", c.version, "--bin-dir", dir)
		if err != nil || !strings.Contains(out, "installed nixpacks v1.0.0 as "+dir) {
			t.Errorf("%+v: %v\n%s", c, err, out)
		}
	}
	before := installed()
	files["/latest/download/nixpacks-linux-amd64.tar.gz"] = releaseOf(t, "nixpacks-linux-amd64", "of somebody else")
	for _, c := range []struct{ system, machine, version, says string }{
		{"Linux", "x86_64", "latest", "nothing was installed"},
		{"Linux", "riscv64", "latest", "no release for the architecture riscv64"},
		{"Linux", "aarch64", "latest", "cannot fetch"},
		{"Linux", "x86_64", "v9", "cannot fetch"},
		{"FreeBSD", "x86_64", "latest", "no release for FreeBSD"},
	} {
		out, err := installer(t, server.URL, c.system, c.machine, "--version", c.version, "--bin-dir", dir)
		out = withoutCurl(out)
		if err == nil || !strings.Contains(out, c.says) || strings.Count(out, "\n") != 1 {
			t.Errorf("%+v: %v\n%s", c, err, out)
		}
		if installed() != before {
			t.Errorf("%+v: the one that was there has changed", c)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// withoutCurl removes curl's own messages.
func withoutCurl(out string) string {
	var keep []string
	for l := range strings.Lines(out) {
		if !strings.HasPrefix(l, "curl: ") {
			keep = append(keep, l)
		}
	}
	return strings.Join(keep, "")
}
