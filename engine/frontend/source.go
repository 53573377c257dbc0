package frontend

import (
	"context"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// source is the app as the daemon has it.
type source struct {
	plan2llb.Context
	ignore []string // as solve.Ignore gives it
	files  fs.FS    // for planning; nil where a plan is given
	vertex *pb.Definition
	// remote is the address of a repository or an archive, without what names a version of it.
	remote string
}

// read by the program itself, whatever .dockerignore says of them.
var ownFiles = []string{"!nixpacks.cue", "!nixpacks.toml", "!nixpacks.json", "!Procfile"}

// source finds out where the app is, and reads what of it is not for the build.
func (b *build) source(ctx context.Context) (source, error) {
	main, err := b.MainContext(ctx)
	if err != nil {
		return source{}, err
	}
	local, session, err := b.local(ctx, main)
	if err != nil {
		return source{}, err
	}
	if local == "" {
		return b.remote(ctx, main)
	}
	s := source{Context: plan2llb.Context{Local: local, Session: session}}
	ref, err := b.solveState(ctx, llb.Local(local, llb.SessionID(session), llb.FollowPaths([]string{".dockerignore"}),
		llb.SharedKeyHint("app .dockerignore"), dockerui.WithInternalName("[app] read .dockerignore")), &s.vertex)
	if err != nil {
		return s, err
	}
	if s.ignore, err = solve.IgnoreIn(newFiles(ctx, ref)); err != nil || b.given.saved != nil {
		return s, err
	}
	ref, err = b.solveState(ctx, llb.Local(local, llb.SessionID(session), llb.ExcludePatterns(append(s.ignore[:len(s.ignore):len(s.ignore)], ownFiles...)),
		llb.SharedKeyHint("app plan"), dockerui.WithInternalName("[app] read the source to plan it")), &s.vertex)
	if err == nil {
		s.files = newFiles(ctx, ref)
	}
	return s, err
}

// remote is an app that comes from a repository or an archive.
func (b *build) remote(ctx context.Context, main *llb.State) (source, error) {
	s := source{Context: plan2llb.Context{State: main}}
	s.remote, _, _ = strings.Cut(b.BuildOpts().Opts[dockerui.DefaultLocalNameContext], "#")
	ref, err := b.solveState(ctx, *main, &s.vertex)
	if err != nil {
		return s, err
	}
	s.files = newFiles(ctx, ref)
	s.ignore, err = solve.IgnoreIn(s.files)
	return s, err
}

// local is the name of the directory of the client that a context is, and the session that serves it; "" for any
// other context.
func (b *build) local(ctx context.Context, main *llb.State) (name, session string, err error) {
	def, err := main.Marshal(ctx, llb.WithCaps(b.BuildOpts().Caps))
	if err != nil {
		return "", "", err
	}
	for _, raw := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			return "", "", err
		}
		if name, ok := strings.CutPrefix(op.GetSource().GetIdentifier(), "local://"); ok && len(def.Def) == 2 {
			return name, op.GetSource().Attrs[pb.AttrLocalSessionID], nil
		}
	}
	return "", "", nil
}

// solveState is the result of a state; def, where it is given, gets the graph.
func (b *build) solveState(ctx context.Context, st llb.State, def **pb.Definition) (gateway.Reference, error) {
	d, err := st.Marshal(ctx, llb.WithCaps(b.BuildOpts().Caps))
	if err != nil {
		return nil, err
	}
	if def != nil {
		*def = d.ToPB()
	}
	res, err := b.gateway.Solve(ctx, gateway.SolveRequest{Definition: d.ToPB(), Evaluate: true})
	if err != nil {
		return nil, err
	}
	return res.SingleRef()
}

// below is the context without what lies outside of a directory of it.
func (s source) below(dir string) plan2llb.Context {
	whole := s.State
	if whole == nil {
		local := llb.Local(s.Local, llb.SessionID(s.Session), llb.ExcludePatterns(s.ignore), llb.SharedKeyHint("app below"),
			llb.IncludePatterns([]string{dir + "/**"}), llb.WithCustomName("[app] read "+dir))
		whole = &local
	}
	st := llb.Scratch().File(llb.Copy(*whole, path.Join("/", dir), "/", &llb.CopyInfo{CopyDirContentsOnly: true}), llb.WithCustomName("[app] take "+dir))
	return plan2llb.Context{State: &st}
}
