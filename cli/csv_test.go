package cli

import (
	"encoding/csv"
	"maps"
	"strings"
	"testing"

	"github.com/moby/buildkit/cmd/buildctl/build"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// asCSV returns the fields as Go's own library reads them. It returns false if the library rejects the line, or reads
// several lines.
func asCSV(s string) ([]string, bool) {
	r := csv.NewReader(strings.NewReader(s))
	fields, err := r.Read()
	if err != nil {
		return nil, false
	}
	_, more := r.Read()
	return fields, more != nil && !strings.ContainsAny(s, "\r\n")
}

func usage(t *testing.T, err error) {
	t.Helper()
	if code := fault.CodeOf(err); code != fault.Usage {
		t.Errorf("code %d: %v", code, err)
	}
}

// FuzzOutputFlag checks that --output is read as CSV, field by field.
func FuzzOutputFlag(f *testing.F) {
	for _, s := range []string{"type=oci,dest=app.tar", "-", "out", `type=oci,"dest=a,b.tar"`, "type=registry,name=x", `"`, `a"b`, ",", "type=,dest=", " TYPE =local,dest=x", `"a""b=c",type=x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o, err := parseOutput(s)
		fields, whole := asCSV(s)
		if err != nil {
			usage(t, err)
			return
		}
		if !whole {
			return
		}
		if len(fields) == 1 && !strings.Contains(fields[0], "=") {
			if o.Dest != fields[0] {
				t.Errorf("%q: dest %q, want %q", s, o.Dest, fields[0])
			}
			return
		}
		want := map[string]string{}
		for _, f := range fields {
			k, v, _ := strings.Cut(f, "=")
			want[strings.ToLower(strings.TrimSpace(k))] = v
		}
		got := maps.Clone(o.Attrs)
		if want["type"] == "registry" {
			want["type"], want["push"] = "image", "true"
		}
		got["type"] = o.Type
		if _, ok := want["dest"]; ok {
			got["dest"] = o.Dest
		}
		if !maps.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	})
}

// FuzzCacheFlag checks that --cache-to is read as by BuildKit's own command line.
func FuzzCacheFlag(f *testing.F) {
	for _, s := range []string{"type=registry,ref=x/y:z,mode=max", "x/y:z", "type=local,dest=a", `type=local,"dest=a,b"`, "type=", "TYPE=inline", "type=inline,", "a=b", `"type=inline`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseCache("--cache-to", s)
		if err != nil {
			usage(t, err)
		}
		if !strings.Contains(s, "type=") || strings.ContainsAny(s, " \t\r\n\v\f\u0085\u00a0") || strings.Contains(s, "gha") {
			return // a bare name is recognized differently, spaces around keys are accepted, and gha reads the environment
		}
		all, wantErr := build.ParseExportCache([]string{s})
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, and BuildKit says %v", s, err, wantErr)
		}
		if err != nil {
			return
		}
		want := all[0]
		if _, said := got.Attrs["mode"]; !said {
			delete(want.Attrs, "mode")
		}
		if got.Type != want.Type || !maps.Equal(got.Attrs, want.Attrs) {
			t.Errorf("%q: %s %q, and BuildKit says %s %q", s, got.Type, got.Attrs, want.Type, want.Attrs)
		}
	})
}

// FuzzSecretFlag checks that --secret takes its value from where its fields say, and that no message repeats the fields.
func FuzzSecretFlag(f *testing.F) {
	for _, s := range []string{"id=a,env=A", "id=a", "id=A", "type=env,id=a,src=A", `"id=a,b",env=A`, "id=a,src=x,env=A", "hunter2", "ID=a,ENV=A", "id=a,type=file"} {
		f.Add(s)
	}
	h := &Host{Environ: []string{"A=value"}}
	f.Fuzz(func(t *testing.T, s string) {
		id, value, err := h.secret(s, "")
		if err != nil {
			usage(t, err)
			return
		}
		fields, whole := asCSV(s)
		if !whole {
			return
		}
		want := ""
		for _, f := range fields {
			if k, v, _ := strings.Cut(f, "="); strings.ToLower(strings.TrimSpace(k)) == "id" {
				want = v
			}
		}
		if id != want || id == "" {
			t.Errorf("%q: id %q, want %q", s, id, want)
		}
		if strings.Contains(s, "env=A") && string(value) != "value" && !strings.Contains(s, "src") && !strings.Contains(s, "source") && strings.Count(s, "=") == 2 {
			t.Errorf("%q: value %q", s, value)
		}
	})
}
