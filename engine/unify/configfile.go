package unify

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// text returns the text of a file with a well-known name in the app. It refuses a directory or another non-file of that name,
// because ignoring it would be surprising.
func (u *unifier) text(name string) (string, bool, error) {
	text, ok, err := u.app.Text(name)
	if ok || err != nil {
		return text, ok, err
	}
	info, there := u.app.Entry(name)
	if !there {
		return "", false, nil
	}
	f := fault.New(fault.Refused, "%s is not a file", name).WithPos(fault.Pos{File: path.Join(u.dir, name)})
	if info.Mode()&fs.ModeSymlink != 0 {
		f.Msg = name + " is a broken symlink"
		return "", false, f.WithHint("remove it, or create its target")
	}
	f.Msg = name + " is a " + kindOf(info)
	return "", false, f.WithHint("rename it, or replace it with a file")
}

func kindOf(info fs.FileInfo) string {
	if info.IsDir() {
		return "directory, not a file"
	}
	return "special file, not a regular file"
}

// namedConfig reads the requested configuration: a file in the app, or any file if the command line names it by an
// absolute path. Whoever can set a build variable must not be able to read other files.
func (u *unifier) namedConfig(name, by string) (*config, error) {
	if filepath.IsAbs(name) && by == byFlag {
		text, err := readAbsolute(name)
		return &config{name: name, text: text, explicit: true}, err
	}
	text, ok, err := u.app.Text(name)
	if err != nil {
		return nil, err
	}
	if ok {
		return &config{name: path.Join(u.dir, path.Clean(name)), text: []byte(text), explicit: true}, nil
	}
	f := fault.New(fault.Usage, "there is no file %s in the app", name).WithPos(fault.Pos{File: by}).
		WithHint("the path is relative to the app's directory")
	if info, there := u.app.Entry(name); there && info.IsDir() {
		f.Msg, f.Hint = name+" is a directory, not a file", "give the configuration file in it"
	} else if here, err := filepath.Abs(name); err == nil && by == byFlag && isFile(here) {
		f.Hint += "; for the file in the current directory use\n--config " + here
	}
	return nil, f
}

// byFlag is the position of a configuration file named on the command line.
const byFlag = "--config"

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func readAbsolute(name string) ([]byte, error) {
	at := fault.Pos{File: byFlag}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Usage, "there is no file %s", name).WithPos(at)
	case err == nil && !info.Mode().IsRegular():
		return nil, fault.New(fault.Usage, "%s is a %s", name, kindOf(info)).WithPos(at)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, unreadable(err, name)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, unreadable(err, name)
	}
	if !utf8.Valid(text) {
		return nil, fault.New(fault.Refused, "%s is not UTF-8 text", name).WithPos(fault.Pos{File: name}).WithHint("save the file as UTF-8")
	}
	return []byte(strings.ReplaceAll(strings.TrimPrefix(string(text), "\ufeff"), "\r\n", "\n")), nil
}

func unreadable(err error, name string) error {
	why := err
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		why = p.Err
	}
	f := fault.New(fault.Usage, "cannot read %s: %v", name, why).WithPos(fault.Pos{File: byFlag})
	f.Err = err
	return f
}
