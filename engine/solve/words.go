package solve

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// plainly are plain words for what BuildKit says it does for images, by what that begins with. The longer of two beginnings
// stands first.
var plainly = []struct{ theirs, plain string }{
	{"exporting to oci image format", "write the image"},
	{"exporting to docker image format", "write the image"},
	{"exporting to image", "write the image"},
	{"exporting to client directory", "write the files of the image"},
	{"exporting to client tarball", "write the files of the image"},
	{"exporting layers", "pack the layers"},
	{"exporting manifest list ", "write the list of platforms "},
	{"exporting manifest ", "write the manifest "},
	{"exporting attestation manifest ", "write the attestation "},
	{"exporting config ", "write the configuration "},
	{"rewriting layers with source-date-epoch ", "set the times of files to a fixed one"},
	{"sending tarball", "receive the image"},
	{"pushing layers", "push the layers"},
	{"pushing manifest for ", "push the manifest of "},
	{"naming to ", "name it "},
	{"unpacking to ", "unpack it as "},
	{"exporting cache to ", "write the cache to "},
	{"preparing build cache for export", "gather the cache"},
	{"preparing layers for inline cache", "gather the cache"},
	{"sending cache export", "send the cache"},
	{"writing layer ", "write the layer "},
	{"writing config ", "write the configuration "},
	{"importing cache manifest from ", "look into the cache of "},
	{"resolve ", "look up "},
	{"extracting ", "unpack the layer "},
	{"sha256:", "fetch the layer sha256:"},
}

// longDigest is a digest as people do not read it.
var longDigest = lazy.Regexp(`sha256:[0-9a-f]{64}`)

// plain says what BuildKit does in the words of this program. What it does not know, and the steps that this program has named
// itself ("[install] npm ci"), stays.
func plain(name string) string {
	for _, w := range plainly {
		rest, ok := strings.CutPrefix(name, w.theirs)
		if !ok {
			continue
		}
		if !strings.HasSuffix(w.plain, " ") && !strings.HasSuffix(w.plain, ":") {
			return w.plain // the rest is for BuildKit's own people
		}
		return longDigest().ReplaceAllStringFunc(w.plain+rest, func(d string) string { return d[:len("sha256:")+12] })
	}
	return name
}
