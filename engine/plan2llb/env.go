package plan2llb

import (
	"maps"
	"slices"
	"strings"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// frontKey names the variable with the directories to prepend to PATH, for login shells: their /etc/profile resets
	// PATH.
	frontKey  = "NIXPACKS_PATH"
	caFile    = "/run/secrets/nixpacks-ca.pem"
	trustFile = "/run/secrets/nixpacks-ca.jks"

	// Java does not read PEM and has no variable for trust alone. Every JVM reads this variable for options.
	javaKey   = "JAVA_TOOL_OPTIONS"
	javaTrust = "-Djavax.net.ssl.trustStore=" + trustFile + " -Djavax.net.ssl.trustStoreType=JKS"
)

// epochKey is the variable that tells programs which time to write into files, in seconds of Unix time. The user
// database records the day of a password's last change. Without the variable Python's compiled modules record the time
// of their source, which differs in the image. One day is the smallest unit of the user database.
const (
	epochKey  = "SOURCE_DATE_EPOCH"
	stepEpoch = "86400"
)

// caVariables are the variables by which programs learn of a bundle of certificate authorities.
var caVariables = []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
	"GIT_SSL_CAINFO", "NIX_SSL_CERT_FILE", "CARGO_HTTP_CAINFO", "npm_config_cafile"}

// baseEnv returns the environment of an image.
func baseEnv(c ocispecs.ImageConfig) map[string]string {
	env := map[string]string{}
	for _, kv := range c.Env {
		if k, v, _ := strings.Cut(kv, "="); k != "" {
			env[k] = v
		}
	}
	if env["PATH"] == "" {
		env["PATH"] = defaultPath
	}
	return env
}

// toolEnv returns the environment of steps that install packages. It has nothing of the app.
func toolEnv(on Source) map[string]string {
	env := baseEnv(on.Config)
	env["HOME"], env["USER"] = "/root", "root"
	return env
}

// appEnv returns the environment of the app and its commands: that of an image, the plan's variables, and more.
func (l *lowering) appEnv(c ocispecs.ImageConfig, front []string, more map[string]string) map[string]string {
	env := baseEnv(c)
	maps.Copy(env, l.in.Plan.Variables)
	maps.Copy(env, more)
	if len(front) > 0 {
		env[frontKey] = joinPath(append(slices.Clone(front), env[frontKey])...)
		env["PATH"] = joinPath(append(slices.Clone(front), env["PATH"])...)
	}
	return env
}

// phaseEnv returns the environment of a phase's commands. Phases that declare their inputs do not see variables that
// change with every deploy.
func (l *lowering) phaseEnv(ph *plan.Phase) map[string]string {
	env := l.appEnv(l.in.Base.Config, l.front, ph.Variables)
	if ph.Inputs == nil || hasAll(ph) {
		return env
	}
	below := baseEnv(l.in.Base.Config)
	for k := range l.in.Plan.Variables {
		if _, scoped := ph.Variables[k]; scoped || !l.in.Plan.PerDeploy(k) {
			continue
		}
		delete(env, k)
		if v, ok := below[k]; ok {
			env[k] = v
		}
	}
	return env
}

var variableRef = lazy.Regexp(`\$(\w+|\{\w+\})`)

// expand replaces $NAME, ${NAME} and a leading ~ in directories for PATH: as values of the environment nothing expands
// them later. The home of commands is root's unless the image sets HOME.
func expand(dirs []string, env map[string]string) []string {
	value := func(ref string) string {
		name := strings.Trim(ref, "${}")
		if v, ok := env[name]; ok || name != "HOME" {
			return v
		}
		return "/root"
	}
	var out []string
	for _, d := range dirs {
		if rest, ok := strings.CutPrefix(d, "~/"); ok {
			d = "$HOME/" + rest
		}
		out = append(out, variableRef().ReplaceAllStringFunc(d, value))
	}
	return out
}

// environ returns env in the form of images, sorted: the order is part of a digest.
func environ(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

// joinPath joins lists of directories. It drops empty elements, which would mean the working directory.
func joinPath(lists ...string) string {
	var dirs []string
	for _, l := range lists {
		for d := range strings.SplitSeq(l, ":") {
			if d != "" {
				dirs = append(dirs, d)
			}
		}
	}
	return strings.Join(dirs, ":")
}

func joinLines(a, b string) string { return strings.TrimPrefix(a+"\n"+b, "\n") }
