package compare

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// caMount mounts the certificates that this machine trusts into a step.
const caMount = "--mount=type=secret,id=ca,target=/run/secrets/ca.pem "

// trusting adds caMount, and the variables that make programs use it, to every RUN.
func trusting(text string) string {
	env := "export"
	for _, k := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CARGO_HTTP_CAINFO", "npm_config_cafile"} {
		env += " " + k + "=/run/secrets/ca.pem"
	}
	var out []string
	for _, line := range strings.Split(text, "\n") {
		if rest, ok := strings.CutPrefix(line, "RUN "); ok {
			flags := ""
			for strings.HasPrefix(rest, "--") {
				flag, after, _ := strings.Cut(rest, " ")
				flags, rest = flags+flag+" ", after
			}
			line = "RUN " + caMount + flags + env + " && " + rest
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// nixpacksDockerfile writes the plan as the Dockerfile that Nixpacks writes: the packages, then for each phase the whole
// app and the commands with their cache directories, then the whole app once more.
func nixpacksDockerfile(p *plan.Plan) (string, error) {
	order, err := p.Sorted()
	if err != nil {
		return "", err
	}
	if p.Start == nil || p.Start.Cmd == "" {
		return "", errors.New("the plan has no start command")
	}
	var d strings.Builder
	d.WriteString("FROM base\nENTRYPOINT [\"/bin/bash\", \"-l\", \"-c\"]\nSHELL [\"/bin/bash\", \"-ol\", \"pipefail\", \"-c\"]\nWORKDIR /app/\n")
	var apt []string
	for _, name := range order {
		apt = append(apt, p.Phases[name].AptPkgs...)
	}
	apt = append(apt, p.Start.AptPkgs...)
	fmt.Fprintf(&d, "RUN apt-get update && apt-get install -y --no-install-recommends %s\n", strings.Join(apt, " "))
	for _, k := range slices.Sorted(maps.Keys(p.Variables)) {
		fmt.Fprintf(&d, "ARG %[1]s=%[2]q\nENV %[1]s=$%[1]s\n", k, p.Variables[k])
	}
	for _, name := range slices.Sorted(maps.Keys(p.StaticAssets)) {
		fmt.Fprintf(&d, "COPY <<'ASSET' /assets/%s\n%s\nASSET\n", name, p.StaticAssets[name])
	}
	front := ""
	for _, name := range order {
		ph := p.Phases[name]
		for _, dir := range ph.Paths {
			front = dir + ":" + front
		}
		phase(&d, name, ph)
	}
	fmt.Fprintf(&d, "ENV PATH=%s$PATH\nRUN printf '\\nPATH=%s$PATH' >> /root/.profile\nCOPY . /app\nCMD [%q]\n", front, front, p.Start.Cmd)
	return d.String(), nil
}

func phase(d *strings.Builder, name string, ph *plan.Phase) {
	fmt.Fprintf(d, "# phase %s\nCOPY . /app/.\n", name)
	mounts := ""
	for _, c := range ph.CacheDirectories {
		if !strings.HasPrefix(c, "/") {
			c = "/app/" + c
		}
		mounts += fmt.Sprintf("--mount=type=cache,id=bench-%s,target=%s ", strings.ReplaceAll(strings.Trim(c, "/"), "/", "-"), c)
	}
	for _, k := range slices.Sorted(maps.Keys(ph.Variables)) {
		fmt.Fprintf(d, "ENV %s=%q\n", k, ph.Variables[k])
	}
	for _, cmd := range ph.Cmds {
		fmt.Fprintf(d, "RUN %s%s\n", mounts, cmd)
	}
}
