package ignore

import (
	"context"
	"io"
	"io/fs"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// listed is a file system as BuildKit walks one.
type listed struct{ fs.FS }

func (l listed) Open(name string) (io.ReadCloser, error) { return l.FS.Open(name) }

func (l listed) Walk(_ context.Context, _ string, fn fs.WalkDirFunc) error {
	return fs.WalkDir(l.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if name == "." || err != nil {
			return err
		}
		st := &types.Stat{Path: name, Mode: 0o644}
		if d.IsDir() {
			st.Mode = uint32(fs.ModeDir | 0o755)
		}
		return fn(name, &fsutil.DirEntryInfo{Stat: st}, nil)
	})
}
