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

// place is where the frontend is tried: a buildkitd and a registry that are not ours, with the frontend's image and a base.
type place struct {
	t              testing.TB
	host           []string // of nixpacks
	builder, dir   string
	frontend, base string
	source         string // the app of most tests
}

// in is the same place, for a test in the test.
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

	// Linked anew rather than compiled anew, as it would be without cgo: the image is the same but for that.
	static := filepath.Join(p.dir, "static")
	p.run(exec.Command("go", "build", "-ldflags=-s -w -linkmode external -extldflags -static", "-o", static, "./nixpacks"))
	p.run(program(p.host, "frontend", "image", "--binary", static, "--push", p.frontend))

	bare := p.app("bare", map[string]string{"plan.json": `{"providers": [], "buildImage": "debian://trixie", "packages": "apt", "start": {"cmd": "true"}}`})
	layout := filepath.Join(p.dir, "base") + "/"
	// In a state of its own: BuildKit remembers of a layer how it came about there, and writes that into images.
	p.run(program(realHost(t), "build", "--plan", bare+"/plan.json", bare, "--output", "type=oci,dest="+layout+",compression=gzip,force-compression=true"))
	if err := solve.Push(t.Context(), layout, p.base); err != nil {
		t.Fatal(err)
	}
	p.source = p.app("app", frontendApp)
	return p
}

// gateway are the arguments of buildctl that have the frontend build the app.
func (p *place) gateway() []string {
	return []string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend, "--local", "context=" + p.source, "--opt", "build-arg:NIXPACKS_BUILD_IMAGE=" + p.base}
}

// files has buildctl write the files of an image, and is where those of the app are.
func (p *place) files(t *testing.T, env []string, args ...string) string {
	out := filepath.Join(t.TempDir(), "out")
	p.run(p.buildctl(env, append(args, "--output", "type=local,dest="+out)...))
	return filepath.Join(out, "app")
}

// wants looks at what a file of an image says.
func wants(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if strings.TrimSpace(string(got)) != want {
		t.Errorf("%s: %q, want %q (%v)", filepath.Base(file), got, want, err)
	}
}

// app makes an app's directory.
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

// buildctl runs buildctl build; env is beside this process's own.
func (p *place) buildctl(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(buildkitdtest.Program(p.t, buildkitdtest.Now, "buildctl"), append([]string{"--addr", p.builder, "build", "--progress", "plain"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// sameAttrs make an exporter write layers as another does: compressed in one way, with one time.
const sameAttrs = ",compression=gzip,compression-level=3,force-compression=true,rewrite-timestamp=true"

func (p *place) archive(name string) (output, file string) {
	file = filepath.Join(p.dir, name+".tar")
	return "type=oci,dest=" + file + sameAttrs, file
}

// blobs are those of an OCI archive that are small, its index among them, by the ends of their names.
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

// images are those of an OCI archive: the digest of the top, and of an index its manifests.
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
