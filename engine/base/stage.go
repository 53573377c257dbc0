package base

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// stageDir is the directory in the first stage's file system with the input of the second stage.
const stageDir = ".nixpacks-base"

// stageInput is the input of the first stage.
type stageInput struct {
	flavour flavour
	choice  *choice
	debs    map[string]string // from package name to file
	sources string            // apt configuration of the finished base
	keys    []byte            // keys of an archive not signed by Debian; otherwise nil
	epoch   time.Time
}

// stageWriter writes the first stage: the files of the essential packages, enough to run dpkg, and in stageDir
// all packages and the script that installs them.
type stageWriter struct {
	stageInput
	tw   *tar.Writer
	seen map[string]bool // paths written so far
}

// merged matches the directories that moved to /usr. Older packages may still contain files in them.
var merged = lazy.Regexp(`^(?:bin|sbin|lib(?:32|64|x32|o32)?)$`)

// unneeded matches what the files in the "etc" tree also tell dpkg not to unpack, see files/bare/etc/dpkg.
var unneeded = lazy.Regexp(`^usr/share/(?:doc|doc-base|groff|info|lintian|linda|locale|man)/.`)

// write writes the tar of the first stage.
func (in stageInput) write(w io.Writer) error {
	s := &stageWriter{stageInput: in, tw: tar.NewWriter(w), seen: map[string]bool{}}
	essential := in.choice.essential()
	if err := s.skeleton(); err != nil {
		return err
	}
	for _, p := range essential {
		if err := eachFile(in.debs[p.Name], s.unpack); err != nil {
			return fault.Wrap(fault.Refused, err, "the Debian package %s %s cannot be unpacked", p.Name, p.Version)
		}
	}
	if err := s.overlay(); err != nil {
		return err
	}
	if err := s.installation(essential); err != nil {
		return err
	}
	return s.tw.Close()
}

// skeleton writes the symlinks of a merged /usr before a package can create directories at their paths.
func (s *stageWriter) skeleton() error {
	links := []string{"bin", "lib", "sbin"}
	if s.choice.arch == "amd64" {
		links = append(links, "lib64")
	}
	for _, d := range []string{"usr", "var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers"} {
		if err := s.dir(d); err != nil {
			return err
		}
	}
	for _, l := range links {
		if err := s.dir("usr/" + l); err != nil {
			return err
		}
		if err := s.put(&tar.Header{Typeflag: tar.TypeSymlink, Name: l, Linkname: "usr/" + l, Mode: 0o777}, nil); err != nil {
			return err
		}
	}
	return s.file("var/lib/dpkg/status", 0o644, nil)
}

// unpack writes one file of a package.
func (s *stageWriter) unpack(h *tar.Header, r io.Reader) error {
	name, err := s.place(h.Name)
	if err != nil {
		return err
	}
	if s.seen[name] || name == "" || unneeded().MatchString(name) {
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir, tar.TypeReg, tar.TypeSymlink:
	case tar.TypeLink:
		if h.Linkname, err = s.place(h.Linkname); err != nil {
			return err
		}
	default:
		return fmt.Errorf("it contains %s, which is not a file, directory or link", h.Name)
	}
	h.Name = name
	return s.put(h, r)
}

// place returns the path of a package's file in a merged /usr.
func (s *stageWriter) place(name string) (string, error) {
	name, err := cleanName(name)
	if err != nil {
		return "", err
	}
	top, rest, deeper := strings.Cut(name, "/")
	if deeper && merged().MatchString(top) {
		return "usr/" + top + "/" + rest, nil
	}
	return name, nil
}

func (s *stageWriter) put(h *tar.Header, r io.Reader) error {
	s.seen[h.Name] = true
	h = &tar.Header{Typeflag: h.Typeflag, Name: h.Name, Linkname: h.Linkname, Mode: h.Mode, Uid: h.Uid, Gid: h.Gid,
		Size: h.Size, ModTime: h.ModTime}
	if h.ModTime.IsZero() {
		h.ModTime = s.epoch
	}
	if h.Typeflag == tar.TypeDir {
		h.Name += "/"
	}
	if err := s.tw.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := io.Copy(s.tw, r)
	return err
}

func (s *stageWriter) dir(name string) error {
	if s.seen[name] || name == "." {
		return nil
	}
	return s.put(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}, nil)
}

// file writes an additional file and its parent directories.
func (s *stageWriter) file(name string, mode int64, text []byte) error {
	var parents []string
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		parents = append(parents, d)
	}
	for _, d := range slices.Backward(parents) {
		if err := s.dir(d); err != nil {
			return err
		}
	}
	return s.put(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(text))}, strings.NewReader(string(text)))
}

// overlay writes the flavour's files and the apt sources.
func (s *stageWriter) overlay() error {
	for _, root := range s.flavour.trees {
		err := fs.WalkDir(trees, root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := trees.ReadFile(p)
			if err != nil {
				return err
			}
			return s.file(strings.TrimPrefix(p, root+"/"), 0o644, text)
		})
		if err != nil {
			return err
		}
	}
	for _, d := range s.flavour.dirs {
		if err := s.dir(d); err != nil {
			return err
		}
	}
	if s.keys != nil {
		if err := s.file(keyFile(s.keys), 0o644, s.keys); err != nil {
			return err
		}
	}
	return s.file("etc/apt/sources.list.d/debian.sources", 0o644, []byte(s.sources))
}

// installation writes the packages, the script that installs them, and the order of installation, one batch per line.
func (s *stageWriter) installation(essential []*pkg) error {
	// Packages must not start their services, neither here nor in later steps.
	if err := s.file("usr/sbin/policy-rc.d", 0o755, []byte("#!/bin/sh\nexit 101\n")); err != nil {
		return err
	}
	if err := s.file(stageDir+"/configure", 0o755, configureScript); err != nil {
		return err
	}
	var list strings.Builder
	for _, batch := range append([][]*pkg{essential}, s.choice.batches(essential)...) {
		for i, p := range batch {
			if i > 0 {
				list.WriteByte(' ')
			}
			list.WriteString(p.Name)
		}
		list.WriteByte('\n')
	}
	if err := s.file(stageDir+"/order", 0o644, []byte(list.String())); err != nil {
		return err
	}
	for _, p := range s.choice.sorted() {
		if err := s.deb(p.Name, s.debs[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

func (s *stageWriter) deb(name, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return s.put(&tar.Header{Typeflag: tar.TypeReg, Name: stageDir + "/" + name + ".deb", Mode: 0o644, Size: info.Size()}, f)
}
