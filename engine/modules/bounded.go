package modules

import (
	"fmt"
	"net/http"
	"sync/atomic"
)

// maxRequests limits the requests of one process: a registry could always name a further page of tags.
const maxRequests = 1_000

// errEndless reports a registry that leads from one request to the next.
var errEndless = fmt.Errorf("it leads to more than %d requests", maxRequests)

// counted limits the number of requests.
type counted struct {
	next     http.RoundTripper
	requests atomic.Int64
}

// RoundTrip sends a request.
func (c *counted) RoundTrip(req *http.Request) (*http.Response, error) {
	if c.requests.Add(1) > maxRequests {
		return nil, errEndless
	}
	return c.next.RoundTrip(req)
}
