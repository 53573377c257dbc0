package base

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tarOf returns a tar of the headers. The content of a regular file is its Linkname.
func tarOf(t *testing.T, headers ...*tar.Header) io.Reader {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	for _, h := range headers {
		c := *h
		body := ""
		if c.Typeflag == tar.TypeReg {
			body, c.Linkname, c.Size = c.Linkname, "", int64(len(c.Linkname))
		}
		if c.ModTime.IsZero() {
			c.ModTime = built
		}
		if err := tw.WriteHeader(&c); err != nil {
			t.Fatal(err)
		}
		io.WriteString(tw, body)
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func finish(t *testing.T, in io.Reader) ([]byte, error) {
	t.Helper()
	spool, err := os.Create(filepath.Join(t.TempDir(), "spool"))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	files, err := readEntries(in, spool)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = writeEntries(files, spool, built, &out)
	return out.Bytes(), err
}

func file(name, body string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Linkname: body, Mode: 0o644}
}

func link(name, to string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to}
}

func dir(name string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755}
}

// The bytes do not depend on who ran the second stage, when, in which order it wrote, or which link names it used.
func TestFinishSame(t *testing.T) {
	one, err := finish(t, tarOf(t, dir("./"), dir("./usr"), file("./usr/perl", "perl"), link("./usr/perl5", "./usr/perl"), file("./etc/new", "n"),
		&tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin"}))
	if err != nil {
		t.Fatal(err)
	}
	moved := file("etc/new", "n")
	moved.ModTime, moved.Uname, moved.Format = built.Add(5*time.Hour), "root", tar.FormatPAX
	moved.AccessTime, moved.PAXRecords = built, map[string]string{"SCHILY.xattr.user.x": "y", "LIBARCHIVE.creationtime": "1"}
	two, err := finish(t, tarOf(t, moved, file("usr/perl5", "perl"), &tar.Header{Typeflag: tar.TypeSymlink, Name: "bin", Linkname: "usr/bin", Mode: 0},
		link("usr/perl", "usr/perl5"), &tar.Header{Typeflag: tar.TypeDir, Name: "usr/", Mode: 0o755, ModTime: built.Add(-time.Hour)}, file("var/log/dpkg.log", "now"), file("run/lock", ""), file("etc/resolv.conf", "nameserver"),
		dir(stageDir), file(stageDir+"/a.deb", "!"), file("dev/null", "")))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Errorf("%s\n%s", listing(t, one), listing(t, two))
	}
}

func listing(t *testing.T, raw []byte) string {
	t.Helper()
	var out []string
	err := eachEntry(bytes.NewReader(raw), func(h *tar.Header, r io.Reader) error {
		b, err := io.ReadAll(r)
		out = append(out, h.Name+"|"+h.FileInfo().Mode().String()+"|"+h.Linkname+"|"+h.ModTime.UTC().Format(time.TimeOnly)+"|"+string(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// The attributes that matter are kept: permissions, owner, capabilities, and times before the newest package's.
func TestFinishKeeps(t *testing.T) {
	su := &tar.Header{Typeflag: tar.TypeReg, Name: "usr/bin/su", Linkname: "x", Mode: 0o4755, Uid: 0, Gid: 42, ModTime: built.Add(-time.Hour),
		PAXRecords: map[string]string{capability: "\x01\x00"}}
	raw, err := finish(t, tarOf(t, su, file("var/cache/debconf/config.dat", "c"), file("var/cache/debconf/config.dat-old", "o"), dir("var/log/apt"),
		file("etc/passwd", "p"), file("etc/passwd-", "p"), file("var/lib/dpkg/status", "s"), file("var/lib/dpkg/status-old", "s")))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	err = eachEntry(bytes.NewReader(raw), func(h *tar.Header, _ io.Reader) error {
		kept = append(kept, h.Name)
		if h.Name == su.Name && (h.Mode != 0o4755 || h.Gid != 42 || !h.ModTime.Equal(su.ModTime) || h.PAXRecords[capability] != "\x01\x00") {
			t.Errorf("su is %+v", h)
		}
		return nil
	})
	want := []string{"etc/passwd", "usr/bin/su", "var/cache/debconf/config.dat", "var/lib/dpkg/status", "var/log/apt/"}
	if err != nil || !slices.Equal(kept, want) {
		t.Errorf("kept %q, %v", kept, err)
	}
}

func TestFinishRefuses(t *testing.T) {
	for want, in := range map[string]io.Reader{
		`it contains the path "../x"`:               tarOf(t, file("../x", "")),
		"a is a link to b, which is not a file":     tarOf(t, link("a", "b")),
		"the second stage produced no files":        tarOf(t),
		"unexpected EOF":                            io.LimitReader(tarOf(t, file("a", strings.Repeat("x", 2000))), 1000),
		"b is a link to d, which is not a file":     tarOf(t, dir("d"), link("b", "d")),
		"l1 is a link to l1, which is not a file":   tarOf(t, link("l1", "l1")),
		`it contains the path "a/../../etc/passwd"`: tarOf(t, link("x", "a/../../etc/passwd")),
	} {
		if _, err := finish(t, in); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
