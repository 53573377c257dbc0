package solve

import (
	"io"
	"strings"

	"github.com/docker/cli/cli/config"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// registryAnswer matches BuildKit's error for a failed push. The groups are the registry host, the repository and the
// status.
var registryAnswer = lazy.Regexp(`unexpected status from \w+ request to https?://([^/\s]+)/v2/(\S+?)/(?:blobs|manifests)/\S*: (\d{3})`)

// pushing matches the beginning of a BuildKit push error.
var pushing = lazy.Regexp(`failed to push (\S+?)(:latest)?: `)

// pushFault returns the fault for a failed push of an image or a cache. BuildKit does not always report the pushed
// reference: name is used then. pushFault returns nil if err is not a push error and name is "".
func pushFault(err error, cause, name string) *fault.Fault {
	out := &fault.Fault{Code: fault.TryAgain, Err: err}
	passes := false
	pushed := pushing().FindStringSubmatch(cause)
	if pushed != nil {
		name, cause = pushed[1], pushing().ReplaceAllString(cause, "")
	}
	m := registryAnswer().FindStringSubmatch(cause)
	switch {
	case m != nil:
		if pushed == nil {
			name = m[1] + "/" + m[2]
		}
		out.Code, cause, out.Hint = explainStatus(m[1], m[3])
		passes = out.Code == fault.TryAgain
	case name == "":
		return nil
	case refused().MatchString(cause):
		out.Code, cause, out.Hint = fault.Usage, "the registry denied access ("+cause+")", dockerLogin(name)
	default:
		cause, passes = explainRegistry(cause)
	}
	if passes {
		out.Err = transient{err}
	}
	out.Msg = "cannot push " + name + ": " + cause
	return out
}

// explainStatus explains the HTTP status of a registry response.
func explainStatus(host, status string) (code fault.Code, why, hint string) {
	switch {
	case status == "401" && !hasLogin(host):
		return fault.Usage, "the registry requires a login", "docker login " + host
	case status == "401":
		return fault.Usage, "the registry rejected the user name or password", "log in as another user: docker login " + host
	case status == "403":
		return fault.Usage, "the registry does not allow it", "check the name and your push permission, or log in as another user: docker login " + host
	case status == "429":
		return fault.TryAgain, "the registry limits the number of requests (status 429)", "try again later"
	case status == "408" || strings.HasPrefix(status, "5"):
		return fault.TryAgain, "the registry failed (status " + status + ")", "try again later"
	}
	return fault.Usage, "the registry returned status " + status, ""
}

// hasLogin reports whether docker's configuration has credentials for the registry.
func hasLogin(host string) bool {
	auth, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	return err == nil && (auth.Username != "" || auth.IdentityToken != "" || auth.RegistryToken != "")
}
