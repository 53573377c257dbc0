package modules

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// errDigest reports content whose digest differs from the expected one.
type errDigest struct{ want, got string }

func (e errDigest) Error() string { return "its digest is " + e.got + ", not " + e.want }

// errLarge reports content larger than a module may have.
type errLarge struct{ most int64 }

func (e errLarge) Error() string { return fmt.Sprintf("it has more than %d KB", e.most>>10) }

// fault returns the fault for a failed request to do what, and whether the error may be temporary.
func (p place) fault(ctx context.Context, err error, what string) (f error, passes bool) {
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "interrupted"), false
	}
	var done *fault.Fault
	if errors.As(err, &done) {
		return err, false
	}
	answer, passes := p.answer(err)
	answer.Msg, answer.Err = "cannot "+what+": "+answer.Msg, err
	return answer, passes
}

// answer translates an error of the registry.
func (p place) answer(err error) (f *fault.Fault, passes bool) {
	status, cause := statusOf(err), plain(err)
	var stalled stall.Error
	var sum errDigest
	var large errLarge
	switch {
	case errors.As(err, &sum):
		return fault.New(fault.Refused, "the registry %s returned other content: %s", p.host, sum).
			WithHint("the content was not used; check that the module was published to this registry"), false
	case errors.As(err, &large):
		return fault.New(fault.Refused, "%s", large), false
	case errors.As(err, new(stall.LargeError)), errors.Is(err, errEndless):
		return fault.New(fault.Refused, "the registry %s does not stop answering (%s)", p.host, cause), false
	case errors.As(err, &stalled):
		return fault.New(fault.TryAgain, "the registry does not answer (%s)", stalled), false // the wait was long enough
	case status == http.StatusUnauthorized || status == http.StatusForbidden ||
		errors.Is(err, ociregistry.ErrDenied) || errors.Is(err, ociregistry.ErrUnauthorized):
		return fault.New(fault.Usage, "the registry %s denied access, or it does not exist (%s)", p.host, cause).
			WithHint("if it exists and you have access: docker login %s", p.host), false
	case absent(err, status):
		return fault.New(fault.Refused, "the registry %s does not have it (%s)", p.host, p.repo).
			WithHint("check the name; CUE_REGISTRY maps modules to registries"), false
	case status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500:
		return fault.New(fault.TryAgain, "the registry %s failed (%s)", p.host, cause), true
	case strings.Contains(cause, "server gave HTTP response to HTTPS client"):
		return fault.New(fault.Usage, "the registry %s does not use TLS", p.host).
			WithHint("if this is intended, set CUE_REGISTRY=%s+insecure", p.host), false
	case status != 0:
		return fault.New(fault.Refused, "the registry %s returned: %s", p.host, cause), false
	case unreachable(err):
		return fault.New(fault.TryAgain, "the registry %s cannot be reached (%s)", p.host, cause), true
	}
	return fault.New(fault.Refused, "the response of the registry %s is not a module (%s)", p.host, cause), false
}

// absent reports whether the error means that the requested thing does not exist.
func absent(err error, status int) bool {
	for _, e := range []error{ociregistry.ErrNameUnknown, ociregistry.ErrManifestUnknown, ociregistry.ErrBlobUnknown, ociregistry.ErrNameInvalid} {
		if errors.Is(err, e) {
			return true
		}
	}
	return status == http.StatusNotFound
}

func unreachable(err error) bool {
	var at *url.Error
	var over net.Error
	return errors.As(err, &at) || errors.As(err, &over) || strings.Contains(err.Error(), "EOF")
}

func statusOf(err error) int {
	var h ociregistry.HTTPError
	if errors.As(err, &h) {
		return h.StatusCode()
	}
	return 0
}

// plain returns an error without the request in its text.
func plain(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
