package frontend

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/nixpacks-cue/nixpacks/engine/ignore"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/policy"
)

// source is the app as the daemon has it.
type source struct {
	plan2llb.Context
	rules  *ignore.Rules // from the ignore files, and the program's own by name
	files  fs.FS         // for planning; if a local app's plan is given, only the policies
	looked fs.FS         // the files that rules.Look inspects
	vertex *pb.Definition
	// remote is the URL of a repository or an archive, without a version.
	remote string
}

// ownFiles are read by the program itself, even if .dockerignore excludes them.
var ownFiles = []string{"!nixpacks.cue", "!nixpacks.toml", "!nixpacks.json", "!Procfile", "!providers/*.cue", "!providers/*/*.cue", "!policy/*.cue"}

// source locates the app and reads the rules about files that are not part of the build.
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
	at, root := b.given.app(), b.given.root()
	var ignoring []string
	for _, dir := range at.Dirs() {
		for _, name := range ignore.Files {
			ignoring = append(ignoring, path.Join(dir, name))
		}
	}
	files, err := b.read(ctx, s, "read .dockerignore", ".dockerignore", &s.vertex, llb.FollowPaths(ignoring))
	if err == nil {
		s.rules, err = ignore.ReadAt(files, at, b.catalog.Defaults())
	}
	if err != nil {
		return s, err
	}
	files, err = b.read(ctx, s, "look for private keys", "look", nil,
		llb.ExcludePatterns(ignore.Below(root, s.rules.Patterns())), llb.IncludePatterns(ignore.Below(root, s.rules.Looked())))
	if err == nil {
		s.looked, err = below(files, root)
	}
	switch {
	case err != nil:
	case b.given.saved != nil:
		s.files, err = b.read(ctx, s, "read the policies", "policy", &s.vertex, llb.IncludePatterns(policyPatterns(at.Dirs())))
	default:
		s.files, err = b.read(ctx, s, "read the source to plan it", "plan", &s.vertex, llb.ExcludePatterns(append(s.rules.Patterns(), ownFiles...)))
	}
	return s, err
}

// policyPatterns returns patterns for the policies in dirs, and for the .gitignore files that decide whether they count.
func policyPatterns(dirs []string) (out []string) {
	for _, dir := range dirs {
		out = append(out, ignore.Below(dir, []string{policy.Folder + "/*.cue", ".gitignore", policy.Folder + "/.gitignore"})...)
	}
	return out
}

// read returns some files of a local app. do describes the purpose; the daemon keeps the files under the name hint.
func (b *build) read(ctx context.Context, s source, do, hint string, def **pb.Definition, which ...llb.LocalOption) (fs.FS, error) {
	ref, err := b.solveState(ctx, llb.Local(s.Local, append(which, llb.SessionID(s.Session),
		llb.SharedKeyHint("app "+hint), dockerui.WithInternalName("[app] "+do))...), def)
	if err != nil {
		return nil, err
	}
	return newFiles(ctx, ref), nil
}

// remote returns an app that comes from a repository or an archive.
func (b *build) remote(ctx context.Context, main *llb.State) (source, error) {
	s := source{Context: plan2llb.Context{State: main}}
	s.remote, _, _ = strings.Cut(b.BuildOpts().Opts[dockerui.DefaultLocalNameContext], "#")
	ref, err := b.solveState(ctx, *main, &s.vertex)
	if err != nil {
		return s, err
	}
	s.files = newFiles(ctx, ref)
	if s.looked, err = below(s.files, b.given.root()); err != nil {
		return s, err
	}
	s.rules, err = ignore.ReadAt(s.files, b.given.app(), b.catalog.Defaults())
	return s, err
}

// app sets the files for a plan that was made for the directory dir of the context; "" is the whole context. It excludes
// files that are not part of the build and warns about them as nixpacks build does.
func (b *build) app(ctx context.Context, in *plan2llb.Input, dir string) (err error) {
	b.planning.Lock()
	defer b.planning.Unlock()
	in.Context = b.context.Context
	if in.Ignore, err = b.leftOut(ctx, b.context.rules, b.context.looked, in.Plan); err != nil {
		return err
	}
	if root := b.given.root(); root != "." {
		in.Context = b.context.below(root, ignore.Below(root, in.Ignore))
	}
	if dir == "" {
		return nil
	}
	in.Context = b.context.below(dir, in.Ignore)
	files, err1 := below(b.context.files, dir)
	looked, err2 := below(b.context.looked, dir)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	rules, err := ignore.Read(files, b.catalog.Defaults())
	if err == nil {
		in.Ignore, err = b.leftOut(ctx, rules, looked, in.Plan)
	}
	return err
}

func (b *build) leftOut(ctx context.Context, rules *ignore.Rules, looked fs.FS, p *plan.Plan) ([]string, error) {
	rules, err := rules.For(p, plan2llb.Made)
	if err == nil {
		err = rules.Look(looked)
	}
	if err != nil {
		return nil, err
	}
	for _, n := range rules.Notes() {
		b.warn(ctx, n.Text, n.Hint)
	}
	return rules.Patterns(), nil
}

// below returns the files of a directory. It is empty if there is no such directory, as in a part of the app without it.
func below(files fs.FS, dir string) (fs.FS, error) {
	if _, err := fs.Stat(files, dir); errors.Is(err, fs.ErrNotExist) {
		return embed.FS{}, nil
	}
	return fs.Sub(files, dir)
}

// local returns the name of the client's directory that the context is, and the session that serves it; "" for any other
// context.
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

// solveState solves a state. It stores the graph in def if that is not nil.
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

// below returns the part of the context in dir, without the files that exclude matches.
func (s source) below(dir string, exclude []string) plan2llb.Context {
	var whole llb.State
	if s.State == nil {
		whole = llb.Local(s.Local, llb.SessionID(s.Session), llb.ExcludePatterns(exclude), llb.SharedKeyHint("app below"),
			llb.IncludePatterns(ignore.Below(dir, []string{"**"})), llb.WithCustomName("[app] read "+dir))
	} else {
		whole = llb.Scratch().File(llb.Copy(*s.State, "/", "/", &llb.CopyInfo{CopyDirContentsOnly: true, ExcludePatterns: exclude}),
			llb.WithCustomName("[app] read "+dir))
	}
	st := llb.Scratch().File(llb.Copy(whole, path.Join("/", dir), "/", &llb.CopyInfo{CopyDirContentsOnly: true}), llb.WithCustomName("[app] take "+dir))
	return plan2llb.Context{State: &st}
}
