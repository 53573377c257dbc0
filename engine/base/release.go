package base

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ulikunitz/xz"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// release is a verified InRelease file: an archive's signed index of one suite.
type release struct {
	source
	codename string
	byHash   bool
	indexes  map[string]indexFile // by path relative to dists/SUITE
	list     string               // the list of packages read, in the form of record.Lists
}

type indexFile struct {
	sum  string // SHA-256
	size int64
}

const maxInRelease = 4 << 20

// errExpired marks an index after its Valid-Until.
var errExpired = errors.New("past its Valid-Until")

// openRelease downloads a suite's InRelease and checks its signature, name and dates.
func openRelease(ctx context.Context, f *fetcher, keys *keyring, now time.Time, src source) (*release, error) {
	address := src.URI + "/dists/" + src.Suite + "/InRelease"
	raw, err := f.text(ctx, address, maxInRelease)
	if err != nil {
		var status statusError
		if errors.As(err, &status) && status.code == http.StatusNotFound {
			return nil, &fault.Fault{Code: fault.Refused, Err: err,
				Msg:  fmt.Sprintf("the mirror %s has no suite %q", redact(src.URI), src.Suite),
				Hint: suggestion(src.Suite) + "a suite is a name such as trixie or sid; for another mirror of Debian use --debian-mirror URL"}
		}
		return nil, downloadFault(err, address)
	}
	text, err := keys.verify(raw, now)
	if err != nil {
		return nil, &fault.Fault{Code: fault.Refused, Err: err,
			Msg: fmt.Sprintf("%s is not signed by a key of %s", redact(address), keys.name),
			Hint: "a proxy or the mirror changed it, or it is not a Debian archive: use another mirror with --debian-mirror URL;\n" +
				"an archive with a key of its own needs --debian-keyring FILE"}
	}
	r := &release{source: src}
	if err := r.parse(text, now); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *release) parse(text []byte, now time.Time) error {
	where := redact(r.URI) + "/dists/" + r.Suite + "/InRelease"
	var p stanza
	if err := readControl(bytes.NewReader(text), func(s stanza) error { p = s; return nil }); err != nil || p == nil {
		return fault.Wrap(fault.Refused, orEmpty(err), "%s cannot be read", where)
	}
	if r.Suite != p["suite"] && r.Suite != p["codename"] {
		return fault.New(fault.Refused, "%s is the index of %s (%s), not of %s", where, p["codename"], p["suite"], r.Suite).
			WithHint("the mirror is misconfigured; use another with --debian-mirror URL")
	}
	if err := r.checkDates(p, where, now); err != nil {
		return err
	}
	r.codename, r.byHash = p["codename"], p["acquire-by-hash"] == "yes"
	r.indexes = map[string]indexFile{}
	for line := range strings.Lines(p["sha256"]) {
		w := strings.Fields(line)
		if len(w) != 3 {
			continue
		}
		size, err := strconv.ParseInt(w[1], 10, 64)
		if err != nil || len(w[0]) != 64 {
			return fault.New(fault.Refused, "%s cannot be read: %q", where, strings.TrimSpace(line))
		}
		r.indexes[w[2]] = indexFile{w[0], size}
	}
	return nil
}

// checkDates refuses an index after its Valid-Until, or with a date in the future. Without this check, an attacker who cannot
// sign could serve an old index forever.
func (r *release) checkDates(p stanza, where string, now time.Time) error {
	date, err := releaseTime(p["date"])
	if err != nil {
		return fault.New(fault.Refused, "%s has an invalid date: %q", where, p["date"])
	}
	if date.After(now.Add(24 * time.Hour)) {
		return fault.New(fault.Refused, "%s is dated %s, which is in the future", where, date.Format(time.RFC1123)).
			WithHint("set this machine's clock, which shows %s", now.UTC().Format(time.RFC1123))
	}
	if p["valid-until"] == "" || r.AnyAge {
		return nil
	}
	until, err := releaseTime(p["valid-until"])
	if err != nil {
		return fault.New(fault.Refused, "%s has an invalid Valid-Until: %q", where, p["valid-until"])
	}
	if now.After(until) {
		return &fault.Fault{Code: fault.Refused, Err: errExpired,
			Msg: fmt.Sprintf("%s expired on %s", where, until.Format(time.RFC1123)),
			Hint: "the mirror is out of date: use another with --debian-mirror URL. A mirror that is frozen on purpose\n" +
				"belongs in the host's apt sources, with Check-Valid-Until: no"}
	}
	return nil
}

func releaseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC1123, s)
	if err != nil {
		t, err = time.Parse("Mon, 2 Jan 2006 15:04:05 MST", s)
	}
	return t, err
}

// packages reads the suite's list of packages for a Debian architecture into set.
func (r *release) packages(ctx context.Context, f *fetcher, arch string, set *packageSet) error {
	dir := "main/binary-" + arch
	for _, suffix := range []string{".xz", ".gz", ""} {
		name := dir + "/Packages" + suffix
		idx, ok := r.indexes[name]
		if !ok {
			continue
		}
		dists := r.URI + "/dists/" + r.Suite + "/"
		from := []string{dists + name}
		if r.byHash { // a by-hash path stays valid while a mirror is updated
			from = slices.Insert(from, 0, dists+dir+"/by-hash/SHA256/"+idx.sum)
		}
		file, err := f.file(ctx, idx.sum, idx.size, from...)
		if err != nil {
			return err
		}
		r.list = idx.sum + suffix
		if err := readIndex(file, suffix, func(p stanza) error { return set.add(p, r.URI) }); err != nil {
			return fault.Wrap(fault.Refused, err, "the list of packages %s cannot be read", redact(dists)+name)
		}
		return nil
	}
	return fault.New(fault.Refused, "%s has no packages for the architecture %s", redact(r.URI)+" "+r.Suite, arch).
		WithHint("the InRelease of a Debian archive lists its architectures, such as amd64 and arm64")
}

func readIndex(file, suffix string, fn func(stanza) error) error {
	raw, err := os.Open(file)
	if err != nil {
		return err
	}
	defer raw.Close()
	var r io.Reader = bufio.NewReaderSize(raw, 1<<20)
	switch suffix {
	case ".xz":
		r, err = xz.NewReader(r)
	case ".gz":
		r, err = gzip.NewReader(r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path.Base(file), err)
	}
	return readControl(r, fn, indexFields...)
}
