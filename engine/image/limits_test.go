package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// layoutOf writes a layout from the text of its index and of blobs, each of which the index may name by $0, $1 and so on.
func layoutOf(t *testing.T, index string, blobs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for n, text := range blobs {
		d := digest.FromString(text)
		index = strings.ReplaceAll(index, fmt.Sprintf("$%d", n), d.String())
		write(t, filepath.Join(dir, blobPath(d)), text)
	}
	write(t, filepath.Join(dir, ocispecs.ImageIndexFile), index)
	return dir
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// many is a list of n times the same text.
func many(n int, text string) string { return strings.Repeat(text+",", n-1) + text }

func TestElements(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: 0, `[]`: 1, `[1,2]`: 2, `{"a":[{"b":1,"c":2},{}],"d":[null]}`: 3, `["[,],","\",[",[1,[2]]]`: 6, `{"a":"\\","b":[1,2,3]}`: 3,
	} {
		if got := elements([]byte(text)); got != want {
			t.Errorf("%s has %d elements, want %d", text, got, want)
		}
	}
}

// Images that are small on disk and large in memory are refused before they are.
func TestManyElements(t *testing.T) {
	const manifest, most = `{"manifests":[{"digest":"$0"}]}`, 1_300_000
	for name, path := range map[string]string{
		"index":           layoutOf(t, `{"manifests":[`+many(most, "{}")+`]}`),
		"index of nulls":  layoutOf(t, `{"manifests":[`+many(maxElements+1, "null")+`]}`),
		"nested index":    layoutOf(t, `{"manifests":[{"mediaType":"`+ocispecs.MediaTypeImageIndex+`","digest":"$0"}]}`, `{"manifests":[`+many(most, "0")+`]}`),
		"layers":          layoutOf(t, manifest, `{"layers":[`+many(most, "{}")+`]}`),
		"docker archive":  archiveOf(t, entry{name: "manifest.json", text: `[` + many(most, "{}") + `]`}),
		"docker's layers": archiveOf(t, entry{name: "manifest.json", text: `[{"Config":"c","Layers":[` + many(500_000, `"l"`) + `]}]`}, entry{name: "c", text: "{}"}, entry{name: "l"}),
	} {
		grew := allocated(func() {
			_, err := Open(path, Select{})
			t.Log(name)
			wantFault(t, err, fault.Refused, "a list has too many elements")
		})
		if grew > 100<<20 {
			t.Errorf("%s takes %d MB", name, grew>>20)
		}
	}
	_, err := Open(layoutOf(t, strings.Repeat(" ", maxJSON+1)), Select{})
	wantFault(t, err, fault.Refused, "index.json is too large")
}

func archiveOf(t *testing.T, entries ...entry) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "img.tar")
	writeTar(t, path, entries)
	return path
}

// allocated returns the bytes that do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestManyFiles(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for n := range maxFiles + 1 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(n), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	path := filepath.Join(t.TempDir(), "img.tar")
	write(t, path, b.String())
	_, err := Open(path, Select{})
	wantFault(t, err, fault.Refused, "it has more than 100000 files")
	long := entry{name: strings.Repeat("a", maxName+1), text: "{}"}
	path = archiveOf(t, entry{name: "manifest.json", text: `[{"Config":"` + long.name + `"}]`}, long)
	_, err = Open(path, Select{})
	wantFault(t, err, fault.Refused, "is missing")
}

// A window of 512 MB is refused for an archive and for a layer; that of zstd --long is not.
func TestWindow(t *testing.T) {
	const window512, window128 = "\x98", "\x88"
	block := "\x01\x00\x00" // the last one, empty
	frame := func(window string) string { return "\x28\xb5\x2f\xfd\x00" + window + block }
	path := filepath.Join(t.TempDir(), "img.tar.zst")
	write(t, path, frame(window512))
	_, err := Open(path, Select{})
	wantFault(t, err, fault.Refused, zstd.ErrWindowSizeExceeded.Error())
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, frame(window128))
	if l, err := open(t, dir, Select{}).Layers(); err != nil || l[0].Unpacked != 0 {
		t.Errorf("got %+v, %v", l, err)
	}
	stage(t, dir, nil, frame(window512))
	_, err = open(t, dir, Select{}).Layers()
	wantFault(t, err, fault.Refused, zstd.ErrWindowSizeExceeded.Error())
}

// An archive that unpacks to much more than its size is refused before the disk is full.
func TestArchiveBomb(t *testing.T) {
	defer func(was int64) { minUnpacked = was }(minUnpacked)
	minUnpacked = 1 << 20
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	path := filepath.Join(t.TempDir(), "img.tar.gz")
	writeTar(t, path, []entry{{name: "zeros", text: strings.Repeat("\x00", 2<<20)}})
	_, err := Open(path, Select{})
	wantFault(t, err, fault.Refused, "cannot unpack "+path+": it unpacks to more than 1048576 bytes")
	if got := listing(t, dir); got != "" {
		t.Errorf("it left %s", got)
	}
	noise := make([]byte, 120_000) // with it, the same zeros are less than 20 times the size of the archive
	rand.NewChaCha8([32]byte{}).Read(noise)
	writeTar(t, path, []entry{{name: "zeros", text: strings.Repeat("\x00", 2<<20)}, {name: "noise", text: string(noise)}})
	_, err = Open(path, Select{})
	wantFault(t, err, fault.Refused, "it has neither index.json nor manifest.json")
}

