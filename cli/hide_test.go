package cli

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// TestHidden checks that the password of a proxy is not printed, however it is written and whatever else is wrong with the
// address.
func TestHidden(t *testing.T) {
	for address, want := range map[string][]string{
		"http://me:canary@proxy:3128": {"canary"},
		"http://me:can%2Fary@proxy":   {"can%2Fary", "can/ary"},
		"http://me:can/ar@y%zz@proxy": {"can/ar@y%zz"},
		"me:canary@proxy":             {"canary"},
		"http://me@proxy":             nil,
		"http://proxy:3128":           nil,
		"http://me:x@proxy":           nil, // hiding single letters would leave nothing to read
	} {
		if got := proxyPasswords([]string{"https_proxy=" + address, "PATH=/a:b@c", "NOT_A_PROXY_=x:y@z"}); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	cause := errors.New(`Get "x": invalid proxy address "http://me:canary%zz@proxy"`)
	err := hide(errors.Join(fault.Wrap(fault.TryAgain, cause, "cannot reach me:canary%%zz@proxy"), fault.New(fault.Usage, "other")), []string{"canary%zz"})
	var b strings.Builder
	fault.Print(&b, err, true)
	const want = "error: cannot reach me:***@proxy\n  cause: Get \"x\": invalid proxy address \"http://me:***@proxy\"\nerror: other\n"
	if b.String() != want || fault.CodeOf(err) != fault.TryAgain {
		t.Errorf("%s(code %d)", b.String(), fault.CodeOf(err))
	}
}
