package progress

import (
	"strings"
	"testing"
)

// BuildKit's names are translated; names by this program are kept.
func TestPlain(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for theirs, want := range map[string]string{
		"exporting to oci image format":           "write the image",
		"exporting manifest list " + digest:       "write the image index sha256:0a0a0a0a0a0a",
		"exporting manifest " + digest:            "write the manifest sha256:0a0a0a0a0a0a",
		"pushing manifest for host/app@" + digest: "push the manifest for host/app@sha256:0a0a0a0a0a0a",
		"sending tarball: ":                       "receive the image",
		digest:                                    "fetch the layer sha256:0a0a0a0a0a0a",
		"rewriting layers with source-date-epoch 0 (1970-01-01 00:00:00 +0000 UTC)": "set fixed timestamps",
		"exporting cache to registry":         "write the cache to registry",
		"[exporting layers] exporting layers": "[exporting layers] exporting layers",
		"something new":                       "something new",
	} {
		if got := plain(theirs); got != want {
			t.Errorf("%q becomes %q, want %q", theirs, got, want)
		}
	}
}
