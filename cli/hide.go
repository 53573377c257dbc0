package cli

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// leastHidden is the length in bytes of the shortest password that is hidden. Replacing a single letter everywhere would
// leave nothing to read.
const leastHidden = 3

// proxyPasswords returns the passwords in proxy addresses, as written and decoded. Network errors may repeat an address,
// above all one that cannot be parsed.
func proxyPasswords(environ []string) []string {
	var out []string
	for _, kv := range environ {
		name, address, _ := strings.Cut(kv, "=")
		at := strings.LastIndex(address, "@")
		if at < 0 || !strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			continue
		}
		_, user, scheme := strings.Cut(address[:at], "://")
		if !scheme {
			user = address[:at]
		}
		_, password, _ := strings.Cut(user, ":")
		out = append(out, password)
		if meant, err := url.PathUnescape(password); err == nil {
			out = append(out, meant)
		}
	}
	out = slices.DeleteFunc(out, func(s string) bool { return len(s) < leastHidden })
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }) // longest first
	return slices.Compact(out)
}

// hide returns err with the texts replaced by "***".
func hide(err error, texts []string) error {
	if len(texts) == 0 {
		return err
	}
	var pairs []string
	for _, t := range texts {
		pairs = append(pairs, t, "***")
	}
	replace := strings.NewReplacer(pairs...).Replace
	var out []error
	for _, f := range fault.All(err) {
		shown := *f
		shown.Msg, shown.Hint, shown.Detail, shown.Source = replace(f.Msg), replace(f.Hint), replace(f.Detail), replace(f.Source)
		if f.Err != nil {
			shown.Err = errors.New(replace(f.Err.Error()))
		}
		out = append(out, &shown)
	}
	return errors.Join(out...)
}
