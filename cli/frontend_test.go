package cli

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestFrontend builds apps on a separate buildkitd, which has nothing of this program except the frontend image.
func TestFrontend(t *testing.T) {
	t.Parallel() // mostly waits
	p := newPlace(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *place)
	}{
		{"the same image as nixpacks build", frontendSameImage},
		{"what the build gives beats the plan", frontendGivenFirst},
		{"what is left out", frontendLeftOut},
		{"as platforms call it", frontendPlatformCalls},
		{"an app in a repository", frontendRepository},
		{"statements", frontendStatements},
		{"a base that no daemon can make", frontendMadeBase},
		{"several platforms", frontendPlatforms},
		{"a configuration that names the frontend", frontendNamedFrontend},
		{"policies", frontendHeldPolicies},
		{"mistakes", frontendMistakes},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, p.in(t)) })
	}
}

func frontendSameImage(t *testing.T, p *place) {
	here, hereFile := p.archive("here")
	p.run(program(p.host, "build", p.source, "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--output", here))
	there, thereFile := p.archive("there")
	p.run(p.buildctl(nil, append(p.gateway(), "--output", there)...))
	a, _ := images(t, hereFile)
	if b, _ := images(t, thereFile); a.Digest != b.Digest {
		t.Errorf("nixpacks build gives %s, the frontend %s", a.Digest, b.Digest)
	}
}

// frontendGivenFirst checks that variables, hosts and secrets of the build take precedence over the plan.
func frontendGivenFirst(t *testing.T, p *place) {
	app := p.files(t, nil, append(p.gateway(), "--opt", "build-arg:GREETING=argument", "--opt", "add-hosts=marker=10.0.0.1", "--opt", "force-network-mode=none")...)
	wants(t, app+"/greeting", "argument")
	wants(t, app+"/name", "world")
	wants(t, app+"/hosts", "hosts")
	wants(t, app+"/net", "lo")
	if _, err := os.Stat(app + "/unread.txt"); err == nil {
		t.Error("a file that .dockerignore names is in the image")
	}
	app = p.files(t, []string{"SECRET=hush"}, append(p.gateway(), "--secret", "id=GREETING,env=SECRET", "--secret", "id=NAME,env=SECRET")...)
	wants(t, app+"/greeting", "hush")
	wants(t, app+"/name", "hush")
}

// frontendLeftOut checks that safe files are part of the build context, that others are not, and that the user is told.
func frontendLeftOut(t *testing.T, p *place) {
	plan := filepath.Join(p.app("left-out", map[string]string{"plan.json": ""}), "plan.json")
	planned, err := program(p.host, "plan", "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--include", "certs/dev.pem", p.source).Output()
	if err != nil || os.WriteFile(plan, planned, 0o644) != nil {
		t.Fatal(err)
	}
	saved := []string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend, "--local", "context=" + p.source, "--local", "dockerfile=" + filepath.Dir(plan), "--opt", "filename=plan.json"}
	out := filepath.Join(t.TempDir(), "out")
	p.run(program(p.host, "build", p.source, "--builder", p.builder, "--env", "NIXPACKS_BUILD_IMAGE="+p.base, "--output", "type=local,dest="+out))
	for name, c := range map[string]struct {
		app string
		key bool
	}{
		"the frontend":                {p.files(t, nil, p.gateway()...), false},
		"the frontend, with the key":  {p.files(t, nil, append(p.gateway(), "--opt", "build-arg:NIXPACKS_INCLUDE=certs/dev.pem")...), true},
		"a plan that includes it":     {p.files(t, nil, saved...), true},
		"nixpacks build on a builder": {filepath.Join(out, "app"), false},
	} {
		for file, want := range map[string]bool{"certs/ca.pem": true, ".git": false, ".venv": false, "certs/dev.pem": c.key, "unread.txt": false} {
			if _, err := os.Stat(filepath.Join(c.app, file)); (err == nil) != want {
				t.Errorf("%s: %s is there: %t", name, file, !want)
			}
		}
	}
	said, _ := p.buildctl(nil, append(p.gateway(), "--progress", "rawjson")...).CombinedOutput()
	var told string // buildctl's plain progress does not have warnings
	for _, m := range regexp.MustCompile(`"short":"([^"]+)"`).FindAllSubmatch(said, -1) {
		text, _ := base64.StdEncoding.DecodeString(string(m[1]))
		told += string(text) + "\n"
	}
	if !strings.Contains(told, "nixpacks: not in the build context: .venv (a local virtualenv), certs/dev.pem (a private key)\n") {
		t.Errorf("the warnings are %q:\n%s", told, said)
	}
}

