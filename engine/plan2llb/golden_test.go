package plan2llb

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata/llb")

const goldens = "../../testdata/llb/*.txtar"

// TestGolden lowers the plan of every golden file, with the options of its section input.json, and compares the graph
// and the image's configuration, digests included.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(goldens)
	if err != nil || len(files) < 11 {
		t.Fatalf("%d golden files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			res := lower(t, goldenInput(t, ar))
			got := map[string]string{"graph": graph(t, res), "image.json": imageJSON(t, res)}
			for i, f := range ar.Files {
				want, ok := got[f.Name]
				if !ok {
					continue
				}
				delete(got, f.Name)
				if *update {
					ar.Files[i].Data = []byte(want)
				} else if string(f.Data) != want {
					t.Errorf("%s differs (go test ./engine/plan2llb -update rewrites it)\n%s", f.Name, firstDifference(string(f.Data), want))
				}
			}
			for _, name := range slices.Sorted(maps.Keys(got)) {
				if !*update {
					t.Errorf("no section %s", name)
				}
				ar.Files = append(ar.Files, txtar.File{Name: name, Data: []byte(got[name])})
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// goldenInput returns the Input of a golden file, on bases that are always the same.
func goldenInput(t *testing.T, ar *txtar.Archive) Input {
	t.Helper()
	in := Input{Caps: Caps{Merge: true, Diff: true}}
	for _, f := range ar.Files {
		switch f.Name {
		case "plan.json":
			p, err := plan.Decode(f.Data, "plan.json")
			if err != nil {
				t.Fatal(err)
			}
			in.Plan = p
		case "input.json":
			dec := json.NewDecoder(bytes.NewReader(f.Data))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&in); err != nil {
				t.Fatal(err)
			}
		}
	}
	return defaults(in)
}

// defaults completes an input with everything that the plan does not determine.
func defaults(in Input) Input {
	if in.Platform.OS == "" {
		in.Platform = ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	}
	if in.Base.Ref == "" {
		in.Base = Source{
			Ref:    in.Plan.BuildImage,
			Digest: digest.FromString("base"),
			Config: ocispecs.ImageConfig{Env: []string{"PATH=/usr/bin:/bin", "NIXPKGS_ALLOW_UNFREE=1"}},
		}
	}
	if s := in.Plan.Start; in.Run == nil && s != nil && s.RunImage != "" {
		in.Run = &Source{
			Ref:    s.RunImage,
			Digest: digest.FromString("run"),
			Config: ocispecs.ImageConfig{Env: []string{"PATH=/usr/bin", "RUN=1"}, Cmd: []string{"bash"}, Labels: map[string]string{"from": "run"}},
		}
	}
	in.LocalUniqueID = "golden"
	return in
}

func lower(t *testing.T, in Input) *Result {
	t.Helper()
	res, err := Lower(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func imageJSON(t *testing.T, res *Result) string {
	t.Helper()
	b, err := json.MarshalIndent(res.Image, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + "\n"
}

// graph formats a definition: each vertex with its digest, its name, its inputs by number, and what it does.
func graph(t *testing.T, res *Result) string {
	t.Helper()
	var b strings.Builder
	number := map[digest.Digest]int{}
	ops := decode(t, res.Def)
	for i, v := range res.Vertices {
		number[v.Digest] = i + 1
		fmt.Fprintf(&b, "%d %s %s\n", i+1, v.Digest.Encoded()[:12], v.Name)
		for _, d := range v.Deps {
			fmt.Fprintf(&b, "  needs %d\n", number[d])
		}
		describe(&b, ops[v.Digest])
	}
	for _, name := range slices.Sorted(maps.Keys(res.Locals)) {
		fmt.Fprintf(&b, "local %s %s\n", name, res.Locals[name])
	}
	fmt.Fprintf(&b, "digest %s\n", res.Digest)
	return b.String()
}

func decode(t *testing.T, def *llb.Definition) map[digest.Digest]*pb.Op {
	t.Helper()
	ops := map[digest.Digest]*pb.Op{}
	for _, dt := range def.Def {
		var op pb.Op
		if err := op.UnmarshalVT(dt); err != nil {
			t.Fatal(err)
		}
		ops[digest.FromBytes(dt)] = &op
	}
	return ops
}

func describe(b *strings.Builder, op *pb.Op) {
	switch {
	case op.GetSource() != nil:
		s := op.GetSource()
		fmt.Fprintf(b, "  source %s\n", s.Identifier)
		for _, k := range slices.Sorted(maps.Keys(s.Attrs)) {
			fmt.Fprintf(b, "    %s %s\n", k, s.Attrs[k])
		}
	case op.GetFile() != nil:
		for _, a := range op.GetFile().Actions {
			describeFile(b, a)
		}
	case op.GetMerge() != nil:
		b.WriteString("  merge\n")
	case op.GetDiff() != nil:
		b.WriteString("  diff\n")
	case op.GetExec() != nil:
		describeExec(b, op.GetExec())
	}
}

func describeFile(b *strings.Builder, a *pb.FileAction) {
	if c := a.GetCopy(); c != nil {
		fmt.Fprintf(b, "  copy %s to %s", c.Src, c.Dest)
		if len(c.IncludePatterns) > 0 {
			fmt.Fprintf(b, " of %s", strings.Join(c.IncludePatterns, " "))
		}
		if len(c.ExcludePatterns) > 0 {
			fmt.Fprintf(b, " without %s", strings.Join(c.ExcludePatterns, " "))
		}
		owner(b, c.Owner)
	}
	if r := a.GetRm(); r != nil {
		fmt.Fprintf(b, "  remove %s\n", r.Path)
	}
	if m := a.GetMkdir(); m != nil {
		fmt.Fprintf(b, "  mkdir %s %o", m.Path, m.Mode)
		owner(b, m.Owner)
	}
	if m := a.GetMkfile(); m != nil {
		fmt.Fprintf(b, "  mkfile %s %o", m.Path, m.Mode)
		owner(b, m.Owner)
		indented(b, "    | ", string(m.Data))
	}
}

func owner(b *strings.Builder, o *pb.ChownOpt) {
	if u := o.GetUser(); u != nil {
		fmt.Fprintf(b, " for %s%d", u.GetByName().GetName(), u.GetByID())
	}
	b.WriteByte('\n')
}

func describeExec(b *strings.Builder, e *pb.ExecOp) {
	indented(b, "  | ", strings.Join(e.Meta.Args, "\n"))
	fmt.Fprintf(b, "  in %s as %s\n", e.Meta.Cwd, e.Meta.User)
	for _, kv := range e.Meta.Env {
		fmt.Fprintf(b, "  env %q\n", kv)
	}
	for _, m := range e.Mounts {
		if m.Dest == "/" {
			continue
		}
		fmt.Fprintf(b, "  mount %s %s", strings.ToLower(m.MountType.String()), m.Dest)
		if m.CacheOpt != nil {
			fmt.Fprintf(b, " id %s %s", m.CacheOpt.ID, strings.ToLower(m.CacheOpt.Sharing.String()))
		}
		if m.SecretOpt != nil {
			fmt.Fprintf(b, " id %s optional %t", m.SecretOpt.ID, m.SecretOpt.Optional)
		}
		if m.SSHOpt != nil {
			fmt.Fprintf(b, " id %s optional %t", m.SSHOpt.ID, m.SSHOpt.Optional)
		}
		b.WriteByte('\n')
	}
	for _, s := range e.Secretenv {
		fmt.Fprintf(b, "  secret %s as %s optional %t\n", s.ID, s.Name, s.Optional)
	}
}

func indented(b *strings.Builder, prefix, text string) {
	for l := range strings.Lines(text) {
		b.WriteString(strings.TrimRight(prefix+strings.TrimRight(l, "\n"), " ") + "\n")
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n- %s\n+ %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
