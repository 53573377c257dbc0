package cli

import (
	"archive/tar"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/solve"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// place is where the frontend is tested: a buildkitd and a registry of other projects, with the frontend image and a base.
type place struct {
	t              testing.TB
	host           []string // environment of nixpacks
	builder, dir   string
	frontend, base string
	source         string // the app of most tests
}

// in returns the same place, for a subtest.
func (p *place) in(t testing.TB) *place {
	q := *p
	q.t = t
	return &q
}

func newPlace(t *testing.T) *place {
	p := &place{t: t, host: realHost(t), dir: t.TempDir()}
	registry := buildkitdtest.Registry(t, "")
	p.builder = buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{Args: []string{"--allow-insecure-entitlement", "network.host"}}).Unix
	p.frontend, p.base = registry+"/nixpacks:test", registry+"/debian:trixie"

	// Link the program again instead of compiling it without cgo. The image is the same except for that.
	static := filepath.Join(p.dir, "static")
	p.run(exec.Command("go", "build", "-ldflags=-s -w -linkmode external -extldflags -static", "-o", static, "./nixpacks"))
	p.run(program(p.host, "frontend", "image", "--binary", static, "--push", p.frontend))

	bare := p.app("bare", map[string]string{"plan.json": `{"providers": [], "buildImage": "debian://trixie", "packages": "apt", "start": {"cmd": "true"}}`})
	layout := filepath.Join(p.dir, "base") + "/"
	// Use a separate state, because BuildKit remembers how a layer was made and writes that into images.
	p.run(program(realHost(t), "build", "--plan", bare+"/plan.json", bare, "--output", "type=oci,dest="+layout+",compression=gzip,force-compression=true"))
	if err := solve.Push(t.Context(), layout, p.base); err != nil {
		t.Fatal(err)
	}
	p.source = p.app("app", frontendApp)
	return p
}

// gateway returns the arguments of buildctl with which the frontend builds the app.
func (p *place) gateway() []string {
	return []string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend, "--local", "context=" + p.source, "--opt", "build-arg:NIXPACKS_BUILD_IMAGE=" + p.base}
}

// files makes buildctl write the files of an image, and returns the directory of the app.
func (p *place) files(t *testing.T, env []string, args ...string) string {
	out := filepath.Join(t.TempDir(), "out")
	p.run(p.buildctl(env, append(args, "--output", "type=local,dest="+out)...))
	return filepath.Join(out, "app")
}

// wants checks the content of a file of an image.
func wants(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("%s: %q, want %q (%v)", filepath.Base(file), got, want, err)
	}
}

// app makes an app directory.
func (p *place) app(name string, files map[string]string) string {
	dir := filepath.Join(p.dir, name)
	for file, text := range files {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	return dir
}

func (p *place) run(cmd *exec.Cmd) string {
	p.t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// buildctl returns a command that runs buildctl build. env is added to the environment of this process.
func (p *place) buildctl(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(buildkitdtest.Program(p.t, buildkitdtest.Now, "buildctl"), append([]string{"--addr", p.builder, "build", "--progress", "plain"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// sameAttrs make two exporters write equal layers, with the same compression and the same time.
const sameAttrs = ",compression=gzip,compression-level=3,force-compression=true,rewrite-timestamp=true"

func (p *place) archive(name string) (output, file string) {
	file = filepath.Join(p.dir, name+".tar")
	return "type=oci,dest=" + file + sameAttrs, file
}

// blobs returns the small blobs of an OCI archive, including its index, by the ends of their names.
func blobs(t testing.TB, file string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		const small = 1 << 20
		if h.Size < small {
			if out[filepath.Base(h.Name)], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// images returns the top descriptor of an OCI archive, and the manifests if that is an index.
func images(t testing.TB, file string) (top ocispecs.Descriptor, below []ocispecs.Descriptor) {
	t.Helper()
	all := blobs(t, file)
	read := func(name string) []ocispecs.Descriptor {
		var index ocispecs.Index
		if err := json.Unmarshal(all[name], &index); err != nil {
			t.Fatal(err)
		}
		return index.Manifests
	}
	top = read("index.json")[0]
	return top, read(top.Digest.Encoded())
}

var frontendApp = map[string]string{
	"nixpacks.toml": "packages = \"apt\"\n[variables]\nGREETING = \"hello\"\nNAME = \"world\"\n[phases.build]\nsecrets = [\"NAME?\"]\n" +
		"cmds = [\"echo $GREETING > greeting\", \"echo $NAME > name\", \"! grep -q marker /etc/hosts || echo hosts > hosts\", \"ls /sys/class/net > net\"]\n" +
		"cacheDirectories = [\"/root/.cache\"]\n[start]\ncmd = \"cat greeting\"\n",
	"main.txt":         "hello\n",
	"unread.txt":       "x\n",
	".dockerignore":    "unread.txt\n",
	".git/HEAD":        "ref: refs/heads/main\n",
	"certs/ca.pem":     "-----BEGIN CERTIFICATE-----\n",
	"certs/dev.pem":    "-----BEGIN PRIVATE KEY-----\n",
	".venv/pyvenv.cfg": "home = /usr\n",
}
