package debian

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/ulikunitz/xz"
)

// record is what a base's cache says of it.
type record struct {
	Sources  []struct{ URI, Suite string }
	Lists    []string
	Packages []struct{ Name, Version, SHA256 string }
}

// contents are the packages of a base as an archive has them.
type contents struct {
	paragraphs []byte            // of a list of packages
	files      map[string]string // by path: a file on this machine, or an address
}

// readBase reads what the newest base of trixie without Nix was made of.
func readBase(cache, arch string) (contents, error) {
	names, _ := filepath.Glob(filepath.Join(cache, "names", "trixie-"+arch+"-bare-*.json"))
	out := contents{files: map[string]string{}}
	var newest os.FileInfo
	var r record
	for _, n := range names {
		info, err := os.Stat(n)
		if err != nil || newest != nil && info.ModTime().Before(newest.ModTime()) {
			continue
		}
		newest = info
		raw, err := os.ReadFile(n)
		if err == nil {
			r = record{}
			err = json.Unmarshal(raw, &r)
		}
		if err != nil {
			return out, err
		}
	}
	if len(r.Lists) != len(r.Sources) || newest == nil {
		return out, errors.New("no base of trixie was made on this machine")
	}
	of := map[string]string{} // names, by hash
	for _, p := range r.Packages {
		of[p.SHA256] = p.Name
	}
	for i, l := range r.Lists {
		if err := out.take(cache, r.Sources[i].URI, l, of); err != nil {
			return out, err
		}
	}
	if len(of) > 0 {
		return out, fmt.Errorf("%d packages of the base are in no list", len(of))
	}
	return out, nil
}

// take takes those packages from a list that are still wanted.
func (c *contents) take(cache, uri, list string, wanted map[string]string) error {
	f, err := os.Open(filepath.Join(cache, "downloads", strings.TrimSuffix(list, ".xz")))
	if err != nil {
		return err
	}
	defer f.Close()
	unpacked, err := xz.NewReader(f)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return err
	}
	for p := range bytes.SplitSeq(text, []byte("\n\n")) {
		sum, path := field(p, "SHA256"), field(p, "Filename")
		if _, ok := wanted[sum]; !ok {
			continue
		}
		delete(wanted, sum)
		c.paragraphs = append(append(c.paragraphs, bytes.TrimSpace(p)...), "\n\n"...)
		c.files[path] = filepath.Join(cache, "downloads", sum)
		if _, err := os.Stat(c.files[path]); err != nil {
			c.files[path] = uri + "/" + path
		}
	}
	return nil
}

// field is a field of a paragraph.
func field(paragraph []byte, name string) string {
	_, rest, _ := bytes.Cut(paragraph, []byte("\n"+name+": "))
	value, _, _ := bytes.Cut(rest, []byte("\n"))
	return string(value)
}

// file gives a file of this machine, or what is at an address.
func (a *Archive) file(w http.ResponseWriter, r *http.Request, from string) {
	if filepath.IsAbs(from) {
		http.ServeFile(w, r, from)
		return
	}
	resp, err := http.Get(from)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // a broken one is tried again
}
