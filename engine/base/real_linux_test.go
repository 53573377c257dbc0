package base

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// chrootRunner runs the second stage in a chroot, as root. Builds run it with BuildKit, see engine/solve.
func chrootRunner(root string) Runner {
	return func(ctx context.Context, s Stage, out io.Writer) error {
		if err := os.RemoveAll(root); err != nil {
			return err
		}
		if err := unpackLayer(s.Layout, root); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(root, "dev"), 0o755); err != nil {
			return err
		}
		if err := unix.Mknod(filepath.Join(root, "dev/null"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, s.Args[0], s.Args[1:]...)
		cmd.Env, cmd.Dir, cmd.Stderr = s.Env, "/", os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID}
		if err := cmd.Run(); err != nil {
			return err
		}
		return tarTree(root, out)
	}
}

func unpackLayer(l *Layout, root string) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	cmd := exec.Command("tar", "-xp", "--numeric-owner", "-C", root)
	cmd.Stderr = os.Stderr
	return layerOf(l, func(r io.Reader) error {
		cmd.Stdin = r
		return cmd.Run()
	})
}

func tarTree(root string, out io.Writer) error {
	tw := tar.NewWriter(out)
	inodes := map[uint64]string{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var link string
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(p); err != nil {
				return err
			}
		}
		h, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		h.Name, _ = filepath.Rel(root, p)
		linkAgain(h, info, inodes)
		if err := tw.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
			return err
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(tw, f)
		return err
	})
	if err != nil {
		return err
	}
	return tw.Close()
}

// linkAgain replaces a file's second name by a hard link to its first.
func linkAgain(h *tar.Header, info fs.FileInfo, inodes map[uint64]string) {
	st := info.Sys().(*syscall.Stat_t)
	if !info.Mode().IsRegular() || st.Nlink < 2 {
		return
	}
	if first, ok := inodes[st.Ino]; ok {
		h.Typeflag, h.Linkname, h.Size = tar.TypeLink, first, 0
		return
	}
	inodes[st.Ino] = h.Name
}

// TestRealBase builds a base twice from the archive in this machine's apt sources: the same packages give the same image,
// byte for byte.
func TestRealBase(t *testing.T) {
	needReal(t)
	dir := t.TempDir()
	var made [2]*Layout
	for i := range made {
		req := Request{Ref: "debian://trixie", Arch: runtime.GOARCH, CacheDir: filepath.Join(dir, "cache"),
			Progress: func(s string) { t.Log(s) }}
		begun := time.Now()
		l, err := Resolve(t.Context(), req, chrootRunner(filepath.Join(dir, "root")))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s in %v", l.Digest, time.Since(begun).Round(100*time.Millisecond))
		made[i] = l
		for _, d := range []string{basesDir, namesDir} {
			if err := os.RemoveAll(filepath.Join(req.CacheDir, d)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if made[0].Digest != made[1].Digest {
		t.Errorf("made twice from the same packages, the base is %s and %s", made[0].Digest, made[1].Digest)
	}
}
