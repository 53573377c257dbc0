package ignore

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// File is a file of an app, or a folder without any file in the build context: its path then ends in "/".
type File struct {
	Path string `json:"path"`
	In   bool   `json:"in"` // it enters the build context
	Sum
	// Why a file is excluded, or included although another rule would exclude it: the reason of the rule, its pattern
	// (with "!" if it includes) and its position. They are empty for a file that no rule matches.
	Why  string     `json:"why,omitempty"`
	Rule string     `json:"rule,omitempty"`
	At   *fault.Pos `json:"at,omitempty"`
}

// Sum is a number of files and their total size.
type Sum struct {
	Size  int64 `json:"size"` // bytes
	Count int   `json:"files"`
}

// Add adds another sum.
func (s *Sum) Add(more Sum) { s.Size, s.Count = s.Size+more.Size, s.Count+more.Count }

// Because returns the reason in one line.
func (f File) Because() string {
	switch {
	case f.At != nil:
		return f.At.String() + ": " + f.Rule
	case f.Rule != "" && f.Why != "" && f.Rule != f.Path && f.Rule+"/" != f.Path:
		return f.Why + ": " + f.Rule
	}
	return f.Why
}

// List returns all files of the app in a directory of this machine, in walk order.
func (r *Rules) List(dir string) ([]File, error) {
	l := lister{rules: r, dir: dir}
	return l.folder(".")
}

type lister struct {
	rules *Rules
	dir   string
}

// folder lists a folder. If none of its files enters the build context, that is one entry.
func (l *lister) folder(name string) ([]File, error) {
	ents, err := os.ReadDir(filepath.Join(l.dir, filepath.FromSlash(name)))
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the app's directory cannot be read")
	}
	var out []File
	all := File{Path: name + "/"}
	for _, e := range ents {
		below := []File{}
		if full := path.Join(name, e.Name()); e.IsDir() {
			below, err = l.folder(full)
		} else {
			below = append(below, l.file(full, e))
		}
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	for _, f := range out {
		all.In = all.In || f.In
		all.Add(f.Sum)
	}
	if in, by := l.rules.Judge(name); name != "." && !in && !all.In && len(out) > 0 {
		all.because(by)
		return []File{all}, nil
	}
	return out, nil
}

// file returns the entry for a file or symlink. Other kinds, such as sockets, have no content to build from.
func (l *lister) file(name string, e fs.DirEntry) File {
	f := File{Path: name, Sum: Sum{Count: 1}}
	in, by := l.rules.Judge(name)
	if in && by == nil {
		by = l.rules.wanted(name)
	}
	f.In = in
	f.because(by)
	if kind := e.Type(); !kind.IsRegular() && kind&fs.ModeSymlink == 0 {
		f.In, f.Why, f.Rule, f.At = false, "neither a file nor a link", "", nil
	} else if info, err := e.Info(); err == nil && kind.IsRegular() {
		f.Size = info.Size()
	}
	return f
}

func (f *File) because(by *Rule) {
	if by == nil {
		return
	}
	f.Rule, f.Why = by.Pattern, by.Why
	if by.Keep {
		f.Rule = "!" + by.Pattern
	}
	if by.At.File != "" {
		f.At = &by.At
	}
}
