package plan

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// RefuseImage returns a fault (Refused, without a position) if a plan may not name image at path (buildImage or
// start.runImage). Plans come with apps or are loaded from files, and only the command line may name files of this
// machine. It returns nil for registry references and debian://SUITE.
func RefuseImage(image string, path ...string) *fault.Fault {
	scheme, _, ok := strings.Cut(image, "://")
	if !ok || scheme == "debian" {
		return nil
	}
	f := fault.New(fault.Refused, "%s cannot be %q: only the command line can use local files", Path(path...), image)
	if scheme != "oci-layout" && scheme != "file" {
		f.Msg = Path(path...) + " is not a supported image: " + image
	}
	f.Hint = "give a registry reference or debian://SUITE"
	if path[0] == "buildImage" {
		f.Hint += ", or use --build-image"
	}
	return f
}
