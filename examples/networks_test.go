package examples

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/testdata/company"
)

const networksDir = "../testdata/networks"

// networkCase is an app of a company: the registry that it needs a package of, and what must be in its image as a sign that it
// got it.
type networkCase struct {
	app, registry, sign string
	long                bool // with NIXPACKS_NETWORKS=all alone
	direct              bool // another package comes from localhost, which NO_PROXY names
}

// The packages that these need from Debian are those of other examples, so that installing them costs nothing here.
var networkCases = []networkCase{
	{app: "npm", registry: "npm", sign: "module.exports = 'npm'"},
	{app: "pip", registry: "pypi", sign: "name = 'pip'"},
	{app: "cargo", registry: "cargo", sign: "made with cargo"},
	{app: "go", registry: "go", sign: "made with go"},
	{app: "maven", registry: "maven", sign: "made with maven"},
	{app: "pnpm", registry: "npm", sign: "module.exports = 'npm'", long: true},
	{app: "yarn", registry: "npm", sign: "module.exports = 'npm'", long: true},
	{app: "uv", registry: "pypi", sign: "name = 'pip'", long: true},
	{app: "gradle", registry: "maven", sign: "made with library", direct: true},
	{app: "poetry", registry: "pypi", sign: "name = 'pip'", direct: true, long: true},
	{app: "pdm", registry: "pypi", sign: "name = 'pip'", direct: true, long: true},
	{app: "berry", registry: "npm", sign: "module.exports = 'npm'", direct: true},
	{app: "composer", registry: "composer", sign: "made with composer's package", direct: true},
	{app: "bundler", registry: "gems", sign: "MADE = 'with canary-gem'", direct: true},
	{app: "mix", registry: "hex", sign: "made with mix", long: true},
	{app: "bun", registry: "npm", sign: "module.exports = 'npm'", direct: true, long: true},
}

// TestNetworks builds an app for each package manager in the network of a company: its registry has a certificate of the
// company's own authority, asks for a token, and is reached by its name through the company's proxy alone. Nothing of
// authority, token and proxy may stay in the image, in what was printed, or in what the engine keeps of the build.
func TestNetworks(t *testing.T) {
	needReal(t)
	bin := program(t)
	for _, c := range networkCases {
		t.Run(c.app, func(t *testing.T) {
			if c.long && os.Getenv("NIXPACKS_NETWORKS") != "all" {
				t.Skip("set NIXPACKS_NETWORKS=all for the package managers that are built more rarely")
			}
			n := startCompany(t)
			app, keys := n.unpack(t, c.app, n.Token)
			image := filepath.Join(t.TempDir(), "image")
			out := n.build(t, bin, app, "--packages", "apt", "--secrets-dir", keys, "--output", "type=oci,tar=false,dest="+image)
			if n.Seen(c.registry) == 0 || n.Proxy.Asked(company.Host) == 0 {
				t.Errorf("the registry saw %d requests with the token, the proxy was asked for it %d times\n%s", n.Seen(c.registry), n.Proxy.Asked(company.Host), out)
			}
			if asked, seen := n.Proxy.Asked("localhost"), n.SeenAt("localhost", c.registry); asked != 0 || c.direct != (seen > 0) {
				t.Errorf("of localhost, which NO_PROXY names, the proxy was asked %d times, and the registry there saw %d requests\n%s", asked, seen, out)
			}
			n.nothingLeft(t, image, c.sign, out)
		})
	}
}

