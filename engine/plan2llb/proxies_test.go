package plan2llb

import (
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
)

// Every step gets the proxies. Possible passwords are not part of the graph, and no proxy is part of the image.
func TestProxies(t *testing.T) {
	given := Proxies(map[string]string{"HTTPS_PROXY": "http://me:canary@proxy:1", "https_proxy": "http://you:canary@proxy:1",
		"HTTP_PROXY": "http://plain:2", "NO_PROXY": "lan", "Https_Proxy": "no", "OTHER_PROXY": "no", "ALL_PROXY": ""})
	plain, secret := SplitProxies(given)
	if *plain != (llb.ProxyEnv{HTTPProxy: "http://plain:2", NoProxy: "lan"}) || len(secret) != 1 || secret["HTTPS_PROXY"] != "http://you:canary@proxy:1" {
		t.Fatalf("%+v and %q", plain, secret)
	}
	res := lower(t, defaults(Input{Plan: nodePlan(), Proxy: plain, ProxySecrets: []string{"HTTPS_PROXY"}}))
	execs := 0
	for _, op := range decode(t, res.Def) {
		e := op.GetExec()
		if e == nil {
			continue
		}
		execs++
		var names []string
		for _, s := range e.Secretenv {
			if s.ID == ProxySecret("HTTPS_PROXY") && s.Optional {
				names = append(names, s.Name)
			}
		}
		if p := e.Meta.ProxyEnv; p.GetHttpProxy() != "http://plain:2" || p.GetHttpsProxy() != "" || !slices.Equal(names, []string{"HTTPS_PROXY", "https_proxy"}) {
			t.Errorf("%q knows %v and %q", e.Meta.Args, p, names)
		}
	}
	if execs != 4 {
		t.Errorf("%d steps run", execs)
	}
	for _, dt := range res.Def.Def {
		if strings.Contains(string(dt), "canary") {
			t.Error("the graph holds the password")
		}
	}
	if s := strings.ToLower(imageJSON(t, res)); strings.Contains(s, "proxy") {
		t.Error("the image knows a proxy: " + s)
	}
	if p, s := SplitProxies(Proxies(nil)); p != nil || s != nil {
		t.Error("there are proxies where there are none")
	}
}

// Credentials are mounted only in the phase that names them, and become variables only if the client has them.
func TestCredentials(t *testing.T) {
	at := func(given ...string) *Result {
		p := nodePlan()
		p.Phases["install"].Credentials = map[string]string{"npmrc": "~/.npmrc", "token": "$A", "none": "", JVMSecret: "$JVM"}
		return lower(t, defaults(Input{Plan: p, Given: given}))
	}
	seen := func(res *Result, step string) (files, variables []string, env []string) {
		e := decode(t, res.Def)[find(t, res, step)].GetExec()
		for _, m := range e.Mounts {
			if m.SecretOpt != nil && m.SecretOpt.Optional {
				files = append(files, m.SecretOpt.ID+" "+m.Dest)
			}
		}
		for _, s := range e.Secretenv {
			variables = append(variables, s.ID+" "+s.Name)
		}
		return files, variables, e.Meta.Env
	}
	ca := nodePlan()
	ca.Phases["install"].Credentials = map[string]string{CASecret: "$AUTHORITIES"}
	for trusts, want := range map[bool]int{true: 1, false: 0} {
		_, _, env := seen(lower(t, defaults(Input{Plan: ca, CA: trusts})), "[install] npm ci")
		if n := len(slices.DeleteFunc(env, func(kv string) bool { return kv != "AUTHORITIES="+caFile })); n != want {
			t.Errorf("CA: %t: %q", trusts, env)
		}
	}
	none, all := at(), at("npmrc", "token", JVMSecret)
	if files, variables, env := seen(none, "[install] npm ci"); !slices.Equal(files, []string{"npmrc /root/.npmrc"}) || variables != nil || !slices.Contains(env, "A=1") {
		t.Errorf("not given: %q %q %q", files, variables, env)
	}
	files, variables, env := seen(all, "[install] npm ci")
	if !slices.Equal(files, []string{JVMFileSecret + " " + JVMFile, "npmrc /root/.npmrc"}) || !slices.Equal(variables, []string{JVMSecret + " JVM", "token A"}) || slices.Contains(env, "A=1") {
		t.Errorf("given: %q %q %q", files, variables, env)
	}
	if files, variables, _ := seen(all, "[build] npm run build"); files != nil || variables != nil {
		t.Errorf("build sees %q %q", files, variables)
	}
	wantFresh(t, "a file that is given", none, at("npmrc"))
}

// Invalid places are refused.
func TestCredentialPlaces(t *testing.T) {
	p := nodePlan()
	ph := p.Phases["install"]
	ph.CacheDirectories = []string{"~/.m2"}
	ph.Credentials = map[string]string{"a/b": "/x", "relative": "x", "up": "/x/../y", "root": "/", "odd": "$A-B", CASecret: "/x", ProxySecret("NO_PROXY"): "$X", "settings": "~/.m2/settings.xml", "good": "~/.netrc", HTTPSProxySecret: "$GOOD"}
	_, err := Lower(t.Context(), defaults(Input{Plan: p}))
	if err == nil {
		t.Fatal("nothing is refused")
	}
	for id := range ph.Credentials {
		if got := strings.Contains(err.Error(), id); got == (id == "good" || id == HTTPSProxySecret) {
			t.Errorf("%s: refused: %t\n%v", id, got, err)
		}
	}
	if n := strings.Count(err.Error(), "\n") + 1; n != len(ph.Credentials)-2 {
		t.Errorf("%d faults\n%v", n, err)
	}
}

// Steps that download packages are recognized, and the part of the graph that they need is a valid graph.
func TestFetches(t *testing.T) {
	res := lower(t, defaults(Input{Plan: nodePlan()}))
	fetches := res.Fetches()
	if len(fetches) == 0 {
		t.Fatal("there are none")
	}
	for _, f := range fetches {
		def := res.Upto(f.Vertex)
		itself := false
		for _, dt := range def.Def {
			d := digest.FromBytes(dt)
			itself = itself || d == f.Vertex
			if s, ok := res.Steps[d]; ok {
				t.Errorf("%s needs %q, which runs after it", f.Name, s.Command)
			}
		}
		if !itself || len(def.Def) < 3 {
			t.Errorf("%s needs %d vertices, itself: %t", f.Name, len(def.Def), itself)
		}
	}
}
