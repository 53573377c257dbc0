// Package apptar reads an app out of a txtar file: its files are those below app/, and what a txtar cannot hold is said
// by directives, lines of a word and what belongs to it.
package apptar

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/tools/txtar"
)

const prefix = "app/"

// App is an app's files.
type App struct {
	files []txtar.File
	modes map[string]os.FileMode
	links [][2]string
	dirs  []string
	crlf  map[string]bool
}

// Add takes a file of an archive that is one of the app, and tells whether it is.
func (a *App) Add(f txtar.File) bool {
	if !strings.HasPrefix(f.Name, prefix) {
		return false
	}
	a.files = append(a.files, f)
	return true
}

// Files are the app's files as they are in the archive.
func (a *App) Files() []txtar.File { return a.files }

// Directive takes one: dir NAME is an empty directory, crlf NAME a file with the line ends of Windows, link NAME TARGET a
// symbolic link, mode OCTAL NAME the mode of a file.
func (a *App) Directive(word, rest string) error {
	first, second, _ := strings.Cut(rest, " ")
	switch word {
	case "dir":
		a.dirs = append(a.dirs, rest)
	case "crlf":
		if a.crlf == nil {
			a.crlf = map[string]bool{}
		}
		a.crlf[rest] = true
	case "link":
		a.links = append(a.links, [2]string{first, second})
	case "mode":
		n, err := strconv.ParseUint(first, 8, 12)
		if err != nil {
			return err
		}
		if a.modes == nil {
			a.modes = map[string]os.FileMode{}
		}
		a.modes[second] = os.FileMode(n)
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return nil
}

// Unpack writes the app into the directory to, which is made.
func (a *App) Unpack(to string) error {
	for _, d := range append([]string{"."}, a.dirs...) {
		if err := os.MkdirAll(filepath.Join(to, d), 0o755); err != nil {
			return err
		}
	}
	for _, f := range a.files {
		name := strings.TrimPrefix(f.Name, prefix)
		text := f.Data
		if a.crlf[name] {
			text = bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
		}
		if err := os.MkdirAll(filepath.Join(to, path.Dir(name)), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	for _, l := range a.links {
		if err := os.Symlink(l[1], filepath.Join(to, l[0])); err != nil {
			return err
		}
	}
	for name, mode := range a.modes {
		if err := os.Chmod(filepath.Join(to, name), mode); err != nil {
			return err
		}
	}
	return nil
}
