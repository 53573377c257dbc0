package buildkitd

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"

	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// registryHosts says how registries are reached, until over ends. BuildKit itself would wait without end for one that never
// answers, and goes on with the import of a cache when the build that asked for it was given up.
func registryHosts(over context.Context, o Options) docker.RegistryHosts {
	hosts := resolver.NewRegistryConfig(nil)
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
			c.Transport = paced{bound{stall.Transport(c.Transport, cmp.Or(o.Patience, Patience)), over}}
			out[i].Client = &c
		}
		return out, err
	}
}

// bound ends every transfer when over does.
type bound struct {
	next http.RoundTripper
	over context.Context
}

// RoundTrip sends a request.
func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	stop := context.AfterFunc(b.over, cancel)
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	resp.Body = &boundBody{resp.Body, func() { stop(); cancel() }}
	return resp, nil
}

// boundBody is the answer to a request that is bound.
type boundBody struct {
	io.ReadCloser
	done func()
}

// Close is that of io.Closer.
func (b *boundBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
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
