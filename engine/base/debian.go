package base

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// format is part of every key. Increase it if the same packages must give a different base.
const format = 2

// debian builds one Debian base.
type debian struct {
	Request
	suite   string
	flavour flavour
	keys    *keyring
	host    []aptSource
	now     func() time.Time
	pause   time.Duration // before the first retry of a download
	fetch   *fetcher
	at      time.Time // start of the bootstrap
}

const (
	// datePlace is the placeholder for the date in the address of a snapshot mirror.
	datePlace = "{date}"
	// DateForm is the format of the dates of snapshot mirrors, in UTC.
	DateForm = "20060102T150405Z"
)

// stale is the age at which a base is reported as possibly outdated.
const stale = 30 * 24 * time.Hour

var suiteForm = lazy.Regexp(`^[a-z][a-z0-9.-]{0,63}$`)

func newDebian(req Request) (*debian, error) { return newDebianOn(req, os.DirFS("/")) }

func newDebianOn(req Request, host fs.FS) (*debian, error) {
	d := &debian{Request: req, suite: strings.TrimPrefix(req.Ref, debianScheme), flavour: bare, now: time.Now, pause: 500 * time.Millisecond}
	if !suiteForm().MatchString(d.suite) {
		return nil, fault.New(fault.Usage, "%q is not a Debian suite", req.Ref).WithHint("use a suite such as debian://trixie")
	}
	if req.Nix {
		d.flavour = nix
	}
	var err error
	if d.keys, err = readKeyring(req.Keyring); err != nil {
		return nil, err
	}
	d.Mirror = strings.TrimRight(req.Mirror, "/")
	if d.Mirror == "" {
		d.host = hostSources(host)
		return d, nil
	}
	u, err := url.Parse(d.Mirror)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "file" {
		return nil, fault.New(fault.Usage, "%q is not the address of a Debian mirror", req.Mirror).
			WithHint("write http://HOST/debian, https:// or file://")
	}
	return d, nil
}

// resolve returns the base from the cache or builds it. Concurrent processes build it only once.
func (d *debian) resolve(ctx context.Context, run Runner) (*Layout, error) {
	c := &cache{dir: d.CacheDir, id: d.id(), arch: d.Arch}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if !d.Refresh {
		if l, made := c.lookup(); l != nil {
			if age := d.now().Sub(made); age > stale {
				d.Progress(fmt.Sprintf("%s was made %d days ago; --pull checks for newer packages", d.Ref, int(age.Hours()/24)))
			}
			return l, nil
		}
	}
	if d.Offline {
		return nil, fault.New(fault.TryAgain, "%s (%s) is not in the cache, and cannot be made offline", d.Ref, d.flavour.name).
			WithHint("build once without --offline, or use --build-image oci-layout://PATH")
	}
	unlock, err := c.lock(ctx, func() { d.Progress("waiting for another nixpacks process that is making " + d.Ref) })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !d.Refresh {
		if l, _ := c.lookup(); l != nil { // built while waiting
			return l, nil
		}
	}
	return d.bootstrap(ctx, c, run)
}

// id identifies a request: everything that determines the base, except the current state of the archive.
func (d *debian) id() string {
	keys := sha256.Sum256(d.keys.raw)
	mirror := d.Mirror
	if d.frozen() && d.Date != "" {
		mirror = d.snapshot(mirror)
	}
	return d.suite + "-" + d.Arch + "-" + d.flavour.name + "-" + hashOf([]any{format, mirror, d.host, hex.EncodeToString(keys[:]), d.recipe()})[:16]
}

// frozen reports whether the mirror serves snapshots, whose indexes never change and eventually expire.
func (d *debian) frozen() bool { return strings.Contains(d.Mirror, datePlace) }

// snapshot inserts the requested date into the address of a snapshot mirror. Other addresses are unchanged.
func (d *debian) snapshot(mirror string) string {
	return strings.ReplaceAll(mirror, datePlace, cmp.Or(d.Date, d.at.UTC().Format(DateForm)))
}

// security returns the source of security updates on the same mirror, which is a separate archive.
func (d *debian) security(main source) source {
	if d.frozen() {
		before, after, _ := strings.Cut(d.Mirror, "/"+datePlace)
		main.URI = d.snapshot(before + "-security/" + datePlace + after)
		return main
	}
	main.URI += "-security"
	return main
}

// recipe returns a hash of what this program adds to the packages.
func (d *debian) recipe() string {
	files := map[string]string{"configure": string(configureScript)}
	for _, root := range d.flavour.trees {
		_ = fs.WalkDir(trees, root, func(p string, e fs.DirEntry, err error) error { // reading an embedded tree does not fail
			if err == nil && !e.IsDir() {
				text, _ := trees.ReadFile(p)
				files[p] = string(text)
			}
			return nil
		})
	}
	return hashOf([]any{files, d.flavour.packages, d.flavour.dirs, d.flavour.env})
}

