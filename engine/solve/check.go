package solve

import (
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// attributes lists the allowed attributes by output type.
var attributes = map[string][]string{
	TypeOCI:    append([]string{"tar"}, imageAttributes...),
	TypeDocker: imageAttributes,
	TypeImage: append([]string{"push", "push-by-digest", "registry.insecure", "unpack", "store", "dangling-name-prefix",
		"name-canonical"}, imageAttributes...),
	TypeLocal: {"mode", "platform-split", "source-date-epoch"},
	TypeTar:   {"platform-split", "source-date-epoch"},
}

var imageAttributes = []string{"name", "compression", "compression-level", "force-compression", "oci-mediatypes", "oci-artifact",
	"prefer-nondist-layers", "rewrite-timestamp", "source-date-epoch", "force-inline"}

// check rejects settings that BuildKit would ignore, or that have no effect.
func (e *Engine) check(o Output, names []string, several bool) error {
	if several && o.Type == TypeDocker {
		return fault.New(fault.Usage, "an output of type docker supports only one platform").WithHint("push it (--push), or write --output type=oci,dest=PATH")
	}
	known, ok := attributes[o.Type]
	if !ok {
		types := slices.Sorted(maps.Keys(attributes))
		return fault.New(fault.Usage, "unknown output type %q", o.Type).WithHint("%s", fault.DidYouMean(o.Type, types))
	}
	for _, k := range slices.Sorted(maps.Keys(o.Attrs)) {
		if !slices.Contains(known, k) && !strings.HasPrefix(k, "annotation") {
			return fault.New(fault.Usage, "output type %s has no attribute %q", o.Type, k).WithHint("%s", fault.DidYouMean(k, known))
		}
	}
	if o.Type != TypeImage {
		if o.Dest == "" && o.Type != TypeDocker {
			return fault.New(fault.Usage, "output type %s needs a destination", o.Type).WithHint("write --output type=%s,dest=PATH", o.Type)
		}
		return nil
	}
	if e.docker != nil {
		if o.Attrs["push"] == "true" {
			return fault.New(fault.Usage, "the docker engine's BuildKit cannot push images").WithHint("build with -t NAME, then: docker push NAME")
		}
		return nil // it is identified by its digest
	}
	if len(names) == 0 && o.Attrs["name"] == "" {
		return fault.New(fault.Usage, "output type image needs a name").WithHint("set it with --tag")
	}
	if e.embedded && o.Attrs["push"] != "true" {
		return fault.New(fault.Usage, "the embedded engine has no image store: output type image must be pushed to a registry").
			WithHint("add push=true, or use type=oci or type=docker with a dest")
	}
	return nil
}

// fullNames completes names with FullName and removes duplicates.
func fullNames(names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		full, err := FullName(n)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, full) {
			out = append(out, full)
		}
	}
	return out, nil
}

// FullName completes an image name like docker does: app becomes docker.io/library/app:latest. An invalid name is a fault
// (Usage).
func FullName(name string) (string, error) {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return "", fault.New(fault.Usage, "%q is not an image name: %v", name, err).
			WithHint("use a name such as app, app:1.0 or registry.example.com/team/app:1.0")
	}
	return reference.TagNameOnly(ref).String(), nil
}
