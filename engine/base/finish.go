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

// leftover is what installing leaves behind and no image needs: logs, caches, locks, backups, and what a step's
// runtime put there. It matches files; directories go only with what dropTree matches.
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

// capability is the one extended attribute that is part of a file's meaning in an image.
const capability = "SCHILY.xattr.security.capability"

// entry is a file of the finished base, its content at off in the spool.
type entry struct {
	h   *tar.Header
	off int64
}

// readEntries reads the tar stream that the second stage gave, and keeps the files' content in spool. What an image
// does not need is left out.
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
		err = errors.New("the second stage gave no files")
	}
	if err != nil {
		return nil, err
	}
	return files, relink(files)
}

// writeEntries writes the files as a tar so that the same packages give the same bytes whoever ran the second stage,
// and when: sorted, no time after epoch, no names of users.
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

// relink makes the first name, in the order of writing, of every group of hard links the file itself.
func relink(files map[string]entry) error {
	groups := map[string][]string{} // the name that holds the content → the others
	for name, e := range files {
		if e.h.Typeflag != tar.TypeLink {
			continue
		}
		target := e.h.Linkname
		for n := 0; files[target].h != nil && files[target].h.Typeflag == tar.TypeLink && n < len(files); n++ {
			target = files[target].h.Linkname
		}
		if files[target].h == nil || files[target].h.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is a link to %s, which is no file", name, target)
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

// plain keeps of a header what belongs in an image.
func plain(name string, h *tar.Header, epoch time.Time) *tar.Header {
	out := &tar.Header{Typeflag: h.Typeflag, Name: name, Linkname: h.Linkname, Mode: h.Mode & 0o7777, Uid: h.Uid, Gid: h.Gid,
		Size: h.Size, ModTime: h.ModTime.Truncate(time.Second).UTC(), Devmajor: h.Devmajor, Devminor: h.Devminor}
	if h.Typeflag == tar.TypeDir {
		out.Name += "/"
	}
	// A directory's time depends on the file system that the stage ran on: overlayfs keeps some that others touch.
	if h.Typeflag == tar.TypeDir || out.ModTime.After(epoch) {
		out.ModTime = epoch
	}
	if c, ok := h.PAXRecords[capability]; ok {
		out.PAXRecords = map[string]string{capability: c}
	}
	return out
}

// epochOf is the time that stands for "now" while packages are installed: when the newest of them was built.
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