// TestNetworksLacking builds the same apps without one of the three things that their networks want, so that what TestNetworks shows
// comes from these.
func TestNetworksLacking(t *testing.T) {
	needReal(t)
	if os.Getenv("NIXPACKS_NETWORKS") != "all" {
		t.Skip("set NIXPACKS_NETWORKS=all: many minutes")
	}
	bin := program(t)
	for _, c := range networkCases {
		for lacking, take := range map[string]func(*aCompany) (token string){
			"token":     func(*aCompany) string { return "another" },
			"authority": func(n *aCompany) string { n.trust(t, nil); return n.Token },
			"proxy":     func(n *aCompany) string { n.proxy = func() string { return "" }; return n.Token },
		} {
			t.Run(c.app+"/"+lacking, func(t *testing.T) {
				n := startCompany(t)
				app, keys := n.unpack(t, c.app, take(n))
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // pnpm waits forever where it does not know the authority
				defer cancel()
				out, err := n.tryBuild(ctx, bin, app, "--packages", "apt", "--secrets-dir", keys, "--output", "type=oci,dest="+os.DevNull)
				failed := strings.Contains(out, "error: phase") || ctx.Err() != nil && strings.Contains(out, "error: interrupted")
				if err == nil || !failed || n.SeenAt(company.Host, c.registry) != 0 {
					t.Errorf("the build: %v; the registry saw %d requests\n%s", err, n.SeenAt(company.Host, c.registry), out)
				}
				if lacking == "token" && n.Denied(c.registry) == 0 {
					t.Errorf("the registry denied no request\n%s", out)
				}
				t.Log(out[strings.LastIndex(out, "error: "):])
			})
		}
	}
}

// TestNetworkPassword builds on an image whose apt takes packages from the company's archive, through a proxy that asks for a
// password; and fetches with curl, through the proxy and, where NO_PROXY says so, past it.
func TestNetworkPassword(t *testing.T) {
	needReal(t)
	bin := program(t)
	n := startCompany(t)
	n.Proxy.User, n.Proxy.Password = company.User, n.Token
	base, _ := n.unpack(t, "base", "")
	layout := filepath.Join(t.TempDir(), "base")
	if out, err := exec.Command(bin, "build", "--packages", "apt", "--progress", "plain", "--output", "type=oci,tar=false,dest="+layout, base).CombinedOutput(); err != nil {
		t.Fatalf("the base: %v\n%s", err, out)
	}
	app, keys := n.unpack(t, "apt", n.Token)
	image := filepath.Join(t.TempDir(), "image")
	out := n.build(t, bin, app, "--build-image", "oci-layout://"+layout, "--secrets-dir", keys, "--output", "type=oci,tar=false,dest="+image)
	for registry, least := range map[string]int{"apt": 2, "open": 2, "private": 1} {
		if n.Seen(registry) < least {
			t.Errorf("%s saw %d requests\n%s", registry, n.Seen(registry), out)
		}
	}
	if n.Proxy.Asked(company.Host) < 2 || n.Proxy.Asked("localhost") != 0 {
		t.Errorf("the proxy was asked for the registry %d times, for localhost %d times\n%s", n.Proxy.Asked(company.Host), n.Proxy.Asked("localhost"), out)
	}
	n.nothingLeft(t, image, "made with apt", out)
}

// TestNetworkNix installs a Nix package whose archive and source are the company's.
func TestNetworkNix(t *testing.T) {
	needReal(t)
	bin := program(t)
	n := startCompany(t)
	app, keys := n.unpack(t, "nix", n.Token)
	image := filepath.Join(t.TempDir(), "image")
	out := n.build(t, bin, app, "--build-image", "debian://trixie", "--mirror", "https://github.com/NixOS/nixpkgs/archive/="+n.URL("/nix/"),
		"--secrets-dir", keys, "--output", "type=oci,tar=false,dest="+image)
	if n.Seen("nix") < 2 || n.Proxy.Asked(company.Host) == 0 {
		t.Errorf("the archive saw %d requests with the password, the proxy was asked for it %d times\n%s", n.Seen("nix"), n.Proxy.Asked(company.Host), out)
	}
	n.nothingLeft(t, image, "made with nix", out)
}

// aCompany is a network, with the environment and the files of someone who builds in it.
type aCompany struct {
	*company.Network
	dir, bundle string
	proxy       func() string
}

func startCompany(t *testing.T) *aCompany {
	t.Helper()
	n, err := company.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	c := &aCompany{Network: n, dir: t.TempDir(), proxy: n.Proxy.URL}
	c.trust(t, n.CA)
	return c
}

