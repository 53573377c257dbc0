package solve

import (
	"io"
	"strings"

	"github.com/docker/cli/cli/config"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// registryAnswer is what BuildKit says of a registry that does not take what is pushed: its host, the repository, the status.
var registryAnswer = lazy.Regexp(`unexpected status from \w+ request to https?://([^/\s]+)/v2/(\S+?)/(?:blobs|manifests)/\S*: (\d{3})`)

// pushing is how BuildKit begins an error of a push.
var pushing = lazy.Regexp(`failed to push (\S+?)(:latest)?: `)

// unpushable is the fault for an image or a cache that a registry does not take; nil where err is none. BuildKit does not always
// say what it pushed: that is name then, unless it is "".
func unpushable(err error, cause, name string) *fault.Fault {
	out := &fault.Fault{Code: fault.TryAgain, Err: err}
	passes := false
	told := pushing().FindStringSubmatch(cause)
	if told != nil {
		name, cause = told[1], pushing().ReplaceAllString(cause, "")
	}
	m := registryAnswer().FindStringSubmatch(cause)
	switch {
	case m != nil:
		if told == nil {
			name = m[1] + "/" + m[2]
		}
		out.Code, cause, out.Hint = answered(m[1], m[3])
		passes = out.Code == fault.TryAgain
	case name == "":
		return nil
	case refused().MatchString(cause):
		out.Code, cause, out.Hint = fault.Usage, "the registry refuses it to you ("+cause+")", dockerLogin(name)
	default:
		cause, passes = whyIll(cause)
	}
	if passes {
		out.Err = passing{err}
	}
	out.Msg = "cannot push " + name + ": " + cause
	return out
}

// answered tells what a registry means by a status, and what to do about it.
func answered(host, status string) (code fault.Code, why, hint string) {
	switch {
	case status == "401" && !hasLogin(host):
		return fault.Usage, "the registry wants you to log in", "docker login " + host
	case status == "401":
		return fault.Usage, "the registry refuses the user or password", "docker login " + host + " takes others"
	case status == "403":
		return fault.Usage, "the registry does not allow it", "is the name right, and may you push there? docker login " + host + " takes another user"
	case status == "429":
		return fault.TryAgain, "the registry wants fewer requests (status 429)", "the same command may work later"
	case status == "408" || strings.HasPrefix(status, "5"):
		return fault.TryAgain, "the registry is in trouble (status " + status + ")", "the same command may work later"
	}
	return fault.Usage, "the registry answers with status " + status, ""
}

// hasLogin tells whether docker's configuration knows a user for the registry.
func hasLogin(host string) bool {
	auth, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	return err == nil && (auth.Username != "" || auth.IdentityToken != "" || auth.RegistryToken != "")
}
