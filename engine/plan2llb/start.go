package plan2llb

import (
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// addUser is the script that makes the user $1 where there is none of that name.
const addUser = `id -u "$1" >/dev/null 2>&1 || {
  if command -v useradd >/dev/null; then useradd -m -s /bin/bash "$1"; else adduser -D -s /bin/bash "$1"; fi
}`

// state is the image as the beginning of a chain. Where its digest is known the reference's tag is left out,
// so that two tags of one image are the same vertex.
func (s Source) state(role string, from llb.ConstraintsOpt) llb.State {
	if s.State != nil {
		return *s.State
	}
	label := named("[" + role + "] " + s.Ref)
	if s.Layout {
		return llb.OCILayout("nixpacks.local/"+role+"@"+s.Digest.String(), llb.OCIStore("", s.StoreID), label, from)
	}
	ref, err := reference.ParseNormalizedNamed(s.Ref)
	if err != nil || s.Digest == "" {
		return llb.Image(s.Ref, label, from)
	}
	pinned, err := reference.WithDigest(reference.TrimNamed(ref), s.Digest)
	if err != nil {
		return llb.Image(s.Ref, label, from)
	}
	return llb.Image(pinned.String(), label, from)
}

// user makes start.user in the image so far, whose base is on. Numbers need no entry in its user database.
func (l *lowering) user(on Source) {
	name, _, _ := strings.Cut(notRoot(l.start.User), ":")
	if name == "" || isNumber(name) {
		return
	}
	env := toolEnv(on)
	env[epochKey] = stepEpoch
	l.state = l.exec(l.state, step{
		args: []string{"/bin/sh", "-e", "-c", addUser, "user", name},
		dir:  "/",
		env:  env,
		opts: []llb.RunOption{named("[start] user " + name), l.from(l.start.User, "start", "user")},
	})
}

// wantsWhole tells whether the end of the chain still lacks the app: where it becomes the image, and where a
// run image copies from it.
func (l *lowering) wantsWhole() bool {
	nothing := l.start.OnlyIncludeFiles != nil && len(l.start.OnlyIncludeFiles) == 0
	return !l.whole && (l.in.Run == nil || !nothing)
}

// runImage goes over to the run image, installs its Debian packages (on its own base: they have a database), and copies
// into it what it needs of the chain so far.
func (l *lowering) runImage() {
	built := l.state
	l.state = l.in.Run.state("run", l.from(l.start.RunImage, "start", "runImage"))
	l.installApt("run apt", *l.in.Run, l.start.AptPkgs, l.from(strings.Join(l.start.AptPkgs, " "), "start", "aptPkgs"))
	l.user(*l.in.Run)
	files := l.ownFiles(*l.in.Run).Copy(built, "/etc/ssl/cert[s]", "/etc/ssl/certs", &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, AllowEmptyWildcard: true})
	l.state = l.state.File(files, named("[start] profile, static assets and certificates"))
	only := l.start.OnlyIncludeFiles
	if only == nil {
		only = []string{"."}
	}
	var a *llb.FileAction
	for _, f := range only {
		a = then(a, built, inApp(f), destination(f), &llb.CopyInfo{
			CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, FollowSymlinks: true})
	}
	if a != nil {
		l.state = l.state.File(a, named("[start] copy "+strings.Join(only, " ")), l.from(strings.Join(only, " "), "start", "onlyIncludeFiles"))
	}
}

// image is the image's configuration.
func (l *lowering) image(final Source) ocispecs.Image {
	c := final.Config
	c.ExposedPorts, c.Volumes = maps.Clone(c.ExposedPorts), maps.Clone(c.Volumes)
	front := l.front
	if l.in.Run != nil { // Nix packages stay behind
		front = slices.DeleteFunc(slices.Clone(front), func(d string) bool { return slices.Contains(nixFront, d) })
	}
	c.Env = environ(l.appEnv(final.Config, front, nil))
	c.Entrypoint = []string{"/bin/bash", "-l", "-c"}
	c.Cmd = nil
	if l.start.Cmd != "" {
		c.Cmd = []string{withExec(l.start.Cmd)}
	}
	c.WorkingDir = AppDir
	if l.start.User != "" {
		c.User = l.start.User
	}
	c.Labels = maps.Clone(c.Labels)
	for k, v := range l.in.Labels {
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[k] = v
	}
	return ocispecs.Image{Platform: l.in.Platform, Config: c}
}

// notRoot is a user as images name them, or "" for every name of root.
func notRoot(user string) string {
	if name, _, _ := strings.Cut(user, ":"); name == "root" || name == "0" {
		return ""
	}
	return user
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
