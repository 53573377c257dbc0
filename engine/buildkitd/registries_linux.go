package buildkitd

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/moby/buildkit/util/resolver"

	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// registryHosts configures access to registries until lifetime ends. BuildKit itself would wait forever for a registry that
// never answers, and would continue a cache import after its build was cancelled.
func registryHosts(lifetime context.Context, o Options) docker.RegistryHosts {
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
			c.Transport = paced{bound{stall.Transport(c.Transport, cmp.Or(o.Patience, Patience)), lifetime}}
			out[i].Client = &c
		}
		return out, err
	}
}

// bound aborts every transfer when lifetime ends.
type bound struct {
	next     http.RoundTripper
	lifetime context.Context
}

// RoundTrip sends a request.
func (b bound) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	stop := context.AfterFunc(b.lifetime, cancel)
	resp, err := b.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	resp.Body = &boundBody{resp.Body, func() { stop(); cancel() }}
	if strings.Contains(req.URL.Path, "/manifests/") {
		// containerd reads a response without a Content-Length to its end before it compares it with its limit.
		large := fmt.Errorf("%s sends a manifest of more than %d MB", req.URL.Host, docker.MaxManifestSize>>20)
		resp.Body = stall.LimitBody(resp.Body, docker.MaxManifestSize, large)
	}
	return resp, nil
}

// boundBody is the response body of a bound request.
type boundBody struct {
	io.ReadCloser
	done func()
}

// Close implements io.Closer.
func (b *boundBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// paced delays the response "429 Too Many Requests", since the client retries at once, four times.
type paced struct{ http.RoundTripper }

// RoundTrip sends a request.
func (p paced) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(req)
	if err != nil || resp.StatusCode != http.StatusTooManyRequests {
		return resp, err
	}
	select {
	case <-time.After(pace(resp.Header.Get("Retry-After"))):
	case <-req.Context().Done(): // the reader of the response sees the error
	}
	return resp, nil
}

// pace returns the delay before the next request, based on Retry-After. A registry may ask for hours; then the build
// fails with the registry's error.
func pace(retryAfter string) time.Duration {
	const least, most = time.Second, 5 * time.Second
	seconds, err := strconv.Atoi(retryAfter)
	if err != nil {
		return least
	}
	return min(max(time.Duration(seconds)*time.Second, least), most)
}
