package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// frontendRepository checks that what --out writes for an app in a repository is built from the same files, and checked
// against the same policies, as with nixpacks build.
func frontendRepository(t *testing.T, p *place) {
	plan := strings.Replace(`{"providers": [], "buildImage": "BASE", "packages": "apt", "phases": {"build": {"cmds": ["cd /app && find . -type f | sort > /list", "mv /list ."]}},
		"start": {"cmd": "cat list"}, "app": {"dir": "svc/web", "root": "svc", "with": ["lib"], "without": ["other"], "keep": ["package.json"]}}`, "BASE", p.base, 1)
	repo := p.app("repository", map[string]string{
		"saved.json": plan, "beside.txt": "", ".dockerignore": "**/*.log\n", ".gitignore": "x\n",
		"svc/lib/a.txt": "", "svc/lib/a.log": "", "svc/lib/dev.pem": "-----BEGIN PRIVATE KEY-----\n", "svc/lib/.dockerignore": "a.txt\n",
		"svc/other/b.txt": "", "svc/other/package.json": "{}", "svc/.dockerignore": "lib/no.txt\n", "svc/lib/no.txt": "",
		"svc/web/main.txt": "", "svc/web/no.txt": "", "svc/web/.nixpacksignore": "no.txt\n",
		"svc/web/policy/cmd.cue": "start: cmd?: !=\"true\" | error(\"it does something\")\n",
	})
	out := filepath.Join(p.dir, "repository-out")
	p.run(program(append(p.host, "NIXPACKS_FRONTEND="+p.frontend), "build", "--plan", repo+"/saved.json", repo, "--out", out))
	docker := []string{"--frontend", "dockerfile.v0", "--local", "context=" + out, "--local", "dockerfile=" + out + "/.nixpacks"}
	there, thereFile := p.archive("repository-there")
	p.run(p.buildctl(nil, append(docker, "--output", there)...))
	here, hereFile := p.archive("repository-here")
	p.run(program(p.host, "build", "--plan", repo+"/saved.json", repo, "--output", here))
	a, _ := images(t, hereFile)
	if b, _ := images(t, thereFile); a.Digest != b.Digest {
		t.Errorf("nixpacks build gives %s, the frontend %s", a.Digest, b.Digest)
	}
	wants(t, p.files(t, nil, docker...)+"/web/list", strings.Join([]string{"./.dockerignore", "./lib/.dockerignore", "./lib/a.txt", "./other/package.json",
		"./plan.json", // of the base, which is an app itself
		"./web/.nixpacksignore", "./web/main.txt", "./web/policy/cmd.cue"}, "\n"))

	idle := p.app("repository-idle", map[string]string{"plan.json": strings.Replace(plan, "cat list", "true", 1)})
	said, err := p.buildctl(nil, "--frontend", "gateway.v0", "--opt", "source="+p.frontend, "--local", "context="+out, "--local", "dockerfile="+idle,
		"--opt", "filename=plan.json").CombinedOutput()
	if err == nil || !strings.Contains(string(said), "it does something") || !strings.Contains(string(said), "svc/web/policy/cmd.cue:1:25") {
		t.Errorf("a plan that its policy refuses: %v\n%s", err, said)
	}
}
