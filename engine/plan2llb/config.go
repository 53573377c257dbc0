package plan2llb

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// image returns the image's configuration. Of Docker's extensions, which BuildKit's exporters keep, it sets only the
// health check.
func (l *lowering) image(final Source) dockerspec.DockerOCIImage {
	c := final.Config
	c.ExposedPorts, c.Volumes, c.Labels = maps.Clone(c.ExposedPorts), maps.Clone(c.Volumes), maps.Clone(c.Labels)
	front := l.front
	if l.in.Run != nil && l.nixRun == nil { // Nix packages stay behind
		front = slices.DeleteFunc(slices.Clone(front), func(d string) bool { return slices.Contains(nixFront, d) })
	}
	c.Env = environ(l.appEnv(final.Config, front, l.startVariables()))
	c.Entrypoint = []string{"/bin/bash", startFile, "-c"}
	c.Cmd = nil
	if l.start.Cmd != "" {
		c.Cmd = []string{l.start.Cmd}
	}
	c.WorkingDir = l.dir
	if l.start.Workdir != "" {
		c.WorkingDir = inApp(l.start.Workdir)
	}
	if l.start.User != "" {
		c.User = l.start.User
	}
	if l.start.StopSignal != "" {
		c.StopSignal = l.start.StopSignal
	}
	for _, p := range l.start.Ports {
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[p] = struct{}{}
	}
	for _, labels := range []map[string]string{l.start.Labels, l.in.Labels} {
		if c.Labels == nil && len(labels) > 0 {
			c.Labels = map[string]string{}
		}
		maps.Copy(c.Labels, labels)
	}
	config := dockerspec.DockerOCIImageConfig{ImageConfig: c}
	config.Healthcheck = healthcheck(l.start.Healthcheck)
	return dockerspec.DockerOCIImage{Image: ocispecs.Image{Platform: l.in.Platform, History: baseHistory(final)}, Config: config}
}

// startVariables returns the variables of the final image alone. A numeric user has no home but /app.
func (l *lowering) startVariables() map[string]string {
	vars := map[string]string{}
	if _, said := l.in.Plan.Variables["HOME"]; l.owner() != "" && !said {
		vars["HOME"] = AppDir
	}
	maps.Copy(vars, l.start.Variables)
	return vars
}

// durations are the keys of a health check that are durations. startConfig has checked that they parse.
var durations = []string{"interval", "timeout", "startPeriod", "startInterval"}

// healthcheck returns the plan's health check in Docker's form, or nil if there is none.
func healthcheck(h map[string]string) *dockerspec.HealthcheckConfig {
	if len(h) == 0 {
		return nil
	}
	var times [4]time.Duration
	for i, key := range durations {
		times[i], _ = time.ParseDuration(h[key])
	}
	out := &dockerspec.HealthcheckConfig{Test: []string{"CMD-SHELL", h["cmd"]},
		Interval: times[0], Timeout: times[1], StartPeriod: times[2], StartInterval: times[3]}
	if h["cmd"] == "none" {
		out.Test = []string{"NONE"}
	}
	out.Retries, _ = strconv.Atoi(h["retries"])
	return out
}

// startConfig refuses values that an image's configuration cannot have.
func (c *checks) startConfig(at string, s *plan.Start) {
	for _, p := range s.Ports {
		number, protocol, _ := strings.Cut(p, "/")
		if n, err := strconv.ParseUint(number, 10, 16); err != nil || n == 0 || !slices.Contains([]string{"", "tcp", "udp", "sctp"}, protocol) {
			c.refuse("%s.ports: %q is not a port", at, p).WithHint(`write it as "8080" or "53/udp"`)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Healthcheck)) {
		value := s.Healthcheck[key]
		switch {
		case key == "cmd" && value != "":
		case key == "retries":
			if _, err := strconv.ParseUint(value, 10, 31); err != nil {
				c.refuse("%s.healthcheck.retries: %q is not a number", at, value)
			}
		case slices.Contains(durations, key):
			if d, err := time.ParseDuration(value); err != nil || d < time.Millisecond {
				c.refuse("%s.healthcheck.%s: %q is not a duration", at, key, value).WithHint(`write it as "30s" or "1m30s"; the minimum is 1ms`)
			}
		default:
			c.refuse("%s.healthcheck has no %q", at, key).WithHint("known: cmd, retries, %s", strings.Join(durations, ", "))
		}
	}
	if len(s.Healthcheck) > 0 && s.Healthcheck["cmd"] == "" {
		c.refuse("%s.healthcheck has no cmd", at).WithHint(`set a command such as "curl -fs localhost:3000", or "none"`)
	}
	if s.StopSignal != "" && !stopSignal().MatchString(s.StopSignal) {
		c.refuse("%s.stopSignal: %q is not a signal", at, s.StopSignal).WithHint(`write it as "SIGINT"`)
	}
	if s.Workdir != "" && slices.Contains(strings.Split(path.Clean(s.Workdir), "/"), "..") {
		c.refuse("%s.workdir: %q is outside of the app", at, s.Workdir).WithHint("for a directory outside the app, use an absolute path")
	}
}
