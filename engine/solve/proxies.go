package solve

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// proxies sets the proxies of the request for steps. Proxies that may contain a password are passed as secrets (see
// proxyValues). JVMs ignore the variables, so they get all proxies as secrets.
func proxies(req Request, in *plan2llb.Input) {
	plain, secret := plan2llb.SplitProxies(plan2llb.Proxies(req.Proxies))
	in.Proxy = plain
	for name := range secret {
		in.ProxySecrets = append(in.ProxySecrets, name)
	}
}

// proxyValues returns the secrets that pass proxies to steps, by id.
func proxyValues(variables map[string]string) map[string][]byte {
	all := plan2llb.Proxies(variables)
	_, secret := plan2llb.SplitProxies(all)
	out := map[string][]byte{}
	for name, value := range secret {
		out[plan2llb.ProxySecret(name)] = []byte(value)
	}
	if all == nil {
		return out
	}
	for id, address := range map[string]string{plan2llb.HTTPProxySecret: httpProxy(*all), plan2llb.HTTPSProxySecret: httpsProxy(*all),
		plan2llb.ProxySecretOfAll: cmp.Or(httpsProxy(*all), httpProxy(*all))} {
		if address != "" {
			out[id] = []byte(address)
		}
	}
	out[plan2llb.JVMFileSecret] = []byte(jvmOptions(*all))
	out[plan2llb.JVMSecret] = []byte("@" + plan2llb.JVMFile)
	return out
}

// httpProxy and httpsProxy return the proxies for requests, with ALL_PROXY as the default.
func httpProxy(p llb.ProxyEnv) string  { return cmp.Or(p.HTTPProxy, p.AllProxy) }
func httpsProxy(p llb.ProxyEnv) string { return cmp.Or(p.HTTPSProxy, p.AllProxy) }

// jvmOptions returns the proxies as an options file for the java command.
func jvmOptions(p llb.ProxyEnv) string {
	var b strings.Builder
	set := func(key, value string) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace("-D" + key + "=" + value)
		fmt.Fprintf(&b, "\"%s\"\n", quoted)
	}
	password := false
	for _, s := range []struct{ scheme, address string }{{"http", httpProxy(p)}, {"https", httpsProxy(p)}} {
		u := proxyURL(s.address)
		switch {
		case u == nil:
			continue
		case strings.HasPrefix(u.Scheme, "socks"):
			set("socksProxyHost", u.Hostname())
			set("socksProxyPort", cmp.Or(u.Port(), "1080"))
			continue
		}
		set(s.scheme+".proxyHost", u.Hostname())
		set(s.scheme+".proxyPort", cmp.Or(u.Port(), map[string]string{"https": "443"}[u.Scheme], "80"))
		if u.User != nil {
			secret, _ := u.User.Password()
			set(s.scheme+".proxyUser", u.User.Username())
			set(s.scheme+".proxyPassword", secret)
			password = true
		}
	}
	if hosts := nonProxyHosts(p.NoProxy); hosts != "" {
		set("http.nonProxyHosts", hosts)
	}
	if password { // by default, a JVM sends no password to a proxy that it uses for https
		set("jdk.http.auth.tunneling.disabledSchemes", "")
	}
	// Unlike the JVM's own, Maven's HTTP client ignores these options unless this one is set.
	set("aether.connector.http.useSystemProperties", "true")
	return b.String()
}

// proxyURL parses a proxy address, which may lack a scheme. It returns nil if the address is empty or invalid.
func proxyURL(address string) *url.URL {
	if address == "" {
		return nil
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" {
		return nil
	}
	return u
}

// nonProxyHosts converts NO_PROXY to the JVM's format. A name that also stands for its subdomains becomes two patterns,
// and a network becomes an address prefix.
func nonProxyHosts(noProxy string) string {
	if strings.Trim(noProxy, ", ") == "" {
		return ""
	}
	out := []string{"localhost", "127.*", "[::1]"}
	for _, h := range strings.FieldsFunc(noProxy, func(r rune) bool { return r == ',' || r == ' ' }) {
		h = strings.TrimPrefix(h, "*")
		switch network, err := netip.ParsePrefix(h); {
		case h == "":
			out = append(out, "*")
		case err == nil && network.Addr().Is4():
			parts := strings.Split(network.Masked().Addr().String(), ".")
			if whole := network.Bits() / 8; whole > 0 && whole < 4 { // a narrower network cannot be expressed as a pattern
				out = append(out, strings.Join(parts[:whole], ".")+".*")
			} else if whole == 4 {
				out = append(out, strings.Join(parts, "."))
			}
		case err == nil:
		case strings.HasPrefix(h, "."):
			out = append(out, "*"+h)
		default:
			if name, port, ok := strings.Cut(h, ":"); ok && port != "" && !strings.Contains(port, ":") {
				h = name // the JVM does not support ports
			}
			out = append(out, h)
			if _, err := netip.ParseAddr(h); err != nil {
				out = append(out, "*."+h)
			}
		}
	}
	return strings.Join(out, "|")
}
