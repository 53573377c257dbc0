package frontend

import (
	"io/fs"
	"os"
	"path"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// ReadPolicies reads the policies that WriteImage put into an image, from their directory. If it has none, that is a
// fault: a missing policy must not look like one that allows everything.
func ReadPolicies(dir string) ([][]catalog.Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the policies of this frontend cannot be read")
	}
	defer root.Close()
	ents, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the policies of this frontend cannot be read")
	}
	var out [][]catalog.Source
	for _, e := range ents {
		files, err := catalog.ReadSources(root.FS(), e.Name(), path.Join("frontend", e.Name()))
		if err != nil {
			return nil, err
		}
		if len(files) == 0 {
			return nil, fault.New(fault.Usage, "%s/%s contains no policy", dir, e.Name())
		}
		out = append(out, files)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Usage, "%s contains no policies", dir)
	}
	return out, nil
}
