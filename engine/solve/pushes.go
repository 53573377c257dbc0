package solve

import (
	"cmp"
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

// unpushable is the fault for an image or a cache that a registry does not take; nil where err is none.
func unpushable(err error, cause string) *fault.Fault {
	out := &fault.Fault{Code: fault.TryAgain, Err: err}
	name := ""
	if m := pushing().FindStringSubmatch(cause); m != nil {
		name, cause = m[1], pushing().ReplaceAllString(cause, "")
	}
	if m := registryAnswer().FindStringSubmatch(cause); m != nil {
		var why string
		why, out.Hint = answered(m[1], m[3])
		out.Msg = "cannot push " + cmp.Or(name, m[1]+"/"+m[2]) + ": " + why
		return out
	}
	switch {
	case name == "":
		return nil
	case refused().MatchString(cause):
		cause = "the registry refuses it to you (" + cause + ")"
	case networkTrouble().MatchString(cause) || strings.Contains(cause, "connection refused"):
		cause = "the registry cannot be reached (" + cause + ")"
	}
	out.Msg = "cannot push " + name + ": " + cause
	return out
}

// answered tells what a registry means by a status, and what to do about it.
func answered(host, status string) (why, hint string) {
	switch {
	case status == "401" && !hasLogin(host):
		return "the registry wants you to log in", "docker login " + host
	case status == "401":
		return "the registry refuses the user or password", "docker login " + host + " takes others"
	case status == "403":
		return "the registry does not allow it", "is the name right, and may you push there?"
	case strings.HasPrefix(status, "5"):
		return "the registry is in trouble (status " + status + ")", "the same command may work later"
	}
	return "the registry answers with status " + status, ""
}

// hasLogin tells whether docker's configuration knows a user for the registry.
func hasLogin(host string) bool {
	auth, err := config.LoadDefaultConfigFile(io.Discard).GetAuthConfig(host)
	return err == nil && (auth.Username != "" || auth.IdentityToken != "" || auth.RegistryToken != "")
}
