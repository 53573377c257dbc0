package base

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/stall"
)

// fetcher downloads files over HTTP, or copies them from file:// addresses.
type fetcher struct {
	client  *http.Client
	tls     *tls.Config   // the client's TLS configuration
	store   string        // directory of finished downloads, named by SHA-256
	tmp     string        // directory for partial downloads; on the same file system as store
	pause   time.Duration // before the first retry; doubled for each further one
	logins  []login
	counter *counter // counts downloaded bytes; may be nil
}

// counter counts the bytes of several downloads.
type counter struct {
	what string
	tell func(what string, got, all int64) // may be nil
	all  int64
	got  atomic.Int64
}

// add adds to the count. n is negative if a download starts again.
func (c *counter) add(n int64) {
	if c != nil && c.tell != nil && n != 0 {
		c.tell(c.what, c.got.Add(n), c.all)
	}
}

// Write counts the bytes written.
func (c *counter) Write(p []byte) (int, error) {
	c.add(int64(len(p)))
	return len(p), nil
}

const tries = 4

// patience is how long a transfer may stall before it is aborted and retried.
const patience = 30 * time.Second

func newFetcher(store, tmp string, pause time.Duration) *fetcher {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = downloads
	t.TLSClientConfig = &tls.Config{}
	f := &fetcher{client: &http.Client{Transport: stall.Transport(t, patience)}, tls: t.TLSClientConfig, store: store, tmp: tmp, pause: pause}
	f.client.CheckRedirect = f.follow
	return f
}

// follow handles redirects. It removes the login for the first address, because Go's client would send it to other ports of
// the host, and from https to http.
func (f *fetcher) follow(r *http.Request, before []*http.Request) error {
	if len(before) == 10 { // the limit of Go's client
		return errors.New("too many redirects (10)")
	}
	r.Header.Del("Authorization")
	f.authorize(r)
	return nil
}

// statusError is an HTTP status other than 200.
type statusError struct{ code int }

func (e statusError) Error() string {
	return fmt.Sprintf("HTTP status %d %s", e.code, http.StatusText(e.code))
}

// sumError reports a file whose hash differs from that in the index.
type sumError struct{ want, got string }

func (e sumError) Error() string {
	return "its SHA-256 is " + e.got + ", but the signed index has " + e.want
}

var errTooBig = errors.New("the file is larger than expected")

// text downloads a small file of at most limit bytes.
func (f *fetcher) text(ctx context.Context, address string, limit int64) (body []byte, err error) {
	err = f.retry(ctx, func(ctx context.Context) error {
		body = nil
		r, err := f.open(ctx, address)
		if err != nil {
			return err
		}
		defer r.Close()
		body, err = io.ReadAll(io.LimitReader(r, limit+1))
		if err == nil && int64(len(body)) > limit {
			err = errTooBig
		}
		return err
	})
	return body, err
}

// file returns the path of the file with the given SHA-256, from the store or downloaded from one of the addresses.
func (f *fetcher) file(ctx context.Context, sum string, size int64, addresses ...string) (string, error) {
	path := filepath.Join(f.store, sum)
	if got, err := hashFile(path); err == nil && got == sum {
		_ = os.Chtimes(path, time.Time{}, time.Now()) // mark as used, see cache.sweep
		f.counter.add(size)
		return path, nil
	}
	var err error
	for _, a := range addresses {
		err = f.retry(ctx, func(ctx context.Context) error { return f.download(ctx, a, path, sum, size) })
		var missing statusError
		if errors.As(err, &missing) && missing.code == http.StatusNotFound {
			continue
		}
		return path, downloadFault(err, a)
	}
	return path, downloadFault(err, addresses[len(addresses)-1])
}

func (f *fetcher) download(ctx context.Context, address, path, sum string, size int64) error {
	r, err := f.open(ctx, address)
	if err != nil {
		return err
	}
	defer r.Close()
	part, err := os.CreateTemp(f.tmp, "part-")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	defer part.Close()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(part, h, f.counter), io.LimitReader(r, size+1))
	if err != nil {
		f.counter.add(-n)
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); n != size || got != sum {
		f.counter.add(-n)
		return sumError{sum, got}
	}
	if err := part.Close(); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// open starts a transfer. Addresses come only from the operator (flags, the host's apt sources).
func (f *fetcher) open(ctx context.Context, address string) (io.ReadCloser, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, reason(err) // without the address, which may contain a password
	}
	if u.Scheme == "file" {
		r, err := os.Open(u.Path)
		if errors.Is(err, os.ErrNotExist) {
			return nil, statusError{http.StatusNotFound}
		}
		return r, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	f.authorize(req)
	req.Header.Set("Accept-Encoding", "identity") // otherwise net/http would decompress a .gz
	resp, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		resp.Body.Close()
		return nil, statusError{resp.StatusCode}
	}
	return resp.Body, nil
}

// retry runs fn until it succeeds, fails permanently, or has failed tries times.
func (f *fetcher) retry(ctx context.Context, fn func(context.Context) error) error {
	pause := f.pause
	for n := 1; ; n++ {
		err := fn(ctx)
		if err == nil || ctx.Err() != nil || n == tries || !passing(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// passing reports whether an error may be temporary. A wrong hash may be: a proxy truncated the file,
// or the mirror was being updated.
func passing(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status.code >= 500 || status.code == http.StatusTooManyRequests || status.code == http.StatusRequestTimeout
	}
	var path *os.PathError
	return !errors.As(err, &path) && !errors.Is(err, errTooBig)
}

func hashFile(path string) (string, error) {
	r, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	_, err = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil)), err
}

// downloadFault returns the fault for a failed download.
func downloadFault(err error, address string) error {
	var sum sumError
	var status statusError
	var path *os.PathError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &sum):
		return fault.New(fault.Refused, "%s does not match the signed index", redact(address)).
			WithHint("%v\na proxy or the mirror changed it; use another mirror with --debian-mirror URL", err)
	case errors.As(err, &status) && status.code == http.StatusNotFound:
		return fault.New(fault.TryAgain, "%s is missing from the mirror", redact(address)).
			WithHint("the mirror is incomplete or being updated: try again, or use another mirror with --debian-mirror URL")
	case errors.As(err, &path):
		return fault.Wrap(fault.TryAgain, err, "cannot write %s: %v", path.Path, path.Err)
	}
	return &fault.Fault{Code: fault.TryAgain, Err: err,
		Msg:  fmt.Sprintf("cannot download %s: %v", redact(address), reason(err)),
		Hint: "check the network and http_proxy, or use another mirror with --debian-mirror URL"}
}

// reason removes the address that net/http adds to its errors.
func reason(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// redact replaces the password in an address.
func redact(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	at := strings.LastIndex(address, "@")
	if scheme := strings.Index(address, "://"); scheme >= 0 && at > scheme {
		return address[:scheme+3] + "xxxxx" + address[at:]
	}
	return address[at+1:]
}