// frontendPlatformCalls checks the commands of a platform that runs Nixpacks.
func frontendPlatformCalls(t *testing.T, p *place) {
	// The platform passes the plan through PHP, which does not have empty maps.
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
	wants(t, p.files(t, nil, append(docker, "--opt", "build-arg:GREETING=argument")...)+"/greeting", "argument")
	wants(t, p.files(t, nil, append(docker, "--opt", "filename=plan.json")...)+"/greeting", "plan")
}

// frontendStatements checks attestations, by docker buildx's names for --sbom and --provenance.
func frontendStatements(t *testing.T, p *place) {
	scanner := strings.Replace(p.frontend, "/nixpacks:test", "/scanner:test", 1)
	p.run(program(p.host, "build", p.app("scan", map[string]string{"nixpacks.json": `{"packages": "apt", "providers": [], "buildImage": "` + p.base + `", "start": {"cmd":
		"test -f $BUILDKIT_SCAN_SOURCE/app/greeting && echo '{\"_type\": \"https://in-toto.io/Statement/v0.1\", \"predicateType\": \"https://spdx.dev/Document\", \"predicate\": {\"name\": \"mine\"}}' > /run/out/sbom.spdx.json"}}`}),
		"--push", "-t", scanner))
	to, file := p.archive("statements")
	p.run(p.buildctl(nil, append(p.gateway(), "--opt", "attest:sbom=generator="+scanner, "--opt", "attest:provenance=mode=max", "--output", to)...))
	plain, plainFile := p.archive("no-statements")
	p.run(p.buildctl(nil, append(p.gateway(), "--output", plain)...))
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
}

// frontendMadeBase checks that a base from the Debian archive is made, and pushed with the frontend image.
func frontendMadeBase(t *testing.T, p *place) {
	based := strings.Replace(p.frontend, ":test", ":based", 1)
	said := p.run(program(p.host, "frontend", "image", "--binary", filepath.Join(p.dir, "static"), "--base", "debian://trixie="+strings.Replace(p.frontend, "/nixpacks:test", "/made:trixie", 1), "--push", based))
	if !regexp.MustCompile(`(?m)^pushed \S+/made:trixie@sha256:[0-9a-f]{64}$`).MatchString(said) {
		t.Errorf("it says %q", said)
	}
	bare := p.app("slim", map[string]string{"nixpacks.toml": "packages = \"apt\"\n[start]\ncmd = \"cat main.txt\"\nrunImage = \"debian://trixie\"\n", "main.txt": "x"})
	for _, app := range []string{p.source, bare} {
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
}

func frontendPlatforms(t *testing.T, p *place) {
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
}

func frontendNamedFrontend(t *testing.T, p *place) {
	dir := p.app("named", map[string]string{"main.txt": "x", "deploy/my.toml": "# syntax=" + p.frontend + "\n" + frontendApp["nixpacks.toml"],
		"nixpacks.toml": "[phases.build]\ncmds = [\"false\"]\n"})
	app := p.files(t, nil, "--frontend", "dockerfile.v0", "--local", "context="+dir, "--local", "dockerfile="+dir+"/deploy", "--opt", "filename=my.toml",
		"--opt", "build-arg:NIXPACKS_BUILD_IMAGE="+p.base)
	wants(t, app+"/greeting", "hello")
}

// frontendHeldPolicies checks that policies in the frontend image and in the app apply to plans that are made and to plans
// that are given.
func frontendHeldPolicies(t *testing.T, p *place) {
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
		want                []string // nil if it is built
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
		{held, user, "", []string{"--opt", "build-arg:NIXPACKS_POLICY=", "--opt", "context:" + p.base + "=docker-image://" + p.base}, []string{"a build context replaces the image"}},
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
}

func frontendMistakes(t *testing.T, p *place) {
	for want, args := range map[string][]string{
		"no provider knows what to do with the app": {"--local", "context=" + p.app("empty", map[string]string{"x": ""})},
		"nixpacks.toml:2:1: unknown field":          {"--local", "context=" + p.app("typo", map[string]string{"nixpacks.toml": "\nphasse = 3\n"})},
		"buildImage is debian://trixie":             {"--local", "context=" + p.source},
		"there is no target \"x\"":                  {"--local", "context=" + p.source, "--opt", "target=x"},
	} {
		out, err := p.buildctl(nil, append([]string{"--frontend", "gateway.v0", "--opt", "source=" + p.frontend}, args...)...).CombinedOutput()
		flat := strings.ReplaceAll(string(out), "\n  ", " ")
		if f := strings.SplitN(want, ": ", 2); err == nil || !strings.Contains(flat, f[0]) || !strings.Contains(flat, f[len(f)-1]) {
			t.Errorf("%q: %v\n%s", want, err, out)
		}
	}
}
