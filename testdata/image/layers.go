package imagetest

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/nixpacks-cue/nixpacks/engine/image"
)

// watched are the files that are looked at: the app's, and those of the image that decide how the app starts. What
// packages bring is none of it.
var watched = regexp.MustCompile(`^/(?:(?:app|assets)(?:/.*)?|(?:home|opt|srv|root|etc/profile\.d)/.+|etc/passwd)$`)

// unwatched are Nix's own files of root, and Nixpacks' of the build, whose number and names mean nothing.
var unwatched = regexp.MustCompile(`^/root/\.(?:nix-.*|cache/nix.*|local/state/nix.*)$|^/root/\.cache$|^/app/\.nixpacks/.`)

// files notes what the layers above the first one, which is the base, leave in the image.
func (f Facts) files(img *image.Image, c *Case) error {
	all := tree{}
	for _, l := range img.Manifest.Layers[1:] {
		ra, err := img.Store().ReaderAt(context.Background(), l)
		if err != nil {
			return err
		}
		err = eachFile(io.NewSectionReader(ra, 0, ra.Size()), l.MediaType, func(h *tar.Header, r io.Reader) error {
			return all.add(h, r, c)
		})
		if err != nil {
			return err
		}
	}
	for name, what := range all {
		f.set(what, "file %s", name)
	}
	return nil
}

// eachFile reads a layer.
func eachFile(r io.Reader, mediaType string, do func(*tar.Header, io.Reader) error) error {
	switch {
	case strings.HasSuffix(mediaType, "gzip"):
		z, err := gzip.NewReader(r)
		if err != nil {
			return err
		}
		r = z
	case strings.HasSuffix(mediaType, "zstd"):
		z, err := zstd.NewReader(r)
		if err != nil {
			return err
		}
		defer z.Close()
		r = z
	}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(h, tr); err != nil {
			return err
		}
	}
}

// tree is what is known of each file.
type tree map[string]string

// add lays one entry of a layer over the files so far.
func (all tree) add(h *tar.Header, r io.Reader, c *Case) error {
	name := path.Join("/", h.Name)
	dir, base := path.Split(name)
	if gone, ok := strings.CutPrefix(base, ".wh."); ok {
		all.remove(dir, gone)
		return nil
	}
	if !watched.MatchString(name) || unwatched.MatchString(name) || c.hides(name) {
		return nil
	}
	mode := fmt.Sprintf("%v %d:%d", h.FileInfo().Mode(), h.Uid, h.Gid)
	switch h.Typeflag {
	case tar.TypeLink:
		all[name] = all[path.Join("/", h.Linkname)]
		return nil
	case tar.TypeSymlink:
		mode += " -> " + h.Linkname
	case tar.TypeReg:
		what, err := content(name, r, c.Made)
		if err != nil {
			return err
		}
		mode += " " + what
	}
	all[name] = mode
	return nil
}

// remove applies a whiteout: of one file, or of all that lower layers have in the directory.
func (all tree) remove(dir, gone string) {
	whole := dir
	if gone != ".wh..opq" {
		delete(all, dir+gone)
		whole = dir + gone + "/"
	}
	for n := range all {
		if strings.HasPrefix(n, whole) {
			delete(all, n)
		}
	}
}

// hides tells whether a file is in a directory that is shut.
func (c *Case) hides(name string) bool {
	return slices.ContainsFunc(c.Shut, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

// profiles set the search paths of login shells, each program in its own words: what counts is what a shell sees.
var profiles = []string{"/etc/profile.d/nixpacks.sh", "/root/.profile"}

// content tells files apart that are not the same.
func content(name string, r io.Reader, made []string) (string, error) {
	for _, p := range slices.Concat(made, profiles) {
		if ok, err := path.Match(p, name); ok || err != nil {
			return "made", err
		}
	}
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return fmt.Sprintf("%d bytes, sha256:%s", n, hex.EncodeToString(sum.Sum(nil))[:16]), err
}

// open opens the image at path: a layout or an archive.
func open(path string) (*image.Image, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return image.Open(path, image.Select{})
}
