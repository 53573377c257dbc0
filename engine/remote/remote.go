// Package remote describes the failures of servers: BuildKits, docker engines and registries.
package remote

import (
	"strings"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// AnswerTimeout limits how long an engine may take to answer the first request.
const AnswerTimeout = 15 * time.Second

// noise matches the prefixes that gRPC, Go and BuildKit add to a message.
var noise = lazy.Regexp(`rpc error: code = \w+ desc = |\bfailed to (solve|solve LLB|call info|load cache key|compute cache key|do request|authorize|fetch \w+ token|` +
	`receive status|get status|dial|copy|run Build function|resolve source metadata for \S+): |\berror (reading from server|from sender|from receiver): |` +
	`\bconnection error: desc = |\bUnavailable: |\bError while dialing: |\btransport: |\b(Get|Head|Post|Put|Patch) "[^"]*": `)

// Cause returns an error's message without the prefixes of the layers that it passed through, and without anything that acts
// on a terminal.
func Cause(err error) string {
	return strings.Trim(fault.Plain(noise().ReplaceAllString(err.Error(), "")), `" `)
}

// UntrustedServer reports whether the cause is that this program does not trust the server's certificate.
func UntrustedServer(cause string) bool {
	return strings.Contains(cause, "failed to verify certificate")
}

// UntrustedClient reports whether the cause is that the server does not trust this program's certificate, or wants one.
func UntrustedClient(cause string) bool { return ourCert().MatchString(cause) }

// ourCert matches the TLS alerts of a server about the client's certificate, as Go words them.
var ourCert = lazy.Regexp(`remote error: tls: (certificate required|bad certificate|unknown certificate|expired certificate)`)
