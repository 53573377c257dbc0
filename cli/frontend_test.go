package cli

import (
	"archive/tar"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	return p
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

// TestFrontend builds apps on a buildkitd of its own, which has nothing of this program but the frontend's image.
func TestFrontend(t *testing.T) {
	p := newPlace(t)
	app := p.app("app", frontendApp)
	gateway := []string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend, "--local", "context=" + app,
		"--opt", "build-arg:NIXPACKS_BUILD_IMAGE=" + p.base}
	files := func(t *testing.T, env []string, args ...string) string {
		out := filepath.Join(t.TempDir(), "out")
		p.run(p.buildctl(env, append(args, "--output", "type=local,dest="+out)...))
		return filepath.Join(out, "app")
	}
	wants := func(t *testing.T, file, want string) {
		t.Helper()
		got, err := os.ReadFile(file)
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("%s: %q, want %q (%v)", filepath.Base(file), got, want, err)
		}
	}

	t.Run("the same image as nixpacks build", func(t *testing.T) {
		here, hereFile := p.archive("here")
		p.run(program(p.host, "build", app, "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--output", here))
		there, thereFile := p.archive("there")
		p.run(p.buildctl(nil, append(gateway, "--output", there)...))
		a, _ := images(t, hereFile)
		if b, _ := images(t, thereFile); a.Digest != b.Digest {
			t.Errorf("nixpacks build gives %s, the frontend %s", a.Digest, b.Digest)
		}
	})
	t.Run("what the build gives beats the plan", func(t *testing.T) {
		app := files(t, nil, append(gateway, "--opt", "build-arg:GREETING=argument", "--opt", "add-hosts=marker=10.0.0.1", "--opt", "force-network-mode=none")...)
		wants(t, app+"/greeting", "argument")
		wants(t, app+"/name", "world")
		wants(t, app+"/hosts", "hosts")
		wants(t, app+"/net", "lo")
		if _, err := os.Stat(app + "/unread.txt"); err == nil {
			t.Error("a file that .dockerignore names is in the image")
		}
		app = files(t, []string{"SECRET=hush"}, append(gateway, "--secret", "id=GREETING,env=SECRET", "--secret", "id=NAME,env=SECRET")...)
		wants(t, app+"/greeting", "hush")
		wants(t, app+"/name", "hush")
	})
	t.Run("what is left out", func(t *testing.T) {
		plan := filepath.Join(p.app("left-out", map[string]string{"plan.json": ""}), "plan.json")
		planned, err := program(p.host, "plan", "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--include", "certs/dev.pem", app).Output()
		if err != nil || os.WriteFile(plan, planned, 0o644) != nil {
			t.Fatal(err)
		}
		saved := []string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend, "--local", "context=" + app, "--local", "dockerfile=" + filepath.Dir(plan), "--opt", "filename=plan.json"}
		out := filepath.Join(t.TempDir(), "out")
		p.run(program(p.host, "build", app, "--builder", p.builder, "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--output", "type=local,dest="+out))
		for name, c := range map[string]struct {
			app string
			key bool
		}{
			"the frontend":                {files(t, nil, gateway...), false},
			"the frontend, with the key":  {files(t, nil, append(gateway, "--opt", "build-arg:NIXPACKS_INCLUDE=certs/dev.pem")...), true},
			"a plan that includes it":     {files(t, nil, saved...), true},
			"nixpacks build on a builder": {filepath.Join(out, "app"), false},
		} {
			for file, want := range map[string]bool{"certs/ca.pem": true, ".git": false, ".venv": false, "certs/dev.pem": c.key, "unread.txt": false} {
				if _, err := os.Stat(filepath.Join(c.app, file)); (err == nil) != want {
					t.Errorf("%s: %s is there: %t", name, file, !want)
				}
			}
		}
		said, _ := p.buildctl(nil, append(gateway, "--progress", "rawjson")...).CombinedOutput()
		var told string // warnings are not in the plain progress of buildctl
		for _, m := range regexp.MustCompile(`"short":"([^"]+)"`).FindAllSubmatch(said, -1) {
			text, _ := base64.StdEncoding.DecodeString(string(m[1]))
			told += string(text) + "\n"
		}
		if !strings.Contains(told, "nixpacks: not part of the build: .venv (a virtualenv of this machine), certs/dev.pem (a private key)\n") {
			t.Errorf("the warnings are %q:\n%s", told, said)
		}
	})
	t.Run("as platforms call it", func(t *testing.T) {
		// What the platform writes: the plan that it was given, through PHP, which knows no empty map.
		app := p.app("platform", map[string]string{"nixpacks.toml": "packages = \"apt\"\n", "main.txt": "x\n"})
		cmd := program(p.host, "plan", "-f", "json", "--env", "GREETING=plan", "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--build-cmd", "echo $GREETING > greeting", app)
		planned, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		saved := strings.Replace(string(planned), "{", `{"staticAssets": [],`, 1)
		plan := filepath.Join(p.app("platform-plan", map[string]string{"plan.json": saved}), "plan.json")
		if said := p.run(program(p.host, "detect", app)); said != "\n" {
			t.Errorf("detect: %q", said)
		}
		p.run(program(p.host, "build", app, "--name", "shop", "--no-cache", "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--env", "NIXPACKS_BUILD_CMD=true", "--no-error-without-start"))
		p.run(program(append(p.host, "NIXPACKS_FRONTEND="+p.frontend), "build", "-c", plan, "--cache-key", "shop-1", "--no-error-without-start", "-n", "shop", app, "-o", app))

		docker := []string{"--frontend", "dockerfile.v0", "--local", "context=" + app, "--local", "dockerfile=" + app + "/.nixpacks"}
		there, thereFile := p.archive("platform-there")
		p.run(p.buildctl(nil, append(docker, "--output", there)...))
		here, hereFile := p.archive("platform-here")
		p.run(program(p.host, "build", "--plan", app+"/.nixpacks/plan.json", "--no-error-without-start", app, "--output", here))
		a, _ := images(t, hereFile)
		if b, _ := images(t, thereFile); a.Digest != b.Digest {
			t.Errorf("nixpacks build gives %s, the platform's build %s", a.Digest, b.Digest)
		}
		wants(t, files(t, nil, append(docker, "--opt", "build-arg:GREETING=argument")...)+"/greeting", "argument")
		wants(t, files(t, nil, append(docker, "--opt", "filename=plan.json")...)+"/greeting", "plan")
	})
	t.Run("statements", func(t *testing.T) { // by the names that docker buildx has for --sbom and --provenance
		scanner := strings.Replace(p.frontend, "/nixpacks:test", "/scanner:test", 1)
		p.run(program(p.host, "build", p.app("scan", map[string]string{"nixpacks.json": `{"packages": "apt", "providers": [], "buildImage": "` + p.base + `", "start": {"cmd":
			"test -f $BUILDKIT_SCAN_SOURCE/app/greeting && echo '{\"_type\": \"https://in-toto.io/Statement/v0.1\", \"predicateType\": \"https://spdx.dev/Document\", \"predicate\": {\"name\": \"mine\"}}' > /run/out/sbom.spdx.json"}}`}),
			"--push", "-t", scanner))
		to, file := p.archive("statements")
		p.run(p.buildctl(nil, append(gateway, "--opt", "attest:sbom=generator="+scanner, "--opt", "attest:provenance=mode=max", "--output", to)...))
		plain, plainFile := p.archive("no-statements")
		p.run(p.buildctl(nil, append(gateway, "--output", plain)...))
		_, below := images(t, file)
		image, _ := images(t, plainFile)
		if len(below) != 2 || below[0].Digest != image.Digest {
			t.Fatalf("with statements %v, without %v", below, image)
		}
		var of ocispecs.Manifest
		if err := json.Unmarshal(blobs(t, file)[below[1].Digest.Encoded()], &of); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range of.Layers {
			got = append(got, l.Annotations["in-toto.io/predicate-type"])
		}
		if strings.Join(got, " ") != "https://spdx.dev/Document https://slsa.dev/provenance/v1" {
			t.Errorf("statements %q", got)
		}
	})
	t.Run("a base that no daemon can make", func(t *testing.T) {
		based := strings.Replace(p.frontend, ":test", ":based", 1)
		said := p.run(program(p.host, "frontend", "image", "--binary", filepath.Join(p.dir, "static"), "--base", "debian://trixie="+strings.Replace(p.frontend, "/nixpacks:test", "/made:trixie", 1), "--push", based))
		if !regexp.MustCompile(`(?m)^pushed \S+/made:trixie@sha256:[0-9a-f]{64}$`).MatchString(said) {
			t.Errorf("it says %q", said)
		}
		bare := p.app("slim", map[string]string{"nixpacks.toml": "packages = \"apt\"\n[start]\ncmd = \"cat main.txt\"\nrunImage = \"debian://trixie\"\n", "main.txt": "x"})
		for _, app := range []string{app, bare} {
			there, thereFile := p.archive("there")
			p.run(p.buildctl(nil, "--frontend", "gateway.v0", "--opt", "source="+based, "--local", "context="+app, "--output", there))
			here, hereFile := p.archive("here")
			p.run(program(realHost(t), "build", app, "--output", here))
			a, _ := images(t, hereFile)
			if b, _ := images(t, thereFile); a.Digest != b.Digest {
				t.Errorf("nixpacks build gives %s, the frontend %s", a.Digest, b.Digest)
			}
		}
		nix := p.app("nix", map[string]string{"nixpacks.toml": "buildImage = \"debian://trixie\"\n[phases.setup]\nnixPkgs = [\"hello\"]\n[start]\ncmd = \"true\"\n", "main.txt": "x"})
		if out, err := p.buildctl(nil, "--frontend", "gateway.v0", "--opt", "source="+based, "--local", "context="+nix).CombinedOutput(); err == nil || !strings.Contains(string(out), "buildImage is debian://trixie") {
			t.Errorf("a plan with Nix: %v\n%s", err, out)
		}
	})
	t.Run("several platforms", func(t *testing.T) {
		to, file := p.archive("platforms")
		plan := p.app("two", map[string]string{"nixpacks.toml": "packages = \"apt\"\n[start]\ncmd = \"cat main.txt\"\n", "main.txt": "x"})
		p.run(p.buildctl(nil, "--frontend", "gateway.v0", "--opt", "source="+p.frontend, "--local", "context="+plan, "--opt", "label:a=b",
			"--opt", "build-arg:NIXPACKS_BUILD_IMAGE="+p.base, "--opt", "platform=linux/amd64,linux/arm64", "--output", to))
		_, below := images(t, file)
		var got []string
		for _, m := range below {
			got = append(got, m.Platform.Architecture)
		}
		if strings.Join(got, " ") != "amd64 arm64" {
			t.Errorf("images for %q", got)
		}
	})
	t.Run("a configuration that names the frontend", func(t *testing.T) {
		dir := p.app("named", map[string]string{"main.txt": "x", "deploy/my.toml": "# syntax=" + p.frontend + "\n" + frontendApp["nixpacks.toml"],
			"nixpacks.toml": "[phases.build]\ncmds = [\"false\"]\n"})
		app := files(t, nil, "--frontend", "dockerfile.v0", "--local", "context="+dir, "--local", "dockerfile="+dir+"/deploy", "--opt", "filename=my.toml",
			"--opt", "build-arg:NIXPACKS_BUILD_IMAGE="+p.base)
		wants(t, app+"/greeting", "hello")
	})
	t.Run("policies", func(t *testing.T) {
		rules := p.app("rules", map[string]string{"user.cue": "package rules\nstart: user!: !=\"root\" | error(\"nobody runs as root\")\n"})
		held := strings.Replace(p.frontend, ":test", ":held", 1)
		p.run(program(p.host, "frontend", "image", "--binary", filepath.Join(p.dir, "static"), "--policy", rules, "--push", held))
		text := "packages = \"apt\"\n[start]\ncmd = \"cat main.txt\"\n"
		saved := `{"providers": [], "buildImage": "` + p.base + `", "packages": "apt", "start": {"cmd": "true"%s}}`
		root := p.app("root", map[string]string{"nixpacks.toml": text, "main.txt": "x", "root.json": fmt.Sprintf(saved, ""), "user.json": fmt.Sprintf(saved, `, "user": "1000"`)})
		user := p.app("user", map[string]string{"nixpacks.toml": text + "user = \"1000\"\n", "main.txt": "x"})
		own := p.app("own", map[string]string{"main.txt": "x", "policy/cmd.cue": "start: cmd?: !=\"true\" | error(\"it does something\")\n", ".dockerignore": "policy\n",
			"nixpacks.toml": "packages = \"apt\"\n[start]\ncmd = \"true\"\nuser = \"1000\"\n", "root.json": fmt.Sprintf(saved, ""), "user.json": fmt.Sprintf(saved, `, "user": "1000"`)})
		for _, c := range []struct {
			frontend, app, file string
			more                []string
			want                []string // none: it is built
		}{
			{held, root, "", nil, []string{"nobody runs as root", "frontend/01/user.cue:2:8"}},
			{held, user, "", nil, nil},
			{held, root, "root.json", nil, []string{"nobody runs as root"}},
			{held, root, "user.json", nil, nil},
			{held, own, "user.json", nil, []string{"it does something", "policy/cmd.cue:1:25"}},
			{held, own, "", nil, []string{"it does something"}},
			{held, own, "root.json", nil, []string{"nobody runs as root", "it does something"}},
			{p.frontend, own, "root.json", nil, []string{"it does something"}},
			{p.frontend, root, "root.json", nil, nil},
			{held, user, "", []string{"--opt", "build-arg:NIXPACKS_POLICY=", "--opt", "context:" + p.base + "=docker-image://" + p.base}, []string{"a build context takes the place of the image"}},
		} {
			args := append([]string{"--frontend", "gateway.v0", "--opt", "source=" + c.frontend, "--local", "context=" + c.app, "--opt", "build-arg:NIXPACKS_BUILD_IMAGE=" + p.base}, c.more...)
			if c.file != "" {
				args = append(args, "--local", "dockerfile="+c.app, "--opt", "filename="+c.file)
			}
			out, err := p.buildctl(nil, args...).CombinedOutput()
			if (err == nil) != (c.want == nil) {
				t.Errorf("%s %s %s: %v\n%s", c.frontend, c.app, c.file, err, out)
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("%s %s %s: no %q in\n%s", c.frontend, c.app, c.file, want, out)
				}
			}
		}
	})
	t.Run("mistakes", func(t *testing.T) {
		for want, args := range map[string][]string{
			"no provider knows what to do with the app": {"--local", "context=" + p.app("empty", map[string]string{"x": ""})},
			"nixpacks.toml:2:1: unknown field":          {"--local", "context=" + p.app("typo", map[string]string{"nixpacks.toml": "\nphasse = 3\n"})},
			"buildImage is debian://trixie":             {"--local", "context=" + app},
			"there is no target \"x\"":                  {"--local", "context=" + app, "--opt", "target=x"},
		} {
			out, err := p.buildctl(nil, append([]string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend}, args...)...).CombinedOutput()
			flat := strings.ReplaceAll(string(out), "\n  ", " ")
			if f := strings.SplitN(want, ": ", 2); err == nil || !strings.Contains(flat, f[0]) || !strings.Contains(flat, f[len(f)-1]) {
				t.Errorf("%q: %v\n%s", want, err, out)
			}
		}
	})
}
