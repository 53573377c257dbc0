package image

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Any index with any blob is an image or is refused; so is any file.
func FuzzLayout(f *testing.F) {
	const config = "application/vnd.oci.image.config.v1+json"
	blob := `{"schemaVersion": 2, "config": {"mediaType": "` + config + `", "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "size": 2}, "layers": []}`
	d := digest.FromString(blob)
	f.Add(`{"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "`+d.String()+`", "size": 170}]}`, blob)
	f.Add(`{"manifests": [{"digest": "sha256:../../x", "size": -1}]}`, "{}")
	f.Add(`{"manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": "`+d.String()+`", "size": 99999999999}]}`, `{"manifests": []}`)
	f.Add("[]", "null")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, index, blob string) {
		dir := t.TempDir()
		blobs := filepath.Join(dir, "blobs", "sha256")
		if err := os.MkdirAll(blobs, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			filepath.Join(dir, "oci-layout"): `{"imageLayoutVersion": "1.0.0"}`, filepath.Join(dir, "index.json"): index,
			filepath.Join(blobs, digest.FromString(blob).Encoded()): blob, filepath.Join(blobs, digest.FromString("{}").Encoded()): "{}",
			filepath.Join(dir, "file"): index + blob,
		} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range []string{dir, filepath.Join(dir, "file")} {
			img, err := Open(path, Select{})
			if err != nil {
				if code := fault.CodeOf(err); code != fault.Refused && code != fault.Usage {
					t.Errorf("code %d: %v", code, err)
				}
				continue
			}
			img.Close()
		}
	})
}
