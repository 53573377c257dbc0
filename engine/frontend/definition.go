package frontend

import (
	"bytes"
	"context"
	"path"

	"github.com/moby/buildkit/frontend/dockerui"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// definition is the build's file (docker build -f).
type definition struct {
	name string
	// saved is a finished plan; nil if the app is to be planned.
	saved *plan.Saved
	// config is a configuration to plan with; nil if the app's own is used.
	config []byte
}

// app returns the place of the app in the context, if a saved plan has one. It is nil for the whole context, or without
// a plan.
func (d definition) app() *plan.Location {
	if d.saved == nil {
		return nil
	}
	return d.saved.Plan.App
}

// root returns the folder of the context that is built.
func (d definition) root() string {
	if at := d.app(); at != nil {
		return at.Root
	}
	return "."
}

const filenameOpt = "filename"

// definition reads the build's file. A plan in JSON is built as it is; a configuration is used for planning. If there is
// no file, or it has only the line that names the frontend, the app is planned with its own configuration. The same goes
// for a Dockerfile that the user did not name.
func (b *build) definition(ctx context.Context) (definition, error) {
	name := b.BuildOpts().Opts[filenameOpt]
	named := name != "" && name != dockerui.DefaultDockerfileName
	src, err := b.ReadEntrypoint(ctx, "nixpacks")
	if err != nil {
		if named {
			return definition{}, fault.Wrap(fault.Usage, err, "the build's file %s cannot be read", name)
		}
		return definition{}, nil // if the client does not answer, reading the app reports it
	}
	d := definition{name: src.Filename}
	rest := plan.WithoutHead(src.Data)
	switch ext := path.Ext(src.Filename); {
	case len(bytes.TrimSpace(rest)) == 0:
		return d, nil
	case path.Base(src.Filename) == "nixpacks.json", ext == ".toml", ext == ".cue":
		d.config = src.Data
		if ext == ".json" {
			d.config = rest
		}
		return d, nil
	case bytes.TrimSpace(rest)[0] == '{':
		d.saved, err = plan.DecodeSaved(src.Data, src.Filename, b.BuildArgs["NIXPACKS_BUILD_IMAGE"])
		return d, err
	case named:
		return d, fault.New(fault.Refused, "%s is neither a JSON plan nor a configuration", name).
			WithPos(fault.Pos{File: name}).
			WithHint("create a plan with nixpacks build --out DIR; names of configurations end in .toml, .cue or .json")
	}
	return d, nil
}