// counter counts what is read of a blob.
type counter struct {
	io.ReaderAt
	read *int64
}

func (c counter) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, at)
	*c.read += int64(n)
	return n, err
}

// Layers that repeat are read once: by their digest in an image, by their file in a docker archive.
func TestRepeatedLayers(t *testing.T) {
	const times, size = 1000, 100_000
	dir := filepath.Join(t.TempDir(), "img")
	text := strings.Repeat("x", size)
	var z bytes.Buffer
	w, _ := zstd.NewWriter(&z)
	io.WriteString(w, text)
	w.Close()
	stage(t, dir, nil, slices.Repeat([]string{z.String()}, times)...)
	img := open(t, dir, Select{})
	d := img.Manifest.Layers[0].Digest
	var read int64
	img.blobs[d] = blob{counter{img.blobs[d].ReaderAt, &read}, img.blobs[d].size}
	if ls, err := img.Layers(); err != nil || len(ls) != times || ls[times-1].Unpacked != size {
		t.Errorf("got %d layers, %v", len(ls), err)
	}
	if most := 2 * int64(z.Len()); read > most {
		t.Errorf("%d bytes are read of a layer with %d", read, z.Len())
	}
	read = 0
	content := blob{counter{strings.NewReader(text), &read}, size}
	a := &archive{entries: map[string]blob{"l": content, "link": content, "c": {strings.NewReader("{}"), 2}}, made: map[digest.Digest]blob{}, hashed: map[blob]digest.Digest{}}
	if _, err := a.convert(dockerImage{Config: "c", Layers: slices.Repeat([]string{"l", "./l", "link"}, times)}); err != nil {
		t.Error(err)
	}
	if read > 2*size+4*3*times { // four bytes of each tell how it is compressed
		t.Errorf("%d bytes are read of a file with %d", read, size)
	}
}

// The time that an index takes grows with its entries and not with their square, and the message names a few of them.
func TestManyEntries(t *testing.T) {
	const most = 100_000
	descs := make([]ocispecs.Descriptor, 0, most)
	for n := range most {
		descs = append(descs, ocispecs.Descriptor{Digest: digest.Digest(fmt.Sprint(n))})
	}
	began := time.Now()
	_, err := pick(descs, Select{})
	wantFault(t, err, fault.Usage, "there are several images")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it takes %v", took)
	}
	var f *fault.Fault
	if errors.As(err, &f) && f.Hint != "select one: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … and 99990 more" {
		t.Errorf("the hint is %.200s", f.Hint)
	}
	if got := names(descs[:mostNames]); got != "0, 1, 2, 3, 4, 5, 6, 7, 8, 9" {
		t.Errorf("names are %s", got)
	}
	if got := names([]ocispecs.Descriptor{{Digest: digest.Digest(strings.Repeat("x", 1<<20))}}); len(got) > 2*maxName {
		t.Errorf("a name in a message has %d bytes", len(got))
	}
}

// The message says which image is broken, where and why: the cause alone, which --verbose shows, is not enough.
func TestBrokenMessage(t *testing.T) {
	absent := digest.FromString("absent").String()
	for want, path := range map[string]string{
		`the image is broken: an entry of the index has the digest "", which is none`:   layoutOf(t, `{"manifests":[{}]}`),
		"image " + absent + " is broken or incomplete: openat blobs/sha256/":            layoutOf(t, `{"manifests":[{"digest":"`+absent+`"}]}`),
		"index.json is broken: unexpected end of JSON input":                            layoutOf(t, `{`),
		"is neither an OCI archive nor a docker archive: it has neither index.json nor": archiveOf(t, entry{name: "a"}),
		"is broken or incomplete: blob ":                                                layoutOf(t, `{"manifests":[{"digest":"$0","size":9}]}`, "{}"),
	} {
		_, err := Open(path, Select{})
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != fault.Refused || !strings.Contains(f.Msg, want) || !strings.Contains(f.Msg, path) {
			t.Errorf("got %v, want … %s …", err, want)
		}
	}
}

// An unusable TMPDIR is not the archive's fault; a full one may have room later.
func TestUnpackNowhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "img.tar.gz")
	writeTar(t, path, []entry{{name: "a"}})
	tmp := filepath.Join(t.TempDir(), "absent")
	t.Setenv("TMPDIR", tmp)
	_, err := Open(path, Select{})
	wantFault(t, err, fault.Usage, "cannot unpack "+path+" in "+tmp+", the directory for temporary files: ")
	err = tempFault(&fs.PathError{Op: "write", Path: tmp + "/x", Err: syscall.ENOSPC}, path)
	wantFault(t, err, fault.TryAgain, "cannot unpack "+path+" in "+tmp)
}
