package solve

import (
	"context"
	"io"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

const stageStore = "nixpacks-stage"

// stageRunner runs the second stage of a bootstrap as a single step without network, and writes its file system as a tar.
func (e *Engine) stageRunner(p progress.Options) base.Runner {
	return func(ctx context.Context, stage base.Stage, out io.Writer) error {
		j, err := e.newJob(Request{Progress: p})
		if err != nil {
			return err
		}
		defer j.close()
		layout := stage.Layout
		source, err := e.serveImage(ctx, j, stageStore, stage.Name, layout.Dir, image.Select{Digest: layout.Digest})
		if err != nil {
			return err
		}
		from := ociLayout(stageStore, layout.Digest)
		if source.State != nil {
			from = *source.State
		}
		def, err := stageGraph(stage, from).Marshal(ctx, llb.Platform(layout.Platform))
		if err != nil {
			return err
		}
		j.lowered = &plan2llb.Result{Def: def}
		j.opt.Exports = []client.ExportEntry{{Type: TypeTar, Output: func(map[string]string) (io.WriteCloser, error) {
			return keepOpen{out}, nil
		}}}
		_, err = e.run(ctx, j, func(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
			return c.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB(), Evaluate: true})
		})
		return err
	}
}

func stageGraph(stage base.Stage, from llb.State) llb.State {
	opts := []llb.RunOption{llb.Args(stage.Args), llb.Network(llb.NetModeNone), llb.WithCustomName("[base] " + stage.Name)}
	for _, kv := range stage.Env {
		k, v, _ := strings.Cut(kv, "=")
		opts = append(opts, llb.AddEnv(k, v))
	}
	return from.Run(opts...).Root()
}

// ociLayout is an image served by the client from an OCI layout.
func ociLayout(store string, d digest.Digest) llb.State {
	return llb.OCILayout("nixpacks.local/"+store+"@"+d.String(), llb.OCIStore("", store))
}
