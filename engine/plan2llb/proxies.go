package plan2llb

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

// proxyFields are the variables that name proxies, and those hosts that are reached without.
func proxyFields(p *llb.ProxyEnv) map[string]*string {
	return map[string]*string{"HTTP_PROXY": &p.HTTPProxy, "HTTPS_PROXY": &p.HTTPSProxy, "FTP_PROXY": &p.FTPProxy,
		"NO_PROXY": &p.NoProxy, "ALL_PROXY": &p.AllProxy}
}

// IsProxy tells whether a variable is one of those that name proxies, in capitals or not.
func IsProxy(name string) bool {
	_, ok := proxyFields(&llb.ProxyEnv{})[strings.ToUpper(name)]
	return ok && (name == strings.ToUpper(name) || name == strings.ToLower(name))
}

// Proxies are those that variables name; nil for none. Of http_proxy and HTTP_PROXY the former counts, as in curl.
func Proxies(variables map[string]string) *llb.ProxyEnv {
	p := llb.ProxyEnv{}
	into := proxyFields(&p)
	for _, k := range slices.Sorted(maps.Keys(variables)) {
		if s := into[strings.ToUpper(k)]; s != nil && IsProxy(k) && variables[k] != "" {
			*s = variables[k]
		}
	}
	if p == (llb.ProxyEnv{}) {
		return nil
	}
	return &p
}

// ProxySecret is the id of the secret that is the value of a variable such as HTTPS_PROXY.
func ProxySecret(name string) string {
	return ownSecrets + strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// SplitProxies takes those with a password, or what may be one, out of the proxies: their values by the names of their
// variables. The graph of a build is shown, sent and kept.
func SplitProxies(all *llb.ProxyEnv) (plain *llb.ProxyEnv, secret map[string]string) {
	if all == nil {
		return nil, nil
	}
	p := *all
	secret = map[string]string{}
	for name, value := range proxyFields(&p) {
		if strings.Contains(*value, "@") {
			secret[name], *value = *value, ""
		}
	}
	if p == (llb.ProxyEnv{}) {
		return nil, secret
	}
	return &p, secret
}

// proxies are the options by which a step knows the proxies.
func (l *lowering) proxies() []llb.RunOption {
	var opts []llb.RunOption
	if l.in.Proxy != nil {
		opts = append(opts, llb.WithProxy(*l.in.Proxy))
	}
	for _, name := range slices.Sorted(slices.Values(l.in.ProxySecrets)) {
		for _, spelling := range []string{name, strings.ToLower(name)} {
			opts = append(opts, llb.AddSecret(spelling, llb.SecretID(ProxySecret(name)), llb.SecretOptional, llb.SecretAsEnv(true)))
		}
	}
	return opts
}
