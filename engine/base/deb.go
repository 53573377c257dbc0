package base

import (
	"archive/tar"
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	arMagic  = "!<arch>\n"
	arHeader = 60
)

// debMember is a member of a .deb, which is an ar archive.
type debMember struct {
	name string
	time time.Time
	body io.Reader
}

// eachMember calls fn for each member of an ar archive, in order. It skips what fn does not read of a body.
func eachMember(r *bufio.Reader, fn func(debMember) error) error {
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != arMagic {
		return errors.New("it is not an ar archive")
	}
	for {
		h := make([]byte, arHeader)
		if _, err := io.ReadFull(r, h); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		field := func(from, to int) string { return strings.TrimSpace(string(h[from:to])) }
		size, err := strconv.ParseInt(field(48, 58), 10, 64)
		if err != nil || size < 0 || string(h[58:]) != "`\n" {
			return errors.New("an ar header in it is broken")
		}
		secs, err := strconv.ParseInt(field(16, 28), 10, 64)
		if err != nil {
			return errors.New("an ar header in it is broken")
		}
		body := &io.LimitedReader{R: r, N: size}
		if err := fn(debMember{strings.TrimSuffix(field(0, 16), "/"), time.Unix(secs, 0).UTC(), body}); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		if size%2 == 1 {
			if _, err := r.Discard(1); err != nil && err != io.EOF {
				return err
			}
		}
	}
}

// debTime returns the build time of a package, which is the time of its newest member.
func debTime(file string) (newest time.Time, err error) {
	f, err := os.Open(file)
	if err != nil {
		return newest, err
	}
	defer f.Close()
	err = eachMember(bufio.NewReader(f), func(m debMember) error {
		if m.time.After(newest) {
			newest = m.time
		}
		return nil
	})
	return newest, err
}

// eachFile calls fn for each file of a package, with the headers of its data.tar.
func eachFile(deb string, fn func(*tar.Header, io.Reader) error) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	found := false
	err = eachMember(bufio.NewReaderSize(f, 1<<20), func(m debMember) error {
		suffix, ok := strings.CutPrefix(m.name, "data.tar")
		if !ok {
			return nil
		}
		found = true
		data, closer, err := decompress(m.body, suffix)
		if err != nil {
			return err
		}
		defer closer()
		return eachEntry(data, fn)
	})
	if err == nil && !found {
		err = errors.New("it has no data.tar")
	}
	return err
}

func eachEntry(r io.Reader, fn func(*tar.Header, io.Reader) error) error {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := fn(h, tr); err != nil {
			return err
		}
	}
}

func decompress(r io.Reader, suffix string) (io.Reader, func(), error) {
	none := func() {}
	switch suffix {
	case "":
		return r, none, nil
	case ".xz":
		x, err := xz.NewReader(bufio.NewReaderSize(r, 1<<16))
		return x, none, err
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return nil, none, err
		}
		return z, z.Close, nil
	case ".gz":
		g, err := gzip.NewReader(r)
		return g, none, err
	case ".bz2":
		return bzip2.NewReader(r), none, nil
	}
	return nil, none, fmt.Errorf("its data is compressed as %q, which this program cannot read", suffix)
}

// cleanName strips a leading ./ and a trailing / from the name of a tar entry. "" is the root. A path traversal
// is an error.
func cleanName(name string) (string, error) {
	for e := range strings.SplitSeq(name, "/") {
		if e == ".." {
			return "", fmt.Errorf("it contains the path %q", name)
		}
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/"), nil
}
