package buildkitd

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"
	resolverconfig "github.com/moby/buildkit/util/resolver/config"

	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// registryHosts says how registries are reached. BuildKit itself would wait without end for one that never answers.
func registryHosts(o Options) docker.RegistryHosts {
	m := map[string]resolverconfig.RegistryConfig{}
	for host, r := range o.Registries {
		c := resolverconfig.RegistryConfig{Mirrors: r.Mirrors, RootCAs: r.CAFiles}
		if r.PlainHTTP {
			c.PlainHTTP = &r.PlainHTTP
		}
		if r.Insecure {
			c.Insecure = &r.Insecure
		}
		m[host] = c
	}
	hosts := resolver.NewRegistryConfig(m)
	return func(name string) ([]docker.RegistryHost, error) {
		out, err := hosts(name)
		for i := range out {
			c := http.Client{}
			if out[i].Client != nil {
				c = *out[i].Client
			}
			if c.Transport == nil {
				c.Transport = http.DefaultTransport
			}
			c.Transport = paced{stall.Transport(c.Transport, cmp.Or(o.Patience, Patience))}
			out[i].Client = &c
		}
		return out, err
	}
}

// paced makes the answer "too many requests" wait: who gets it asks again at once, four times.
type paced struct{ http.RoundTripper }

// RoundTrip sends a request.
func (p paced) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusTooManyRequests {
		return resp, err
	}
	select {
	case <-time.After(pace(resp.Header.Get("Retry-After"))):
	case <-req.Context().Done(): // whoever reads the answer learns of it
	}
	return resp, nil
}

// pace is how long to wait before the next question, by what a registry asks for. It may ask for hours: then the build ends,
// and says what the registry said.
func pace(retryAfter string) time.Duration {
	const least, most = time.Second, 5 * time.Second
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil {
		return least
	}
	return min(max(time.Duration(seconds)*time.Second, least), most)
}
