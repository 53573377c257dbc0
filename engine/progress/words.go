package progress

import (
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// plainNames maps the beginnings of BuildKit's vertex names to plain words. Of two matching beginnings, the longer one comes
// first.
var plainNames = []struct{ theirs, plain string }{
	{"exporting to oci image format", "write the image"},
	{"exporting to docker image format", "write the image"},
	{"exporting to image", "write the image"},
	{"exporting to client directory", "write the image files"},
	{"exporting to client tarball", "write the image files"},
	{"exporting layers", "pack the layers"},
	{"exporting manifest list ", "write the image index "},
	{"exporting manifest ", "write the manifest "},
	{"exporting attestation manifest ", "write the attestation "},
	{"exporting config ", "write the image config "},
	{"rewriting layers with source-date-epoch ", "set fixed timestamps"},
	{"sending tarball", "receive the image"},
	{"pushing layers", "push the layers"},
	{"pushing manifest for ", "push the manifest for "},
	{"naming to ", "tag "},
	{"unpacking to ", "unpack to "},
	{"exporting cache to ", "write the cache to "},
	{"preparing build cache for export", "prepare the cache export"},
	{"preparing layers for inline cache", "prepare the cache export"},
	{"sending cache export", "send the cache"},
	{"writing layer ", "write the layer "},
	{"writing config ", "write the image config "},
	{"importing cache manifest from ", "import the cache from "},
	{"resolve ", "resolve "},
	{"extracting ", "unpack the layer "},
	{"sha256:", "fetch the layer sha256:"},
}

// longDigest matches a full digest, which is too long for users.
var longDigest = lazy.Regexp(`sha256:[0-9a-f]{64}`)

// plain translates the name of a BuildKit vertex into plain words. Unknown names, and steps named by this program
// ("[install] npm ci"), are not changed.
func plain(name string) string {
	for _, w := range plainNames {
		rest, ok := strings.CutPrefix(name, w.theirs)
		if !ok {
			continue
		}
		if !strings.HasSuffix(w.plain, " ") && !strings.HasSuffix(w.plain, ":") {
			return w.plain // the rest is of interest only to BuildKit developers
		}
		return longDigest().ReplaceAllStringFunc(w.plain+rest, func(d string) string { return d[:len("sha256:")+12] })
	}
	return name
}
