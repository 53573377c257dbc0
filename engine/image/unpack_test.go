package image

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack writes files into the folder as a builder does: "name:text", "name->to" for a symlink, "name>>to" for a hard
// link.
func pack(t *testing.T, f *Folder, files ...string) error {
	t.Helper()
	to, err := f.Writer()
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(to)
	for _, file := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1234, Gid: 1234}
		var text string
		var link bool
		if h.Name, h.Linkname, link = strings.Cut(file, "->"); link {
			h.Typeflag = tar.TypeSymlink
		} else if h.Name, h.Linkname, link = strings.Cut(file, ">>"); link {
			h.Typeflag = tar.TypeLink
		} else {
			h.Name, text, _ = strings.Cut(file, ":")
			h.Size = int64(len(text))
		}
		if err = w.WriteHeader(h); err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(err, w.Flush(), to.Close())
}

// An image may have links that point out of the folder, and names that stand for removed files in a layer.
func TestFolderKeepsFilesInside(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "secret:mine")
	f, err := NewFolder(filepath.Join(dir, "out"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	err = pack(t, f, "up->..", "up/secret:theirs", "root->/", "root/etc/x:y", "../../secret:theirs", "kept:k", ".wh.kept:w", "hard>>/../secret")
	if got := harvest(t, f.temp.path); !strings.Contains(got, "kept:k") || !strings.Contains(got, ".wh.kept:w") {
		t.Errorf("the folder has %s (%v)", got, err)
	}
	if raw, _ := os.ReadFile(filepath.Join(dir, "secret")); string(raw) != "mine" {
		t.Errorf("a file outside of the folder is %q now", raw)
	}
	if _, err := os.Stat("/etc/x"); err == nil {
		t.Error("a file was written outside of the folder")
	}
}

// A step may create the devices of its machine, which only its container keeps from it.
func TestFolderWithoutDevices(t *testing.T) {
	f, err := NewFolder(filepath.Join(t.TempDir(), "out"), false)
	must(t, err)
	defer f.Abort()
	to, err := f.Writer()
	must(t, err)
	w := tar.NewWriter(to)
	for name, kind := range map[string]byte{"disk": tar.TypeBlock, "memory": tar.TypeChar, "pipe": tar.TypeFifo, "file": tar.TypeReg} {
		must(t, w.WriteHeader(&tar.Header{Typeflag: kind, Name: name, Mode: 0o666, Devmajor: 1, Devminor: 3}))
	}
	must(t, errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeLink, Name: "other", Linkname: "file"}), w.Close(), to.Close()))
	if got := listing(t, f.temp.path); got != "file other pipe" {
		t.Errorf("the folder has %s", got)
	}
}

// The writer gets the error of a file that cannot be written, and does not block.
func TestFolderRefuses(t *testing.T) {
	f, err := NewFolder(filepath.Join(t.TempDir(), "out"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Abort()
	long := strings.Repeat("x", 300)
	if err := pack(t, f, "a:b", long+":b", "c:"+strings.Repeat("much", 1<<20)); err == nil || !strings.Contains(err.Error(), "name too long") {
		t.Errorf("got %v", err)
	}
}

// An aborted build leaves nothing, even while files arrive.
func TestFolderAborted(t *testing.T) {
	dir := t.TempDir()
	f, err := NewFolder(filepath.Join(dir, "out"), false)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Writer()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 100)); err != nil { // no header yet
		t.Fatal(err)
	}
	f.Abort()
	if got := listing(t, dir); got != "" {
		t.Errorf("left: %s", got)
	}
	if _, err := w.Write([]byte("more")); err == nil {
		t.Error("more was taken")
	}
	if _, err := f.Writer(); !errors.Is(err, errAborted) {
		t.Errorf("Writer: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
