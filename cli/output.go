package cli

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/go-csvvalue"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// parseOutput parses --output as docker buildx does: type=TYPE,dest=PATH,KEY=VALUE…. A path alone is a local output, and
// "-" is a tar on stdout.
func parseOutput(s string) (solve.Output, error) {
	fields, err := csvvalue.Fields(s, nil)
	if err != nil || len(fields) == 0 {
		return solve.Output{}, fault.Wrap(fault.Usage, orMissing(err), "--output %q cannot be read", s)
	}
	if len(fields) == 1 && !strings.Contains(fields[0], "=") {
		if fields[0] == "-" {
			return solve.Output{Type: solve.TypeTar, Dest: "-"}, nil
		}
		return solve.Output{Type: solve.TypeLocal, Dest: fields[0]}, nil
	}
	o := solve.Output{Attrs: map[string]string{}}
	for _, f := range fields {
		k, v, ok := strings.Cut(f, "=")
		switch k = strings.ToLower(strings.TrimSpace(k)); {
		case !ok:
			return o, fault.New(fault.Usage, "--output: %q is not KEY=VALUE", f).WithHint("write type=oci,dest=app.tar")
		case k == "type":
			o.Type = v
		case k == "dest":
			o.Dest = v
		default:
			o.Attrs[k] = v
		}
	}
	if o.Type == "" {
		return o, fault.New(fault.Usage, "--output %q has no type", s).WithHint("write type=oci,dest=app.tar; types are oci, docker, image, registry, local and tar")
	}
	if o.Type == "registry" { // buildx's name for an image that is pushed
		o.Type, o.Attrs["push"] = solve.TypeImage, "true"
	}
	return o, nil
}

func orMissing(err error) error {
	if err == nil {
		return fault.New(fault.Usage, "--output is empty").WithHint("write type=oci,dest=app.tar")
	}
	return err
}

// platform parses --platform. If it is empty, the builder chooses.
func platform(s string) (ocispecs.Platform, error) {
	if s == "" {
		return ocispecs.Platform{}, nil
	}
	if strings.Contains(s, ",") {
		return ocispecs.Platform{}, fault.New(fault.Usage, "--platform %q names several platforms", s).WithHint("build for one at a time")
	}
	p, err := platforms.Parse(s)
	if err != nil || p.OS != "linux" {
		return p, fault.New(fault.Usage, "--platform %q is not a supported platform", s).WithHint("write linux/amd64 or linux/arm64")
	}
	return p, nil
}

// keptAt returns the folder of a built image in the store: by its first name, else by the app directory.
func keptAt(state string, names []string, appDir string) (string, error) {
	if len(names) > 0 {
		full, err := solve.FullName(names[0])
		return filepath.Join(state, imagesDir, "names", url.PathEscape(full)), err
	}
	key, err := solve.DefaultCacheKey(appDir)
	return filepath.Join(state, imagesDir, "apps", key), err
}

// namedImage finds a built image by one of its names. Nothing on disk has that name.
func (h *Host) namedImage(name string) (dir string, sel image.Select, err error) {
	state, err := h.stateDir()
	if err != nil {
		return "", sel, err
	}
	if full, err := solve.FullName(name); err == nil && !strings.HasPrefix(name, ".") && !filepath.IsAbs(name) {
		if dir, err := keptAs(state, full); err == nil {
			return dir, image.Select{Name: full}, nil
		}
	}
	return "", sel, fault.New(fault.Usage, "nothing exists at %s, and no built image has that name", name).
		WithHint("give the path of an app or an image, or a name set with nixpacks build -n NAME")
}

// keptAs finds the folder of the built image that has the given name, as its first name or as another.
func keptAs(state, full string) (string, error) {
	names := filepath.Join(state, imagesDir, "names")
	first := filepath.Join(names, url.PathEscape(full))
	if isFile(filepath.Join(first, "index.json")) {
		return first, nil
	}
	others, err := os.ReadDir(names)
	if err != nil {
		return "", err
	}
	for _, e := range others {
		dir := filepath.Join(names, e.Name())
		if img, err := image.Open(dir, image.Select{Name: full}); err == nil {
			return dir, img.Close()
		}
	}
	return "", fs.ErrNotExist
}
