package cli

import (
	"cmp"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/go-units"
	"github.com/tonistiigi/go-csvvalue"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// epochKey is the variable that sets the time of an image.
const epochKey = "SOURCE_DATE_EPOCH"

// epoch returns the time of the image, which is also the latest time of its files, in seconds of Unix time. It is
// SOURCE_DATE_EPOCH of the caller's environment, as in docker buildx, else that variable of the plan, else 0.
func epoch(h *Host, p *plan.Plan) (int64, error) {
	text, code := environMap(h.Environ)[epochKey], fault.Usage
	if text == "" {
		text, code = p.Variables[epochKey], fault.Refused
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > math.MaxUint32 {
		return 0, fault.New(code, "%s is %q, which is not a time in seconds since 1970", epochKey, text).
			WithHint("in a git repository: export %s=$(git log -1 --format=%%ct)", epochKey)
	}
	return n, nil
}

// outputFlags set where an image goes, and what is written about it.
func outputFlags() []ucli.Flag {
	return []ucli.Flag{
		&ucli.StringSliceFlag{Name: "output", Aliases: []string{"docker-output"}, Category: aboutImage,
			Usage: "`type=TYPE,dest=PATH`: export as oci, docker, local or tar, or push with type=registry (repeatable; default: kept for nixpacks run)"},
		&ucli.BoolFlag{Name: "push", Category: aboutImage, Usage: "push the image to the registries in its names (shorthand for --output type=registry)"},
		&ucli.BoolFlag{Name: "load", Category: aboutImage, Usage: "load the image into the Docker engine (shorthand for --output type=docker)"},
		&ucli.StringFlag{Name: "max-size", Category: aboutImage, Usage: "fail if the image's layers exceed `SIZE` in compressed form, such as 300MB or 1.5GB"},
		&ucli.StringFlag{Name: "metadata-file", Category: aboutImage, Usage: "write the image's digest and names to `FILE` as JSON"},
		&ucli.StringFlag{Name: "iidfile", Category: aboutImage, Usage: "write the image ID to `FILE`"},
		&ucli.StringFlag{Name: "provenance", Category: aboutImage, Usage: "`true|false|mode=MODE`: attach a provenance attestation to the image; MODE is min or max (default: false)"},
		&ucli.StringFlag{Name: "sbom", Category: aboutImage, Usage: "`true|false|generator=IMAGE`: attach an SBOM attestation made by the generator to the image (default: false)"},
	}
}

// requestedOutputs returns the outputs that the flags ask for.
func (b *theBuild) requestedOutputs(c *ucli.Context) ([]solve.Output, error) {
	var out []solve.Output
	pushes := false
	for _, s := range c.StringSlice("output") {
		o, err := parseOutput(s)
		if err != nil {
			return nil, err
		}
		if o.Type == solve.TypeImage && c.Bool("push") {
			o.Attrs["push"] = "true"
		}
		pushes = pushes || o.Type == solve.TypeImage
		out = append(out, o)
	}
	if c.Bool("push") && !pushes {
		out = append(out, solve.Output{Type: solve.TypeImage, Attrs: map[string]string{"push": "true"}})
	}
	loads := func(o solve.Output) bool { return o.Type == solve.TypeDocker && o.Dest == "" }
	if c.Bool("load") && !slices.ContainsFunc(out, loads) {
		out = append(out, solve.Output{Type: solve.TypeDocker})
	}
	for i, o := range out {
		if b.inDocker && loads(o) { // the engine that builds has the image anyway
			out[i].Type = solve.TypeImage
		}
	}
	return out, nil
}

// maxSize returns --max-size in bytes, 0 if it is not set.
func maxSize(c *ucli.Context) (int64, error) {
	return bytesOf(c, "max-size", "300MB or 1.5GB")
}

// bytesOf returns a size flag in bytes, 0 if it is not set. MB is decimal, as in image ls, and MiB is binary.
func bytesOf(c *ucli.Context, flag, examples string) (int64, error) {
	if !c.IsSet(flag) {
		return 0, nil
	}
	s := c.String(flag)
	read := units.FromHumanSize
	if strings.Contains(strings.ToLower(s), "i") {
		read = units.RAMInBytes
	}
	n, err := read(s)
	if err != nil || n <= 0 {
		return 0, fault.New(fault.Usage, "--%s %q is not a valid size", flag, s).WithHint("write %s", examples)
	}
	return n, nil
}

// attestations reads --provenance and --sbom as docker buildx does.
func (b *theBuild) attestations(c *ucli.Context) error {
	b.request.Attest = map[string]string{}
	for _, flag := range []string{"provenance", "sbom"} {
		v := c.String(flag)
		if v == "" || v == "false" {
			continue
		}
		if v == "true" {
			v = map[string]string{"provenance": "mode=min"}[flag]
		}
		fields, err := csvvalue.Fields(v, nil)
		for _, f := range fields {
			if k, _, ok := strings.Cut(f, "="); !ok || k == "" {
				err = cmp.Or(err, error(fault.New(fault.Usage, "%q is not KEY=VALUE", f)))
			}
		}
		if err != nil && v != "" {
			return fault.New(fault.Usage, "--%s %q is not true, false or KEY=VALUE", flag, v)
		}
		b.request.Attest[flag] = v
	}
	return nil
}

// writeMetadata writes the files of --metadata-file and --iidfile.
func writeMetadata(c *ucli.Context, r *solve.Report) error {
	if file := c.String("metadata-file"); file != "" {
		raw, err := json.MarshalIndent(r.Metadata, "", "  ")
		if err != nil {
			return fault.Wrap(fault.Bug, err, "what is known of the image cannot be written")
		}
		if err := writeFile(file, string(raw)+"\n"); err != nil {
			return err
		}
	}
	if file := c.String("iidfile"); file != "" {
		id, _ := r.Metadata["containerimage.config.digest"].(string)
		if id == "" {
			id, _ = r.Metadata["containerimage.digest"].(string)
		}
		if id == "" {
			return fault.New(fault.Usage, "--iidfile: the build produced only files, no image").WithHint("add an output of type oci, docker or registry")
		}
		return writeFile(file, id)
	}
	return nil
}

// severalPlatforms splits the platforms of --platform. Planning continues for the first one.
func severalPlatforms(c *ucli.Context) (first string, more []string, err error) {
	all := strings.Split(c.String("platform"), ",")
	for _, p := range all {
		if _, err := platform(p); err != nil || p == "" && len(all) > 1 {
			return "", nil, cmp.Or(err, error(fault.New(fault.Usage, "--platform %q contains an empty name", c.String("platform"))))
		}
	}
	return all[0], all[1:], usePlatform(c, all[0])
}

// usePlatform selects the platform to plan for from here on.
func usePlatform(c *ucli.Context, platform string) error {
	if platform == c.String("platform") {
		return nil
	}
	return fault.Wrap(fault.Bug, c.Set("platform", platform), "--platform %s cannot be set", platform)
}

// addPlatforms plans for the other platforms. Everything except the plan is the same as for the first one, which is
// selected again afterwards.
func (b *theBuild) addPlatforms(c *ucli.Context, h *Host, first string, more []string) error {
	quiet := *h
	quiet.Stderr, quiet.course = io.Discard, nil // notes have been printed for the first platform
	for _, name := range more {
		if err := usePlatform(c, name); err != nil {
			return err
		}
		in := b.request.Lower
		saved, _, err := enforcedPlan(c, &quiet)
		if err != nil {
			return err
		}
		if in.Platform, err = platform(name); err != nil {
			return err
		}
		in.Plan, in.Origins = saved.Plan, saved.Origins
		b.request.Also = append(b.request.Also, in)
	}
	return usePlatform(c, first)
}
