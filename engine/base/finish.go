package base

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// leftover matches files that installation leaves behind and no image needs: logs, caches, locks, backups, and files
// that the step's runtime created. It applies to files only; directories are removed only by dropTree.
var leftover = lazy.Regexp(`^(?:` + strings.Join([]string{
	`var/log/.+`,
	`var/cache/(?:apt|ldconfig|man|fontconfig)/.+`,
	`var/cache/debconf/.+-old`,
	`var/lib/apt/lists/.+`,
	`var/lib/dpkg/(?:.+-old|lock.*|available|updates/.+|triggers/Lock)`,
	`etc/(?:passwd|group|shadow|gshadow|subuid|subgid)-`,
	`etc/(?:\.pwd\.lock|machine-id|hostname|hosts|resolv\.conf|mtab)`,
	`run/.+`,
	`root/\.(?:bash_history|wget-hsts)`,
}, "|") + `)$`)

var dropTree = lazy.Regexp(`^(?:` + regexp.QuoteMeta(stageDir) + `(?:/.*)?|(?:proc|sys|dev|tmp|var/tmp)/.+)$`)

// capability is the only extended attribute that images keep.
const capability = "SCHILY.xattr.security.capability"

// entry is a file of the finished base. Its content is at off in the spool.
type entry struct {
	h   *tar.Header
	off int64
}

// readEntries reads the tar stream of the second stage and stores the files' content in spool. It drops files that
// an image does not need.
func readEntries(in io.Reader, spool *os.File) (map[string]entry, error) {
	files := map[string]entry{}
	var off int64
	err := eachEntry(in, func(h *tar.Header, r io.Reader) error {
		name, err := cleanName(h.Name)
		if err != nil {
			return err
		}
		if name == "" || dropTree().MatchString(name) || h.Typeflag != tar.TypeDir && leftover().MatchString(name) {
			return nil
		}
		switch h.Typeflag {
		case tar.TypeReg:
			if _, err := io.Copy(spool, r); err != nil {
				return err
			}
		case tar.TypeLink:
			if h.Linkname, err = cleanName(h.Linkname); err != nil {
				return err
			}
		}
		files[name] = entry{h, off}
		if h.Typeflag == tar.TypeReg {
			off += h.Size
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = errors.New("the second stage produced no files")
	}
	if err != nil {
		return nil, err
	}
	return files, relink(files)
}

// writeEntries writes the files as a reproducible tar: the same packages give the same bytes, independent of who ran the
// second stage and when. Entries are sorted, without user names, and no time is after epoch.
func writeEntries(files map[string]entry, spool *os.File, epoch time.Time, out io.Writer) error {
	tw := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e := files[name]
		if err := tw.WriteHeader(plain(name, e.h, epoch)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e.h.Typeflag == tar.TypeReg {
			if _, err := io.Copy(tw, io.NewSectionReader(spool, e.off, e.h.Size)); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return tw.Close()
}

// relink makes the first name in sort order of each group of hard links the regular file.
func relink(files map[string]entry) error {
	groups := map[string][]string{} // from the name that holds the content to the other names
	for name, e := range files {
		if e.h.Typeflag != tar.TypeLink {
			continue
		}
		target := e.h.Linkname
		for n := 0; files[target].h != nil && files[target].h.Typeflag == tar.TypeLink && n < len(files); n++ {
			target = files[target].h.Linkname
		}
		if files[target].h == nil || files[target].h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is a link to %s, which is not a file", name, target)
		}
		groups[target] = append(groups[target], name)
	}
	for target, others := range groups {
		content := files[target]
		names := append(others, target)
		slices.Sort(names)
		files[names[0]] = content
		for _, n := range names[1:] {
			h := *content.h
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, names[0], 0
			files[n] = entry{&h, 0}
		}
	}
	return nil
}

// plain returns a header with only the fields that belong in an image.
func plain(name string, h *tar.Header, epoch time.Time) *tar.Header {
	out := &tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid,
		Size: h.Size, ModTime: h.ModTime.Truncate(time.Second).UTC(), Devmajor: h.Devmajor, Devminor: h.Devminor}
	if h.Typeflag == tar.TypeDir {
		out.Name += "/"
	}
	// A directory's time depends on the file system of the stage: overlayfs keeps times that others update.
	if h.Typeflag == tar.TypeDir || out.ModTime.After(epoch) {
		out.ModTime = epoch
	}
	if c, ok := h.PAXRecords[capability]; ok {
		out.PAXRecords = map[string]string{capability: c}
	}
	return out
}

// epochOf returns the build time of the newest package, which replaces the current time during installation.
func epochOf(debs map[string]string) (time.Time, error) {
	var newest time.Time
	for _, file := range debs {
		t, err := debTime(file)
		if err != nil {
			return newest, fmt.Errorf("%s: %w", path.Base(file), err)
		}
		newest = later(newest, t)
	}
	return newest, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