// hashOf returns the SHA-256 of a value's JSON.
func hashOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // only for values that JSON cannot encode, which do not occur
		raw = fmt.Appendf(nil, "%v", v)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// releases opens the suite and, if they exist, its updates and security updates.
func (d *debian) releases(ctx context.Context) ([]*release, error) {
	main, err := d.main(ctx)
	if err != nil {
		return nil, err
	}
	out := []*release{main}
	for _, s := range [][]source{
		{{main.URI, main.codename + "-updates", main.AnyAge}},
		securitySources(d.host, d.security(main.source), main.codename+"-security"),
	} {
		r, err := d.extra(ctx, s)
		if err != nil {
			return nil, err
		}
		if r != nil {
			out = append(out, r)
		}
	}
	return out, nil
}

// main opens the suite itself, on the named mirror or on the first of the host's archives that has it.
func (d *debian) main(ctx context.Context) (*release, error) {
	if d.Mirror != "" {
		return d.open(ctx, source{URI: d.snapshot(d.Mirror), Suite: d.suite, AnyAge: d.frozen()})
	}
	var tried []string
	var expired error
	for _, s := range mainSources(d.host, d.suite) {
		r, err := d.open(ctx, s)
		switch {
		case err == nil:
			return r, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case fault.CodeOf(err) == fault.TryAgain && !answered(err):
			return nil, err // without a network, the next one would fail too, or be the wrong archive
		case errors.Is(err, errExpired) && expired == nil:
			expired = err
		}
		tried = append(tried, err.Error())
	}
	if expired != nil { // the right archive, but expired
		return nil, expired
	}
	f := fault.New(fault.Refused, "no Debian archive in this machine's apt sources has %s", d.suite).
		WithHint("%sgive one with --debian-mirror URL, such as the address that apt uses on a Debian machine near you", suggestion(d.suite))
	f.Detail = strings.Join(tried, "\n")
	return nil, f
}

// suites are used for suggestions only. Any suite of the archive is accepted.
var suites = []string{"bookworm", "bullseye", "duke", "forky", "oldstable", "sid", "stable", "testing", "trixie", "unstable"}

// suggestion returns a hint line for a suite that does not exist, if its name is similar to a known one, or "".
func suggestion(suite string) string {
	if s := fault.Suggest(suite, suites); s != "" && s != suite {
		return "did you mean " + debianScheme + s + "?\n"
	}
	return ""
}

// extra opens the first source that has its suite. It reports a missing suite and returns nil. An expired
// one is left out, because apt in the base would refuse it.
func (d *debian) extra(ctx context.Context, sources []source) (*release, error) {
	for _, s := range sources {
		r, err := d.open(ctx, s)
		switch {
		case err == nil:
			return r, nil
		case errors.Is(err, errExpired):
			d.Progress(fmt.Sprintf("skipping %s: %v", s.Suite, err))
			return nil, nil
		case !answered(err):
			return nil, err
		}
	}
	d.Progress(fmt.Sprintf("%s has no %s", redact(sources[0].URI), sources[0].Suite))
	return nil, nil
}

func (d *debian) open(ctx context.Context, s source) (*release, error) {
	return openRelease(ctx, d.fetch, d.keys, d.now(), s)
}

// answered reports whether err is a server's answer that it does not have or does not serve the file.
func answered(err error) bool {
	var status statusError
	return errors.As(err, &status) && status.code < 500
}

// aptSources returns the apt configuration of the finished base: the archives that it was built from.
func (d *debian) aptSources(from []*release) string {
	var b strings.Builder
	for i, r := range from {
		if i > 0 {
			b.WriteByte('\n')
		}
		uri := r.URI
		if u, err := url.Parse(uri); err == nil && u.User != nil { // an image must not contain the password
			u.User = nil
			uri = u.String()
		}
		suite := r.Suite
		if i == 0 {
			suite = r.codename
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n", uri, suite, d.signedBy())
		if r.AnyAge {
			b.WriteString("Check-Valid-Until: no\n")
		}
	}
	return b.String()
}

func (d *debian) signedBy() string {
	if d.Keyring == "" {
		return "/usr/share/keyrings/debian-archive-keyring.gpg"
	}
	return "/" + keyFile(d.keys.raw)
}

// keyFile returns the path in the base for the keys of an archive not signed by Debian. apt determines the key format
// from the extension.
func keyFile(keys []byte) string {
	if isArmored(keys) {
		return "etc/apt/keyrings/archive.asc"
	}
	return "etc/apt/keyrings/archive.gpg"
}
