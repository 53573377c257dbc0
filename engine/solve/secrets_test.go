package solve

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestSecrets(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put(t, ca, "certificates\n")
	req := layoutOf(t, dir, appPlan(t, "cat /app/main.txt", "cat /run/secrets/nixpacks-ca.pem", "env SSL_CERT_FILE"))
	var log strings.Builder
	req.Progress.Out = &log
	req.CAFile = ca
	out := build(t, e, req).Outputs[0].Dest
	if !strings.Contains(log.String(), "certificates") {
		t.Errorf("steps have no CA bundle:\n%s", log.String())
	}
	if got := read(t, e, out, "env SSL_CERT_FILE"); got != "\n" {
		t.Errorf("the image has SSL_CERT_FILE=%s", got)
	}
	req.CAFile = ca + ".absent"
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "the CA bundle "+ca+".absent cannot be read")
	req.CAFile, req.Secrets = "", map[string][]byte{"token": make([]byte, 600<<10)}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "the secret token is too large: 614400 bytes, the maximum is 512000")
	req.Secrets, req.SSH = nil, map[string][]string{"default": {ca}}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "the SSH agent default ("+ca+") cannot be used: ssh: no key found")
}

// A step sees the secrets that its phase asks for (these are too short to be masked). A changed secret reruns it only if
// its hash is part of the step.
func TestPhaseSecrets(t *testing.T) {
	e := engine(t)
	p := appPlan(t, "x", "env ABSENT", "copy /run/secrets/npm.rc /tmp/npm.rc", "env TOKEN")
	p.Phases["build"].Secrets = []string{"TOKEN", "npm.rc", "ABSENT?"}
	req := layoutOf(t, appDir(t, "main.txt:one"), p)
	var log strings.Builder
	req.Progress.Out = &log
	run := func(value, hash string) (string, int) {
		log.Reset()
		req.Secrets = map[string][]byte{"TOKEN": []byte(value), "npm.rc": []byte("file")}
		req.Lower.SecretHashes = map[string]string{"TOKEN": hash}
		r := build(t, e, req)
		return log.String(), r.Steps - r.Cached
	}
	if text, ran := run("c-1", "1"); !strings.Contains(text, " c-1\n") || ran == 0 {
		t.Errorf("%d steps ran; the secret is not there:\n%s", ran, text)
	}
	if text, ran := run("c-2", "1"); ran != 0 {
		t.Errorf("%d steps ran for a secret that nothing tells of:\n%s", ran, text)
	}
	if text, ran := run("c-2", "2"); !strings.Contains(text, " c-2\n") || ran != 3 {
		t.Errorf("%d steps ran for a new secret:\n%s", ran, text)
	}
}

// An optional secret overrides the variable of the same name. If it is missing, the variable stays.
func TestOptionalSecretOverVariable(t *testing.T) {
	e := engine(t)
	for _, given := range []map[string][]byte{nil, {"TOKEN": []byte("sec")}} {
		p := appPlan(t, "x", "env TOKEN", "env FROM_BASE", "env ABSENT")
		p.Variables = map[string]string{"TOKEN": "variable"}
		p.Phases["build"].Secrets = []string{"TOKEN?", "FROM_BASE?", "ABSENT?"}
		req := layoutOf(t, appDir(t, "main.txt:one"), p)
		req.Secrets = given
		var log strings.Builder
		req.Progress.Out = &log
		build(t, e, req)
		want := "variable"
		if given != nil {
			want = "sec"
		}
		if text := log.String(); !strings.Contains(text, " "+want+"\n") || !strings.Contains(text, " yes\n") {
			t.Errorf("given %q: the step does not see %q, or lacks its base's variable:\n%s", given, want, text)
		}
	}
}
