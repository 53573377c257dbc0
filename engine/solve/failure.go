package solve

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/distribution/reference"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/errdefs"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/grpcerrors"
	"github.com/opencontainers/go-digest"
	"google.golang.org/grpc/codes"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// failure describes a failed build. Only err is always set.
type failure struct {
	err     error
	seen    *progress.Record
	lowered *plan2llb.Result
	vertex  digest.Digest // the failed vertex, or ""
	outputs []string      // directories of the outputs
	room    string        // hint for a full disk
}

// explain converts a BuildKit error into a fault.
func (e *Engine) explain(ctx context.Context, f failure) error {
	var done *fault.Fault
	if errors.As(f.err, &done) {
		return f.err
	}
	if ctx.Err() != nil {
		if errors.As(context.Cause(ctx), &done) {
			return done
		}
		return fault.Interruption(ctx)
	}
	if f.lowered == nil {
		f.lowered = &plan2llb.Result{}
	}
	if ve := (*errdefs.VertexError)(nil); errors.As(f.err, &ve) {
		f.vertex = digest.Digest(ve.Digest)
	}
	if f.vertex == "" {
		f.vertex = f.seen.Failed(f.err)
	}
	f.room = e.room(f.seen.Log(f.vertex)+"\n"+f.err.Error(), f.outputs)
	if ee := (*gatewaypb.ExitError)(nil); errors.As(f.err, &ee) && f.vertex != "" {
		return f.exited(ee.ExitCode)
	}
	if m := exitCode().FindStringSubmatch(f.err.Error()); m != nil && f.vertex != "" {
		if status, err := strconv.ParseUint(m[1], 10, 32); err == nil {
			return f.exited(uint32(status))
		}
	}
	return f.other(e.where)
}

// exitCode matches the exit code in errors of BuildKit before 0.9, which is in Docker up to 20.10.
var exitCode = lazy.Regexp(`executor failed running .*: exit code: (\d+)$`)

// exited returns the fault for a command that failed with an exit status.
func (f failure) exited(status uint32) error {
	if status == plan2llb.AptMovedStatus && f.lowered.Def != nil && f.lowered.Pinned(f.vertex) {
		return f.aptMoved()
	}
	out := &fault.Fault{
		Code:   fault.BuildFailed,
		Msg:    f.subject() + ": " + exitText(status),
		Detail: f.seen.Log(f.vertex),
		Err:    f.err,
		At:     f.places(),
	}
	text := out.Detail + f.err.Error()
	switch out.Hint = known(text); {
	case f.room != "":
		out.Code, out.Hint = fault.TryAgain, f.room
	case out.Hint != "":
	case status == 137 || strings.Contains(text, "cannot allocate memory"):
		out.Hint = "the command was killed, probably because it ran out of memory"
	case status == 127:
		out.Hint = "a program is missing: add its package with --pkgs or --apt"
	case networkTrouble().MatchString(out.Detail):
		out.Code = fault.TryAgain
		out.Hint = "this looks like a network failure; try again later"
	}
	return out
}

// known returns the hint for errors that can be recognised by their text alone.
func known(text string) string {
	switch {
	case strings.Contains(text, "network bridge not found"):
		return "the docker engine has no bridge network: use --network host"
	case strings.Contains(text, "exec format error"):
		return "the builder cannot run programs for that platform: remove --platform, or build on a machine of that platform"
	}
	return ""
}

// subject names what failed: the phase and its command, or the step.
func (f failure) subject() string {
	if s, ok := f.lowered.Steps[f.vertex]; ok {
		return fmt.Sprintf("phase %q failed: %s", s.Phase, firstLine(s.Command))
	}
	if v := f.seen.Vertex(f.vertex); v != nil {
		return fmt.Sprintf("step %q failed", v.Name)
	}
	return "a step failed"
}

// places returns the source positions of the value that caused the failed step.
func (f failure) places() []fault.Pos {
	if at, ok := f.lowered.Place(f.vertex); ok {
		return []fault.Pos{at}
	}
	return nil
}

func firstLine(s string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if rest != "" {
		first += " …"
	}
	return first
}

