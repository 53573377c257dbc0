//go:build unix

package image

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func pipe(t *testing.T, path string) string {
	t.Helper()
	os.Remove(path)
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// soon fails the test if do blocks.
func soon(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s blocks", what)
	}
}

// A pipe is not an archive: reading it could block forever.
func TestOpenPipe(t *testing.T) {
	_, err := Open(pipe(t, filepath.Join(t.TempDir(), "pipe")), Select{})
	wantFault(t, err, fault.Usage, "is neither a file nor a directory")
}

// Pipes in a layout are refused, and not waited for.
func TestPipesInLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "one")
	img := open(t, dir, Select{})
	for _, name := range []string{"index.json", blobPath(img.Desc.Digest), blobPath(img.Manifest.Config.Digest), blobPath(img.Manifest.Layers[0].Digest)} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.CopyFS(bad, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		pipe(t, filepath.Join(bad, name))
		soon(t, name, func() {
			_, err := Open(bad, Select{})
			wantFault(t, err, fault.Refused, name+" is not a regular file")
		})
	}
}

// A pipe without a reader is no destination, nor is a socket; a pipe that is read is, as is /dev/stdout before a pipe.
func TestCreatePipe(t *testing.T) {
	path := pipe(t, filepath.Join(t.TempDir(), "pipe"))
	soon(t, "Create", func() {
		_, err := Create(path)
		wantFault(t, err, fault.Usage, "is a pipe that nothing reads")
	})
	r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("text")
	if err := f.Commit(); err != nil {
		t.Error(err)
	}
	if raw, err := io.ReadAll(r); string(raw) != "text" || err != nil {
		t.Errorf("the reader gets %q, %v", raw, err)
	}
	socket := filepath.Join(t.TempDir(), "socket")
	if err := syscall.Mknod(socket, syscall.S_IFSOCK|0o600, 0); err != nil {
		t.Fatal(err)
	}
	_, err = Create(socket)
	wantFault(t, err, fault.Usage, "is neither a file nor a pipe")
}

// A pipe with the name of a leftover does not block.
func TestPipeBeside(t *testing.T) {
	dest := filepath.Join(t.TempDir(), "out.tar")
	pipe(t, filepath.Join(filepath.Dir(dest), ".out.tar"+marker+"dead"))
	soon(t, "Create", func() {
		f, err := Create(dest)
		if err != nil {
			t.Error(err)
			return
		}
		f.Abort()
	})
}
