//go:build linux

package buildkitd

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Version names the state directory. If it lagged behind go.mod, two BuildKit versions would use the same databases.
func TestVersionIsTheLinkedOne(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "\tgithub.com/moby/buildkit "+Version+"\n") {
		t.Errorf("go.mod requires another BuildKit than %s", Version)
	}
	if got, want := (Options{State: "/s"}).dir(), "/s/v0.33"; got != want {
		t.Errorf("directory %s, want %s", got, want)
	}
}

func TestIdentity(t *testing.T) {
	base := Options{State: "/s", Entitlements: []string{"a", "b"}}
	for name, o := range map[string]Options{
		"the default network by name":  {Network: NetworkHost, Entitlements: []string{"a", "b"}},
		"another order of the same":    {Entitlements: []string{"b", "a"}},
		"another state directory":      {State: "/t", Entitlements: []string{"a", "b"}},
		"other words for another user": {Entitlements: []string{"a", "b"}, Say: func(string) {}, Debug: true},
	} {
		if string(o.identity()) != string(base.identity()) {
			t.Errorf("%s: cannot share an engine:\n%s", name, o.identity())
		}
	}
	for name, o := range map[string]Options{
		"network":      {Network: NetworkNone, Entitlements: []string{"a", "b"}},
		"dns":          {DNS: []string{"::1"}, Entitlements: []string{"a", "b"}},
		"entitlements": {Entitlements: []string{"a"}},
	} {
		if got := differences(base.identity(), o.identity()); got != name {
			t.Errorf("%s: differences %q", name, got)
		}
	}
}

func TestProxies(t *testing.T) {
	secret := []string{"HOME=/root", "https_proxy=http://me:secret@proxy", "NO_PROXY=a"}
	got := proxies(secret)
	if got == "" || strings.Contains(got, "secret") {
		t.Errorf("got %q", got)
	}
	if got != proxies([]string{"NO_PROXY=a", "https_proxy=http://me:secret@proxy", "HOME=/else"}) {
		t.Error("order or another variable counts")
	}
	if got == proxies([]string{"NO_PROXY=b", "https_proxy=http://me:secret@proxy"}) {
		t.Error("the value does not count")
	}
	if proxies([]string{"HTTP_PROXY=", "HOME=/root"}) != "" {
		t.Error("an empty proxy counts")
	}
}

func TestOptionsRefused(t *testing.T) {
	for want, o := range map[string]Options{
		`unknown network "bridge"`:      {State: "/s", Network: "bridge"},
		`nameserver "dns" is not an IP`: {State: "/s", DNS: []string{"::1", "dns"}},
		"was given no state directory":  {},
	} {
		if err := o.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestTail(t *testing.T) {
	var all strings.Builder
	w := &tail{to: &all}
	for range 3 {
		fmt.Fprint(w, strings.Repeat("x", tailSize-1), "end")
	}
	if got := w.String(); len(got) != tailSize || !strings.HasSuffix(got, "xend") || all.Len() != 3*(tailSize+2) {
		t.Errorf("kept %d bytes of %d", len(got), all.Len())
	}
}

// A BuildKit crash is one line for the user. The rest is for a bug report.
func TestTailReason(t *testing.T) {
	for text, want := range map[string]string{
		"":                      "",
		"warning\nlast words\n": "last words",
		"log\npanic: oh\n\ngoroutine 1 [running]:\nmain.main()\n": "panic: oh",
	} {
		w := &tail{}
		fmt.Fprint(w, text)
		if got := w.reason(); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