// exitText formats an exit status as in a shell.
func exitText(status uint32) string {
	switch {
	case status == gatewaypb.UnknownExitStatus:
		return "it could not be run" // or the engine lost it
	case status > 128 && status < 128+65:
		return fmt.Sprintf("exit status %d (signal %d)", status, status-128)
	}
	return fmt.Sprintf("exit status %d", status)
}

// other returns the fault for an error that is not an exit status.
func (f failure) other(where string) error {
	cause := remote.Cause(f.err)
	out := &fault.Fault{Code: fault.BuildFailed, Msg: cause, Err: f.err}
	if ref := f.image(cause); ref != "" && f.room == "" {
		return want{ref: ref}.pullFault(f.err)
	}
	if pushed := pushFault(f.err, cause, f.cache()); pushed != nil && f.room == "" {
		return pushed
	}
	if f.vertex != "" {
		out.Msg = f.subject() + ": " + cause
		out.At = f.places()
		out.Detail = f.seen.Log(f.vertex)
	}
	if m := noExporter().FindStringSubmatch(cause); m != nil {
		return fault.New(fault.Usage, "%s does not support output type %s", where, m[1]).
			WithHint("build without --output to store the image there, and export it with docker save NAME")
	}
	out.Hint = known(cause)
	switch code := grpcerrors.Code(f.err); {
	case f.room != "":
		out.Code, out.Hint = fault.TryAgain, f.room
	case out.Hint != "":
	case code == codes.Unavailable || code == codes.Canceled:
		out.Code = fault.TryAgain
		out.Msg = fmt.Sprintf("lost the connection to %s: %s", where, cause)
	case networkTrouble().MatchString(cause):
		out.Code = fault.TryAgain
		out.Hint = "this looks like a network failure; try again later"
	}
	return out
}

// cache returns "the cache" if the cache export to a registry failed.
func (f failure) cache() string {
	if v := f.seen.Vertex(f.vertex); v != nil && strings.HasPrefix(v.Name, "exporting cache to registry") {
		return "the cache"
	}
	return ""
}

// noExporter matches the error of a docker engine without the containerd image store for an output that it does not
// support.
var noExporter = lazy.Regexp(`exporter "(\w+)" could not be found`)

// image returns the reference of the base image whose layers could not be fetched, or "". BuildKit fetches layers when a
// step first needs them, so any step may fail because of this.
func (f failure) image(cause string) string {
	if f.lowered.Def == nil {
		return ""
	}
	fetching := strings.Contains(cause, "/blobs/sha256:") || strings.Contains(cause, "httpReadSeeker")
	var refs []string
	for _, raw := range f.lowered.Def.Def {
		var op pb.Op
		if op.UnmarshalVT(raw) != nil {
			continue
		}
		ref, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), "docker-image://")
		if !ok {
			continue
		}
		refs = append(refs, ref)
		named, err := reference.ParseNormalizedNamed(ref)
		if digest.FromBytes(raw) == f.vertex || err == nil && fetching && strings.Contains(cause, "/v2/"+reference.Path(named)+"/") {
			return ref
		}
	}
	if len(refs) == 1 && unpacking().MatchString(cause) {
		return refs[0]
	}
	return ""
}

// unpacking matches errors about a layer that do not name its image.
var unpacking = lazy.Regexp(`^failed to (verify|extract) layer|^short read: expected \d+ bytes|no processor for media-type|could not fetch content descriptor|more was sent than the stated`)

// networkTrouble matches messages of programs and BuildKit about failed name resolution or unreachable hosts. A refused
// connection is not included: the cause may as well be a build that expects a database.
var networkTrouble = lazy.Regexp(`(?i)EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ENOTFOUND|could not resolve host|no such host` +
	`|temporary failure (in name resolution|resolving)|network is unreachable|network request to \S+ failed` +
	`|TLS handshake timeout|i/o timeout|connection timed out|connection reset by peer|server misbehaving` +
	`|\b(429 too many requests|502 bad gateway|503 service (temporarily )?unavailable|504 gateway time-?out)\b`)

func isUnimplemented(err error) bool { return grpcerrors.Code(err) == codes.Unimplemented }
