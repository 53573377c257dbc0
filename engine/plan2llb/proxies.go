package plan2llb

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
)

// proxyFields maps the variables that name proxies, and the hosts reached without one, to the fields of p.
func proxyFields(p *llb.ProxyEnv) map[string]*string {
	return map[string]*string{"HTTP_PROXY": &p.HTTPProxy, "HTTPS_PROXY": &p.HTTPSProxy, "FTP_PROXY": &p.FTPProxy,
		"NO_PROXY": &p.NoProxy, "ALL_PROXY": &p.AllProxy}
}

// IsProxy reports whether name is one of these variables, all in capitals or all in lower case.
func IsProxy(name string) bool {
	_, ok := proxyFields(&llb.ProxyEnv{})[strings.ToUpper(name)]
	return ok && (name == strings.ToUpper(name) || name == strings.ToLower(name))
}

// Proxies returns the proxies that variables name, or nil if there are none. http_proxy wins over HTTP_PROXY, as in
// curl.
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

// ProxySecret returns the id of the secret with the value of a variable such as HTTPS_PROXY.
func ProxySecret(name string) string {
	return ownSecrets + strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// SplitProxies separates the proxies that may contain a password, and returns their values by the names of their
// variables: the graph of a build is displayed, sent and stored.
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

// proxies returns the options that pass the proxies to a step.
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
