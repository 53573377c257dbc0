package base

import (
	"archive/tar"
	"bufio"
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
)

func TestReadControl(t *testing.T) {
	text := "Package: a\nDescription: short\n long\n .\n\tmore\nVersion:1\n\n\n# comment\nPackage: b\n# inside\nDepends: x,\n y\n"
	var got []stanza
	if err := readControl(strings.NewReader(text), func(s stanza) error { got = append(got, s); return nil }); err != nil {
		t.Fatal(err)
	}
	want := []stanza{
		{"package": "a", "description": "short\nlong\n.\nmore", "version": "1"},
		{"package": "b", "depends": "x,\ny"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	got = nil
	if err := readControl(strings.NewReader(text), func(s stanza) error { got = append(got, s); return nil }, "package"); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, []stanza{{"package": "a"}, {"package": "b"}}) {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"no field\n", "A: " + strings.Repeat("x", maxLine+1)} {
		if err := readControl(strings.NewReader(bad), func(stanza) error { return nil }); err == nil {
			t.Errorf("%.20q was read", bad)
		}
	}
}

func TestRelations(t *testing.T) {
	got, err := parseRelations("a, b:any (>= 1:2.0~rc1-3+b1) | c(<<4),\n d:amd64 ( = 1 ) ,")
	want := [][]relation{{{name: "a"}}, {{"b", "any", ">=", "1:2.0~rc1-3+b1"}, {"c", "", "<<", "4"}}, {{"d", "amd64", "=", "1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"A", "a (>= )", "a (> 1)", "a b", "a | | b", "a [amd64]"} {
		if got, err := parseRelations(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
	for _, c := range []struct {
		op, want, has string
		ok            bool
	}{
		{"", "", "", true},
		{"=", "1", "", false}, // an unversioned Provides
		{">=", "1.0-1", "1.0-1", true}, {">=", "1.0-1", "1.0-1~bpo1", false}, {">=", "9", "1:1", true}, {">=", "2.10", "2.9", false},
		{"<<", "2", "2~rc1", true}, {"<<", "2", "2", false}, {"<=", "2", "2", true}, {">>", "2", "2+deb13u1", true}, {"=", "2", "2", true},
	} {
		if got := (relation{op: c.op, version: c.want}).admits(c.has); got != c.ok {
			t.Errorf("%s %s admits %s: %v", c.op, c.want, c.has, got)
		}
	}
}

func TestCleanName(t *testing.T) {
	for name, want := range map[string]string{"./": "", "./usr/bin/x": "usr/bin/x", "/etc//x/": "etc/x", ".": "", "a/./b": "a/b"} {
		if got, err := cleanName(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	for _, bad := range []string{"..", "../x", "a/../../x", "a/..", "/../etc/shadow"} {
		if got, err := cleanName(bad); err == nil {
			t.Errorf("%q is %q", bad, got)
		}
	}
}

func FuzzControl(f *testing.F) {
	f.Add("Package: a\nVersion: 1\nSize: 3\nDepends: b (>= 1) | c:any, d\n folded\n\nPackage:\n")
	f.Add("Suite: stable\nSHA256:\n " + strings.Repeat("a", 64) + " 12 main/x\n")
	f.Add(":\n \n#\n\t:")
	f.Fuzz(func(_ *testing.T, text string) {
		set := newPackageSet()
		_ = readControl(strings.NewReader(text), func(p stanza) error { return set.add(p, "http://mirror") }, indexFields...)
		set.index()
		for n := range set.byName {
			if c, err := choose(set, "amd64", []string{n}); err == nil {
				c.batches(c.essential())
			}
		}
		r := &release{source: source{URI: "http://mirror", Suite: "stable"}}
		_ = r.parse([]byte(text), today)
		oneLineSources(text)
		deb822Sources([]byte(text))
	})
}

func FuzzDeb(f *testing.F) {
	f.Add(arOf(member{"debian-binary", []byte("2.0\n")}, member{"data.tar", make([]byte, 1024)}))
	f.Add(arOf(member{"data.tar.gz", []byte{0x1f, 0x8b, 8}}, member{"data.tar.xz", []byte("\xfd7zXZ\x00")}, member{"data.tar.zst", nil}))
	f.Add([]byte(arMagic + strings.Repeat(" ", arHeader)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		_ = eachMember(bufio.NewReader(bytes.NewReader(raw)), func(m debMember) error {
			suffix, ok := strings.CutPrefix(m.name, "data.tar")
			if !ok {
				return nil
			}
			r, closer, err := decompress(io.LimitReader(m.body, 1<<16), suffix)
			if err != nil {
				return err
			}
			defer closer()
			return eachEntry(io.LimitReader(r, 1<<20), func(h *tar.Header, _ io.Reader) error {
				if name, err := cleanName(h.Name); err == nil && strings.Contains("/"+name+"/", "/../") {
					t.Errorf("%q became %q", h.Name, name)
				}
				return nil
			})
		})
	})
}
