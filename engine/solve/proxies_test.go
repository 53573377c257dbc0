package solve

import (
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

func TestNonProxyHosts(t *testing.T) {
	const own = "localhost|127.*|[::1]"
	for in, want := range map[string]string{
		"": "", " , ": "", "*": own + "|*",
		"corp.example, .lan,*.dev": own + "|corp.example|*.corp.example|*.lan|*.dev",
		"10.0.0.0/8,192.168.7.9/24,10.1.2.3/32,10.1.2.3,fd00::/8,10.1.2.128/25": own + "|10.*|192.168.7.*|10.1.2.3|10.1.2.3|10.1.2.*",
		"db.corp:5432": own + "|db.corp|*.db.corp",
	} {
		if got := nonProxyHosts(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// Only a proxy with a password is a secret. A JVM gets both in a file.
func TestProxyValues(t *testing.T) {
	given := map[string]string{"https_proxy": `http://us%65r:p%22w%5c@proxy.corp:3128`, "HTTP_PROXY": "proxy.corp", "NO_PROXY": "lan", "PATH": "x"}
	var in plan2llb.Input
	proxies(Request{Proxies: given}, &in)
	if in.Proxy == nil || in.Proxy.HTTPProxy != "proxy.corp" || in.Proxy.HTTPSProxy != "" || in.Proxy.NoProxy != "lan" ||
		len(in.ProxySecrets) != 1 || in.ProxySecrets[0] != "HTTPS_PROXY" {
		t.Errorf("the graph depends on %+v and %q", in.Proxy, in.ProxySecrets)
	}
	values := proxyValues(given)
	if got := string(values[plan2llb.ProxySecret("HTTPS_PROXY")]); got != given["https_proxy"] {
		t.Errorf("the secret is %q", got)
	}
	if got := string(values[plan2llb.HTTPProxySecret]); got != given["HTTP_PROXY"] {
		t.Errorf("the proxy for http is %q", got)
	}
	if got := string(values[plan2llb.ProxySecretOfAll]); got != given["https_proxy"] {
		t.Errorf("the only proxy is %q", got)
	}
	if v := proxyValues(map[string]string{"ALL_PROXY": "all.corp"}); string(v[plan2llb.HTTPSProxySecret]) != "all.corp" || string(v[plan2llb.HTTPProxySecret]) != "all.corp" {
		t.Errorf("a proxy for all is one for %v", v)
	}
	options := string(values[plan2llb.JVMFileSecret])
	for _, want := range []string{`"-Dhttp.proxyHost=proxy.corp"`, `"-Dhttp.proxyPort=80"`, `"-Dhttps.proxyPort=3128"`,
		`"-Dhttps.proxyUser=user"`, `"-Dhttps.proxyPassword=p\"w\\"`, `"-Djdk.http.auth.tunneling.disabledSchemes="`} {
		if !strings.Contains(options, want+"\n") {
			t.Errorf("a JVM is not told %s:\n%s", want, options)
		}
	}
	if v := proxyValues(map[string]string{"PATH": "x"}); len(v) != 0 {
		t.Errorf("without proxies there are %v", v)
	}
	if s := jvmOptions(*plan2llb.Proxies(map[string]string{"ALL_PROXY": "socks5://s.corp"})); !strings.Contains(s, "-DsocksProxyHost=s.corp") {
		t.Error(s)
	}
}

// Steps have the proxies, but the image does not. A changed or removed proxy reruns nothing. For a proxy with a password,
// only its existence is part of the step, not the password.
func TestStepProxies(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "x", "env HTTPS_PROXY", "env https_proxy", "env no_proxy"))
	var log strings.Builder
	req.Progress.Out = &log
	run := func(proxies map[string]string) (string, int) {
		t.Helper()
		log.Reset()
		req.Proxies = proxies
		r := build(t, e, req)
		return log.String(), r.Steps - r.Cached
	}
	text, ran := run(map[string]string{"https_proxy": "http://one.test:1", "NO_PROXY": "lan.test"})
	if ran == 0 || strings.Count(text, " http://one.test:1\n") != 2 || !strings.Contains(text, " lan.test\n") {
		t.Errorf("%d steps ran without the proxies:\n%s", ran, text)
	}
	for _, other := range []map[string]string{{"HTTPS_PROXY": "http://two.test:2"}, nil} {
		if text, ran := run(other); ran != 0 {
			t.Errorf("%v runs %d steps again:\n%s", other, ran, text)
		}
	}
	if text, ran := run(map[string]string{"HTTPS_PROXY": "http://me:canary-1@one.test:1"}); ran == 0 || strings.Count(text, "http://me:canary-1@one.test:1\n") != 2 {
		t.Errorf("%d steps ran without the proxy's password:\n%s", ran, text)
	}
	if text, ran := run(map[string]string{"HTTPS_PROXY": "http://me:canary-2@one.test:1"}); ran != 0 {
		t.Errorf("another password runs %d steps again:\n%s", ran, text)
	}
	if got := read(t, e, req.Outputs[0].Dest, "env HTTPS_PROXY"); got != "\n" {
		t.Errorf("the image has HTTPS_PROXY=%s", got)
	}
}
