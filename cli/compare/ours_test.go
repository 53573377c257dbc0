package compare

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/moby/buildkit/exporter/containerimage/exptypes"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// plan returns this program's plan for the app, with or without a separate run image.
func (b *field) plan(slim bool) (*plan.Plan, error) {
	cat, err := catalog.Builtin()
	if err != nil {
		return nil, err
	}
	a, err := app.Open(b.dir)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	res, err := unify.Plan(a, cat, unify.Options{Arch: runtime.GOARCH, Flags: unify.Flags{Packages: "apt", NoSlim: !slim}})
	if err != nil {
		return nil, err
	}
	return res.Plan, res.App.Close()
}

// ours builds a plan as `nixpacks build` does.
func (b *field) ours(ctx context.Context, p *plan.Plan, out string, caps plan2llb.Caps) error {
	_, err := b.engine.Build(ctx, solve.Request{
		Lower:    plan2llb.Input{Plan: p, Caps: caps},
		AppDir:   b.dir,
		Outputs:  []solve.Output{{Type: solve.TypeOCI, Dest: out, Attrs: map[string]string{"tar": "false"}}},
		CAFile:   *ca,
		Bases:    solve.Bases{CacheDir: cacheDir(), Say: func(string) {}},
		Progress: b.progress(),
	})
	return err
}

// writeIndex makes an OCI layout of what an exporter wrote.
func writeIndex(dir string, answer map[string]string) error {
	desc, err := base64.StdEncoding.DecodeString(answer[exptypes.ExporterImageDescriptorKey])
	if err != nil {
		return err
	}
	index := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s]}`, desc)
	if err := os.WriteFile(filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o644)
}
