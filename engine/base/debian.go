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

// format is part of every key: raise it when the same packages are to give another base.
const format = 2

// debian makes one Debian base.
type debian struct {
	Request
	suite   string
	flavour flavour
	keys    *keyring
	host    []aptSource
	now     func() time.Time
	pause   time.Duration // before a failed download is tried again
	fetch   *fetcher
	at      time.Time // when the bootstrap began
}

const (
	// datePlace stands in the address of a mirror of snapshots for the date of one.
	datePlace = "{date}"
	// DateForm is how such mirrors write a date, which is in UTC.
	DateForm = "20060102T150405Z"
)

// stale is how old a base may be before it is said that there may be a newer one.
const stale = 30 * 24 * time.Hour

var suiteForm = lazy.Regexp(`^[a-z][a-z0-9.-]{0,63}$`)

func newDebian(req Request) (*debian, error) { return newDebianOn(req, os.DirFS("/")) }

func newDebianOn(req Request, host fs.FS) (*debian, error) {
	d := &debian{Request: req, suite: strings.TrimPrefix(req.Ref, debianScheme), flavour: bare, now: time.Now, pause: 500 * time.Millisecond}
	if !suiteForm().MatchString(d.suite) {
		return nil, fault.New(fault.Usage, "%q names no suite of Debian", req.Ref).WithHint("write debian://trixie, for example")
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
		return nil, fault.New(fault.Usage, "%q is no address of a Debian mirror", req.Mirror).
			WithHint("write http://HOST/debian, https:// or file://")
	}
	return d, nil
}

// resolve gives the base from the cache, or makes it, once for all processes that want it at the same time.
func (d *debian) resolve(ctx context.Context, run Runner) (*Layout, error) {
	c := &cache{dir: d.CacheDir, id: d.id(), arch: d.Arch}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	if !d.Refresh {
		if l, made := c.lookup(); l != nil {
			if age := d.now().Sub(made); age > stale {
				d.Progress(fmt.Sprintf("%s was made %d days ago; --pull looks for newer packages", d.Ref, int(age.Hours()/24)))
			}
			return l, nil
		}
	}
	if d.Offline {
		return nil, fault.New(fault.TryAgain, "%s (%s) is not in the cache, and it may not be made offline", d.Ref, d.flavour.name).
			WithHint("build once with the network, or use --build-image oci-layout://PATH")
	}
	unlock, err := c.lock(ctx, func() { d.Progress("waiting for another nixpacks that makes " + d.Ref) })
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !d.Refresh {
		if l, _ := c.lookup(); l != nil { // made while we waited
			return l, nil
		}
	}
	return d.bootstrap(ctx, c, run)
}

// id names a request: all that decides which base it is for, short of what the archive holds today.
func (d *debian) id() string {
	keys := sha256.Sum256(d.keys.raw)
	mirror := d.Mirror
	if d.frozen() && d.Date != "" {
		mirror = d.snapshot(mirror)
	}
	return d.suite + "-" + d.Arch + "-" + d.flavour.name + "-" + hashOf([]any{format, mirror, d.host, hex.EncodeToString(keys[:]), d.recipe()})[:16]
}

// frozen tells whether the mirror has snapshots of the archive: their indexes do not change, and are past their time some day.
func (d *debian) frozen() bool { return strings.Contains(d.Mirror, datePlace) }

// snapshot is the address of the snapshot that is asked for, of a mirror's that may have some.
func (d *debian) snapshot(mirror string) string {
	return strings.ReplaceAll(mirror, datePlace, cmp.Or(d.Date, d.at.UTC().Format(DateForm)))
}

// security is where a mirror has security updates: in an archive of their own, beside it.
func (d *debian) security(main source) source {
	if d.frozen() {
		before, after, _ := strings.Cut(d.Mirror, "/"+datePlace)
		main.URI = d.snapshot(before + "-security/" + datePlace + after)
		return main
	}
	main.URI += "-security"
	return main
}

// recipe is what this program adds to the packages.
func (d *debian) recipe() string {
	files := map[string]string{"configure": string(configureScript)}
	for _, root := range d.flavour.trees {
		_ = fs.WalkDir(trees, root, func(p string, e fs.DirEntry, err error) error { // an embedded tree has no errors
			if err == nil && !e.IsDir() {
				text, _ := trees.ReadFile(p)
				files[p] = string(text)
			}
			return nil
		})
	}
	return hashOf([]any{files, d.flavour.packages, d.flavour.dirs, d.flavour.env})
}

// hashOf is the hash of a value's JSON.
func hashOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil { // only for values that have no JSON, of which there are none here
		raw = fmt.Appendf(nil, "%v", v)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// releases opens the suite and, where the archive has them, its updates and security updates.
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

// main opens the suite itself, at the mirror named or at the first of the host's archives that has it.
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
			return nil, err // no network: the next would fail, too, or be the wrong one
		case errors.Is(err, errExpired) && expired == nil:
			expired = err
		}
		tried = append(tried, err.Error())
	}
	if expired != nil { // the right archive, but for its age
		return nil, expired
	}
	f := fault.New(fault.Refused, "this machine's apt sources name no Debian archive that has %s", d.suite).
		WithHint("%sname one with --debian-mirror URL, such as the address that apt uses on a Debian machine near you", suggestion(d.suite))
	f.Detail = strings.Join(tried, "\n")
	return nil, f
}

// suites are for suggestions only: any that the archive has can be used.
var suites = []string{"bookworm", "bullseye", "duke", "forky", "oldstable", "sid", "stable", "testing", "trixie", "unstable"}

// suggestion is a line for a suite that is not there, if there is one of nearly that name.
func suggestion(suite string) string {
	if s := fault.Suggest(suite, suites); s != "" && s != suite {
		return "did you mean " + debianScheme + s + "?\n"
	}
	return ""
}

// extra opens the first of the sources that has its suite; nil where none has, which is said. One that is out of date
// is left out: apt in the base would refuse it.
func (d *debian) extra(ctx context.Context, sources []source) (*release, error) {
	for _, s := range sources {
		r, err := d.open(ctx, s)
		switch {
		case err == nil:
			return r, nil
		case errors.Is(err, errExpired):
			d.Progress(fmt.Sprintf("%s is left out: %v", s.Suite, err))
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

// answered reports whether err is a server's word that it does not have something, or does not give it.
func answered(err error) bool {
	var status statusError
	return errors.As(err, &status) && status.code < 500
}

// aptSources is the apt configuration of the finished base: the same archives that it was made from.
func (d *debian) aptSources(from []*release) string {
	var b strings.Builder
	for i, r := range from {
		if i > 0 {
			b.WriteByte('\n')
		}
		uri := r.URI
		if u, err := url.Parse(uri); err == nil && u.User != nil { // a password has no place in an image
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

// keyFile is where a base keeps the keys of an archive that is not signed by Debian's; apt tells the two formats
// apart by the name.
func keyFile(keys []byte) string {
	if isArmored(keys) {
		return "etc/apt/keyrings/archive.asc"
	}
	return "etc/apt/keyrings/archive.gpg"
}
