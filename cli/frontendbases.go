package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/frontend"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// namedBases parses --base REF=IMAGE, and returns the image for each base.
func namedBases(c *ucli.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, arg := range c.StringSlice(frontend.BaseFlag) {
		ref, image, ok := strings.Cut(arg, "=")
		if !ok || ref == "" || image == "" {
			return nil, fault.New(fault.Usage, "--base %s is not REF=IMAGE", arg).WithHint("write --base debian://trixie=registry.example.com/debian:trixie")
		}
		if !solve.IsLocalBase(ref) {
			return nil, fault.New(fault.Usage, "%s is a registry image, which needs no --base", ref).WithHint("--base is for local bases: debian://SUITE, oci-layout://PATH")
		}
		out[ref] = image
	}
	return out, nil
}

// frontendBases makes the bases that --base names and pushes them. It returns their names with digests.
func frontendBases(c *ucli.Context, h *Host) (map[string]string, error) {
	out, err := namedBases(c)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	req := solve.Request{Progress: progressOptions(c, h)}
	if req.Bases, err = bases(c, h); err != nil {
		return nil, err
	}
	err = withEngine(c, h, func(e *solve.Engine) error {
		for _, ref := range slices.Sorted(maps.Keys(out)) {
			if out[ref], err = e.PushBase(c.Context, req, ref, out[ref]); err != nil {
				return err
			}
			fmt.Fprintf(h.Stderr, "pushed %s\n", out[ref])
		}
		return nil
	})
	return out, err
}
