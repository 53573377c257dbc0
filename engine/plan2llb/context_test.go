package plan2llb

import (
	"slices"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// The app may come from a directory of another name or from a repository. It is copied with the same patterns.
func TestContext(t *testing.T) {
	in := defaults(Input{Plan: nodePlan(), Ignore: []string{"secret"}})
	in.Context = Context{Local: "context", Session: "s1"}
	locals := sourcesOf(t, lower(t, in))
	if !slices.Contains(locals, "local://context") || slices.Contains(locals, "local://"+AppLocal) {
		t.Errorf("the app is read from %q", locals)
	}
	repo := llb.Git("example.com/app.git", "main")
	in.Context = Context{State: &repo}
	res := lower(t, in)
	if all := sourcesOf(t, res); slices.ContainsFunc(all, func(s string) bool { return s[:5] == "local" }) {
		t.Errorf("the app is read from %q", all)
	}
	patterns := 0
	each(t, res, func(op *pb.Op) {
		for _, a := range op.GetFile().GetActions() {
			if c := a.GetCopy(); c != nil && slices.Contains(c.ExcludePatterns, "secret") {
				patterns++
			}
		}
	})
	if patterns != 2 {
		t.Errorf("%d copies leave out what is ignored, of the install phase's and the whole app's", patterns)
	}
}

func TestNetwork(t *testing.T) {
	for n, want := range map[Network]pb.NetMode{NetworkSandbox: pb.NetMode_UNSET, NetworkHost: pb.NetMode_HOST, NetworkNone: pb.NetMode_NONE} {
		in := defaults(Input{Plan: nodePlan(), Network: n})
		each(t, lower(t, in), func(op *pb.Op) {
			if ex := op.GetExec(); ex != nil && ex.Network != want {
				t.Errorf("%q: a step has %v", n, ex.Network)
			}
		})
	}
}

func each(t *testing.T, res *Result, f func(*pb.Op)) {
	t.Helper()
	for _, raw := range res.Def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(raw); err != nil {
			t.Fatal(err)
		}
		f(&op)
	}
}

func sourcesOf(t *testing.T, res *Result) (out []string) {
	each(t, res, func(op *pb.Op) {
		if s := op.GetSource(); s != nil {
			out = append(out, s.Identifier)
		}
	})
	return out
}
