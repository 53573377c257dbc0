package frontend

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/tonistiigi/fsutil/types"
)

// files makes the files of a solved reference, which the daemon keeps, available as an fs.FS. It resolves symlinks
// itself: the daemon would take one that leads out of the root for one inside it, but here such a link is an error, as
// for an app on disk. It caches directory listings.
type files struct {
	ctx context.Context
	ref gateway.Reference

	mu   sync.Mutex
	dirs map[string][]*types.Stat
}

func newFiles(ctx context.Context, ref gateway.Reference) *files {
	return &files{ctx: ctx, ref: ref, dirs: map[string][]*types.Stat{}}
}

// maxLinks is how many symlinks a path may lead through, as on Linux.
const maxLinks = 40

// maxMessage is how many bytes of a file are read at once: gRPC messages are limited to 16 MB.
const maxMessage = 8 << 20

var (
	errEscapes = errors.New("the path leads outside the app")
	errLinks   = errors.New("too many levels of symbolic links")
)

// list returns the entries of a directory, sorted by name. The path dir has no symlinks.
func (f *files) list(dir string) ([]*types.Stat, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ents, ok := f.dirs[dir]; ok {
		return ents, nil
	}
	ents, err := f.ref.ReadDir(f.ctx, gateway.ReadDirRequest{Path: dir})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ents, func(a, b *types.Stat) int { return strings.Compare(a.Path, b.Path) })
	f.dirs[dir] = ents
	return ents, nil
}

// find returns the path of name without symlinks, and its entry. It follows a symlink in the last element only with
// follow.
func (f *files) find(name string, follow bool) (string, *types.Stat, error) {
	at, st := ".", &types.Stat{Path: ".", Mode: uint32(fs.ModeDir | 0o755)}
	rest := strings.Split(path.Clean(name), "/")
	for links := 0; len(rest) > 0; {
		elem := rest[0]
		rest = rest[1:]
		switch {
		case elem == ".":
			continue
		case elem == ".." && at == ".":
			return "", nil, errEscapes
		case elem == "..":
			rest = append(strings.Split(path.Dir(at), "/"), rest...)
			at, st = ".", &types.Stat{Path: ".", Mode: uint32(fs.ModeDir | 0o755)}
			continue
		case !fs.FileMode(st.Mode).IsDir():
			return "", nil, fs.ErrNotExist
		}
		ents, err := f.list(at)
		if err != nil {
			return "", nil, err
		}
		i, ok := slices.BinarySearchFunc(ents, elem, func(e *types.Stat, name string) int { return strings.Compare(e.Path, name) })
		if !ok {
			return "", nil, fs.ErrNotExist
		}
		if e := ents[i]; fs.FileMode(e.Mode)&fs.ModeSymlink == 0 || len(rest) == 0 && !follow {
			at, st = path.Join(at, elem), e
			continue
		}
		if links++; links > maxLinks {
			return "", nil, errLinks
		}
		if path.IsAbs(ents[i].Linkname) {
			return "", nil, errEscapes
		}
		rest = append(strings.Split(ents[i].Linkname, "/"), rest...)
	}
	return at, st, nil
}

func (f *files) look(op, name string, follow bool) (string, *types.Stat, error) {
	if !fs.ValidPath(name) {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, st, err := f.find(name, follow)
	if err != nil {
		return "", nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return at, st, nil
}

func (f *files) Stat(name string) (fs.FileInfo, error)  { return f.info("stat", name, true) }
func (f *files) Lstat(name string) (fs.FileInfo, error) { return f.info("lstat", name, false) }

func (f *files) info(op, name string, follow bool) (fs.FileInfo, error) {
	_, st, err := f.look(op, name, follow)
	if err != nil {
		return nil, err
	}
	return info{st, path.Base(name)}, nil
}

// ReadLink returns the target of a symlink.
func (f *files) ReadLink(name string) (string, error) {
	_, st, err := f.look("readlink", name, false)
	if err != nil {
		return "", err
	}
	return st.Linkname, nil
}

func (f *files) ReadDir(name string) ([]fs.DirEntry, error) {
	at, st, err := f.look("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !fs.FileMode(st.Mode).IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	ents, err := f.list(at)
	if err != nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	out := make([]fs.DirEntry, len(ents))
	for i, e := range ents {
		out[i] = fs.FileInfoToDirEntry(info{e, e.Path})
	}
	return out, nil
}

func (f *files) Open(name string) (fs.File, error) {
	at, st, err := f.look("open", name, true)
	if err != nil {
		return nil, err
	}
	return &file{files: f, at: at, info: info{st, path.Base(name)}}, nil
}

// info implements fs.FileInfo.
type info struct {
	st   *types.Stat
	name string
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.st.Size }
func (i info) Mode() fs.FileMode  { return fs.FileMode(i.st.Mode) }
func (i info) ModTime() time.Time { return time.Unix(0, i.st.ModTime) }
func (i info) IsDir() bool        { return i.Mode().IsDir() }
func (i info) Sys() any           { return i.st }

// file reads from the daemon on demand.
type file struct {
	files  *files
	at     string
	info   info
	offset int64
}

func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *file) Close() error               { return nil }

func (f *file) Read(p []byte) (int, error) {
	left := f.info.Size() - f.offset
	if !f.info.Mode().IsRegular() || left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), left, maxMessage)
	if n == 0 {
		return 0, nil
	}
	data, err := f.files.ref.ReadFile(f.files.ctx, gateway.ReadRequest{Filename: f.at, Range: &gateway.FileRange{Offset: int(f.offset), Length: int(n)}})
	if err != nil {
		return 0, &fs.PathError{Op: "read", Path: f.at, Err: err}
	}
	if len(data) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	f.offset += int64(len(data))
	return copy(p, data), nil
}
