package solve

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/connhelper"

	"github.com/nixpacks-cue/nixpacks/engine/base"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/remote"
)

// TLS names the PEM files for a tcp:// builder.
type TLS struct {
	CA, Cert, Key string
	ServerName    string // server name to verify; "" is the address's host
}

// config returns the TLS configuration for a builder at host. It validates the files, since BuildKit's client would not report
// which one is invalid, and reads each once: it may be a pipe.
func (t TLS) config(host string) (*tls.Config, error) {
	if (t.Cert == "") != (t.Key == "") {
		return nil, fault.New(fault.Usage, "the client certificate and its key must be given together").
			WithHint("give both --tlscert and --tlskey")
	}
	c := &tls.Config{ServerName: cmp.Or(t.ServerName, host), NextProtos: []string{"h2"}}
	if t.CA != "" {
		pem, err := base.ReadUpTo(t.CA, base.MaxPEM)
		if err != nil {
			return nil, fault.New(fault.Usage, "the builder's TLS file cannot be read: %v", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Usage, "the builder's TLS file %s has no certificate in PEM", t.CA)
		}
	}
	if t.Cert == "" {
		return c, nil
	}
	pair, err := t.pair()
	if err != nil {
		return nil, fault.New(fault.Usage, "the builder's TLS files %s and %s cannot be used: %v", t.Cert, t.Key, err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

// pair reads the client's certificate and its key.
func (t TLS) pair() (tls.Certificate, error) {
	cert, err := base.ReadUpTo(t.Cert, base.MaxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := base.ReadUpTo(t.Key, base.MaxPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// dialTLS makes BuildKit's client connect with TLS. gRPC's own TLS rejects servers that do not negotiate a protocol in the
// handshake (ALPN), such as BuildKit before 0.13.
func dialTLS(c *tls.Config) client.ClientOpt {
	d := &tls.Dialer{Config: c}
	return client.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return d.DialContext(ctx, "tcp", addr) })
}

// connectFault returns the fault for a builder that does not answer.
func (t Target) connectFault(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.Interruption(ctx)
	}
	cause := remote.Cause(err)
	if alert := t.tlsError(ctx); alert != nil {
		cause = remote.Cause(alert)
	}
	if words := t.helperError(ctx); words != nil {
		cause = remote.Cause(words)
	}
	f := fault.New(fault.TryAgain, "the BuildKit at %s does not answer: %s", t.Builder, cause).
		WithHint("check that it is running and that you have permission to use it; without %s, the embedded engine builds", t.from())
	f.Err = err
	switch plain := t.TLS == (TLS{}); {
	case remote.UntrustedServer(cause):
		f.Code = fault.Usage
		f.Hint = "its certificate must be signed by the CA in --tlscacert, and be valid for its host or the name in --tlsservername"
	case remote.UntrustedClient(cause):
		f.Code = fault.Usage
		f.Hint = "it must accept the client certificate in --tlscert and --tlskey"
	case strings.Contains(cause, "first record does not look like a TLS handshake"):
		f.Code = fault.Usage
		f.Hint = "it does not use TLS: remove the TLS flags"
	case carried().MatchString(cause):
		f.Code = fault.Usage
		m := carried().FindStringSubmatch(cause)
		f.Msg = fmt.Sprintf("the BuildKit at %s does not answer: %s says: %s", t.Builder, m[1], strings.TrimSpace(strings.ReplaceAll(m[2], `\n`, "\n")))
		f.Hint = fmt.Sprintf("check that it is running there and that buildctl is installed; without %s, the embedded engine builds", t.from())
	case plain && strings.HasPrefix(t.Builder, "tcp://") && strings.Contains(cause, "server preface"):
		f.Code = fault.Usage
		f.Hint = "it may require TLS: give the files with --tlscacert, --tlscert and --tlskey"
	}
	return f
}

// tlsError returns the TLS error of a builder that did not answer, or nil. In TLS 1.3, a client learns only after its
// handshake that its certificate is rejected, and by then gRPC may have failed with a write error.
func (t Target) tlsError(ctx context.Context) error {
	u, err := url.Parse(t.Builder)
	if err != nil || t.tls == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, remote.AnswerTimeout)
	defer cancel()
	c, err := (&tls.Dialer{Config: t.tls}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(remote.AnswerTimeout)); err != nil {
		return nil
	}
	_, err = c.Read(make([]byte, 1))
	if err != nil && strings.Contains(err.Error(), "tls: ") {
		return err
	}
	return nil
}

// helperError returns the error message of the program that connects to the builder, or nil. gRPC may have failed with a write
// error before the program printed it.
func (t Target) helperError(ctx context.Context) error {
	scheme, _, _ := strings.Cut(t.Builder, "://")
	if programs[scheme] == "" {
		return nil
	}
	helper, err := connhelper.GetConnectionHelper(t.Builder)
	if err != nil || helper == nil {
		return err
	}
	c, err := helper.ContextDialer(ctx, "")
	if err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		read <- err
	}()
	select {
	case err = <-read:
	case <-time.After(remote.AnswerTimeout):
	case <-ctx.Done():
	}
	_ = c.Close()
	return err
}

// carried matches the error of a helper program: its name and its message.
var carried = lazy.Regexp(`(?s)command \[(\S+).*\] has exited with .*stderr=(.+)`)
