package plan2llb

import "testing"

func TestStepName(t *testing.T) {
	for by, want := range map[string]string{
		"[start] copy the app": "[start] copy the app",
		"mount / from exec /bin/bash -eo pipefail -c " + installApt + " apt curl git":                                   "[apt] curl git",
		"mount / from exec /bin/bash -eo pipefail -c " + pinnedApt + " apt curl git":                                    "[apt] curl git",
		"mount / from exec /bin/bash -euo pipefail -c " + installNix + " nix /run/x.nix":                                "[nix] /run/x.nix",
		"mount " + nixTaken + " from exec /bin/bash -euo pipefail -c " + installNix + " nix /run/x.nix /run/y.nix take": "[start] take Nix packages",
		"mount / from exec /bin/sh -e -c " + addUser + " user app":                                                      "[start] user app",
		"mount / from exec /bin/bash -l -o pipefail -c npm ci":                                                          "run npm ci",
		"mount / from exec /bin/chown -R 1000 /app":                                                                     "/bin/chown -R 1000 /app",
		"RUN /bin/sh -c apt-get update # buildkit":                                                                      "RUN /bin/sh -c apt-get update # buildkit",
	} {
		if got := StepName(by); got != want {
			t.Errorf("%q is %q, want %q", by, got, want)
		}
	}
}

// The phase of a layer's command is that of the first step with the same words, whatever their spaces.
func TestMadeBy(t *testing.T) {
	steps := []Step{{Phase: "install", Command: "npm  ci\n"}, {Phase: "build", Command: "npm ci"}}
	for by, want := range map[string]string{
		"mount / from exec /bin/bash -l -o pipefail -c npm ci":  "[install] npm ci",
		"mount / from exec /bin/bash -l -o pipefail -c npm run": "run npm run",
		"[start] copy the app":                                  "[start] copy the app",
	} {
		if got := MadeBy(by, steps); got != want {
			t.Errorf("%q is made by %q, want %q", by, got, want)
		}
	}
}