// trust has steps trust an authority. The company's machines trust others, too: its proxy leads to npm's own registry, which Node's own
// npm comes from.
func (c *aCompany) trust(t *testing.T, authority []byte) {
	t.Helper()
	bundle := slices.Clone(authority)
	for _, f := range []string{os.Getenv("SSL_CERT_FILE"), "/etc/ssl/certs/ca-certificates.crt"} {
		if more, err := os.ReadFile(f); err == nil {
			bundle = slices.Concat(bundle, []byte("\n"), more)
			break
		}
	}
	c.bundle = filepath.Join(c.dir, "authorities.pem")
	if err := os.WriteFile(c.bundle, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
}

// unpack writes an app, and beside it what it says below keys/, with the network's own names in it, and a token.
func (c *aCompany) unpack(t *testing.T, name, token string) (app, keys string) {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join(networksDir, name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.NewReplacer("@URL@", c.URL(""), "@HOST@", company.Host+":"+c.Port, "@PORT@", c.Port, "@TOKEN@", token, "@USER@", company.User, "@HEXKEY@", company.HexKey(),
		"@INTEGRITY@", company.Integrity(company.NPMTarball(company.NPMScoped)),
		"@INTEGRITY-DIRECT@", company.Integrity(company.NPMTarball(company.NPMDirect)), "@CRATE@", fmt.Sprintf("%x", company.CrateSum()), "@GOSUM@", company.GoSum())
	root := filepath.Join(c.dir, name)
	for _, f := range ar.Files {
		path := filepath.Join(root, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		text := words.Replace(string(f.Data))
		if name, key := strings.CutPrefix(f.Name, "keys/"); key && name == strings.ToUpper(name) {
			text = strings.TrimSpace(text) // a variable's value has no end of a line
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(root, "app"), filepath.Join(root, "keys")
}

// build builds in the network.
func (c *aCompany) build(t *testing.T, bin, app string, flags ...string) string {
	t.Helper()
	out, err := c.tryBuild(t.Context(), bin, app, flags...)
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return out
}

// tryBuild builds in the network. The token being part of the steps, as a hash, the phases run however often a test does.
func (c *aCompany) tryBuild(ctx context.Context, bin, app string, flags ...string) (string, error) {
	cmd := exec.CommandContext(ctx, bin, append([]string{"build", "--progress", "plain", "--verbose", "--ca-cert", c.bundle, "--secrets-hash", c.Token, app}, flags...)...)
	cmd.Env = append(os.Environ(), "HTTPS_PROXY="+c.proxy(), "NO_PROXY=localhost,.internal.test")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// nothingLeft looks for the company's secrets in what was printed, in an image, and in the engine's databases. That it would
// find something, the sign shows, which the image has.
func (c *aCompany) nothingLeft(t *testing.T, image, sign, said string) {
	t.Helper()
	ca := strings.ReplaceAll(string(c.CA), "\n", "")
	needles := map[string]string{c.Token: "the token", base64.StdEncoding.EncodeToString([]byte(company.User + ":" + c.Token)): "the password's header",
		strings.Split(string(c.CA), "\n")[2]: "the authority", ca[100:160]: "the authority"}
	found := false
	look := func(where string, data []byte, more ...string) {
		for n, what := range needles {
			if bytes.Contains(data, []byte(n)) {
				t.Errorf("%s holds %s", where, what)
			}
		}
		for _, n := range more {
			if bytes.Contains(data, []byte(n)) {
				t.Errorf("%s holds %s", where, n)
			}
		}
		found = found || bytes.Contains(data, []byte(sign))
	}
	look("what was printed", []byte(said))
	found = false
	err := filepath.WalkDir(image, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		look(path, data, c.Proxy.Addr)
		look(path, inflated(data), c.Proxy.Addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		t.Errorf("the image lacks %q: nothing would be found in it\n%s", sign, said)
	}
	for _, f := range engineFiles(t) {
		if data, err := os.ReadFile(f); err == nil {
			look(f, data)
		}
	}
}

// engineFiles are the databases of the engine that the program under test uses.
func engineFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(stateDir(t), "nixpacks/buildkit/*/*.db"))
	if err != nil || len(files) < 2 {
		t.Errorf("the engine's databases: %q, %v", files, err)
	}
	return files
}

// inflated is what compressed data holds; nothing of other data.
func inflated(data []byte) []byte {
	var r io.Reader = bytes.NewReader(nil)
	if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		r = z
	} else if z, err := zstd.NewReader(bytes.NewReader(data)); err == nil {
		defer z.Close()
		r = z
	}
	out, _ := io.ReadAll(r)
	return out
}
