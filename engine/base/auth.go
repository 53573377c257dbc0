package base

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// login is the user and password for addresses that begin with machine.
type login struct{ machine, user, password string }

// logins parses apt's auth.conf: any number of entries "machine HOST login NAME password WORD".
func logins(text []byte) []login {
	var out []login
	words := strings.Fields(string(text))
	for i := 0; i+1 < len(words); i += 2 {
		switch value := words[i+1]; words[i] {
		case "machine":
			out = append(out, login{machine: value})
		case "login", "password":
			if len(out) == 0 {
				continue
			}
			if last := &out[len(out)-1]; words[i] == "login" {
				last.user = value
			} else {
				last.password = value
			}
		}
	}
	return out
}

// fits reports whether the login applies to an address. As in apt, a machine without a scheme matches only https, so that the
// password is not sent unencrypted.
func (l login) fits(u *url.URL) bool {
	machine, scheme := l.machine, "https"
	if s, rest, ok := strings.Cut(machine, "://"); ok {
		machine, scheme = rest, s
	}
	host, path, _ := strings.Cut(machine, "/")
	if u.Scheme != scheme || host != u.Host && host != u.Hostname() {
		return false
	}
	path = strings.TrimRight("/"+path, "/")
	return u.Path == path || strings.HasPrefix(u.Path, path+"/")
}

// authorize adds the login for the request's address, unless the address contains one.
func (f *fetcher) authorize(r *http.Request) {
	if r.URL.User != nil {
		return
	}
	for _, l := range f.logins {
		if l.fits(r.URL) {
			r.SetBasicAuth(l.user, l.password)
			return
		}
	}
}

// trust makes the fetcher trust the certificate authorities in a PEM file instead of the system's.
func (f *fetcher) trust(file string) error {
	if file == "" {
		return nil
	}
	pem, err := ReadUpTo(file, MaxPEM)
	if err != nil {
		return fault.Wrap(fault.Usage, err, "the certificates %s cannot be read", file)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fault.New(fault.Usage, "%s has no certificate in PEM", file)
	}
	f.tls.RootCAs = pool
	return nil
}
