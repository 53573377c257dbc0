package cli

import (
	"path/filepath"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

func imageCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:   "image",
		Usage:  "inspect built images",
		Action: onlyCommands,
		Subcommands: []*ucli.Command{{
			Name:      "ls",
			Usage:     "list an image's layers with their sizes and build steps",
			ArgsUsage: "[PATH|IMAGE]",
			Description: "PATH is an app that was built, an OCI layout, an OCI tar or a Docker archive; IMAGE is a name set with build -n. Sizes are\n" +
				"shown compressed, as in a registry, and unpacked.",
			Flags: []ucli.Flag{
				formatFlag(),
				&ucli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: aboutWords, Usage: "print more details: causes of errors"},
				jsonErrorsFlag(),
			},
			Action: func(c *ucli.Context) error { return imageLs(c, h) },
		}},
	}
}

// sizes is the output of `image ls`.
type sizes struct {
	Digest   string        `json:"digest"`
	Size     int64         `json:"size"`
	Unpacked int64         `json:"unpacked"`
	Layers   []image.Layer `json:"layers"`
}

func imageLs(c *ucli.Context, h *Host) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	path, sel, err := builtImage(c, h)
	if err != nil {
		return err
	}
	img, err := image.Open(path, sel)
	if err != nil {
		return err
	}
	defer img.Close()
	s := sizes{Digest: img.Desc.Digest.String()}
	if s.Layers, err = img.Layers(); err != nil {
		return err
	}
	for i, l := range s.Layers {
		s.Size, s.Unpacked = s.Size+l.Size, s.Unpacked+l.Unpacked
		s.Layers[i].By = plan2llb.StepName(l.By)
	}
	if asJSON {
		return h.printJSON(s)
	}
	w := newTable(h)
	line := func(packed, unpacked int64, by string) {
		w.row(units.HumanSize(float64(packed)), units.HumanSize(float64(unpacked)), by)
	}
	w.row("SIZE", "UNPACKED", "STEP")
	for _, l := range s.Layers {
		line(l.Size, l.Unpacked, l.By)
	}
	line(s.Size, s.Unpacked, "total")
	_, err = h.Stdout.Write(w.text())
	return err
}

// builtImage finds the image that the command line names: by its path, by its name, or as the last image of an app.
func builtImage(c *ucli.Context, h *Host) (string, image.Select, error) {
	path, err := appPath(c)
	if err != nil {
		return "", image.Select{}, err
	}
	state, err := h.stateDir()
	if err != nil {
		return "", image.Select{}, err
	}
	if isFile(filepath.Join(path, "oci-layout")) || isFile(path) {
		return path, image.Select{}, nil
	}
	if a, err := app.Open(path); err == nil {
		defer a.Close()
		kept, err := keptAt(state, nil, a.Dir())
		if err == nil && !isFile(filepath.Join(kept, "index.json")) {
			err = fault.New(fault.Usage, "no stored image of the app at %s", path).
				WithHint("build it: nixpacks build %s; if the image has a name or was written to a path, give that instead", path)
		}
		return kept, image.Select{}, err
	}
	return h.namedImage(path)
}
