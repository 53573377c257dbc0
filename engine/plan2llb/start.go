package plan2llb

import (
	_ "embed" // start.sh
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
)

// startFile is the image's first process (start.sh). It runs the image's command, or one given in its place, as its
// child in a login bash, and forwards the signals that it receives.
const startFile = "/usr/local/lib/nixpacks/start"

//go:embed start.sh
var startScript []byte

// addUser is the script that creates the user $1 if it does not exist.
const addUser = `id -u "$1" >/dev/null 2>&1 || {
  if command -v useradd >/dev/null; then useradd -m -s /bin/bash "$1"; else adduser -D -s /bin/bash "$1"; fi
}`

// state returns the image as the beginning of a chain. If its digest is known, the tag is left out, so that two tags of
// one image give the same vertex.
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

// same reports whether both are the same image, pinned by its digest.
func (s Source) same(other Source) bool {
	return s.Digest != "" && s.Digest == other.Digest && s.Ref == other.Ref && s.Layout == other.Layout && s.State == other.State
}

// user creates start.user in the current state, whose base is on. Numeric users need no entry in the user database.
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

// wantsWhole reports whether the end of the chain still needs the app: because it becomes the image, or because a run
// image copies from it.
func (l *lowering) wantsWhole() bool {
	nothing := l.start.OnlyIncludeFiles != nil && len(l.start.OnlyIncludeFiles) == 0
	return !l.whole && (l.in.Run == nil || !nothing)
}

// copiesLate reports whether the app, which no command needs, can be copied straight into the run image, on top of the
// chain's results: an edit of the source is then a single copy. It cannot if Input.Ignore has a "!" line, which may
// include outputs of phases again, if the run image takes files of the app by name, or if the files' owner is a named
// user of the base.
func (l *lowering) copiesLate() bool {
	user := notRoot(l.in.Base.Config.User)
	return l.in.Run != nil && (user == "" || isNumber(user)) &&
		!slices.ContainsFunc(l.in.Ignore, func(line string) bool { return strings.HasPrefix(line, "!") }) &&
		!slices.ContainsFunc(l.start.OnlyIncludeFiles, func(f string) bool { return !isAll(f) && (ofApp(f) || hasWildcard(f)) })
}

// runImage switches to the run image, installs its Debian packages (on its own base: they have a database), and copies
// into it what it takes of the chain. If the chain begins with the same base and packages, both share these vertices.
func (l *lowering) runImage() {
	built := l.state
	if l.debian != nil && l.in.Run.same(l.in.Base) && slices.Equal(l.in.Plan.AptPackages(true), l.debian.pkgs) {
		l.state = l.debian.state
	} else {
		l.state = l.below()
		l.installApt(true, *l.in.Run, l.from(strings.Join(l.start.AptPkgs, " "), "start", "aptPkgs"))
	}
	l.state = l.takeNix(l.state)
	l.user(*l.in.Run)
	files := l.ownFiles(*l.in.Run).Copy(built, "/etc/ssl/cert[s]", "/etc/ssl/certs", &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, AllowEmptyWildcard: true})
	l.state = l.state.File(files, named("[start] profile, static assets and certificates"))
	l.takeFiles(built)
}

// takeFiles copies into the run image what it takes of the chain built. Declared outputs of phases (packages) are a
// separate layer, which an edit of the source does not change.
func (l *lowering) takeFiles(built llb.State) {
	only := l.start.OnlyIncludeFiles
	if only == nil {
		only = []string{"."}
	}
	from := l.from(strings.Join(only, " "), "start", "onlyIncludeFiles")
	l.takeForStart(only)
	var single *llb.FileAction
	for _, f := range only {
		if !isAll(f) {
			single = then(single, l.maker(f, built), inApp(f), destination(f), l.takenBut(f))
		}
	}
	if single != nil {
		l.state = l.state.File(single, named("[start] copy "+strings.Join(only, " ")), from)
	}
	if !slices.ContainsFunc(only, isAll) {
		return
	}
	if !l.whole {
		l.state = l.state.File(llb.Copy(built, AppDir, AppDir, l.takenBut(".")), named("[start] copy what phases made"), from)
		info := l.copyInfo()
		if l.owner() != "" {
			info = l.taken(".")
		}
		l.copyWhole(info)
		return
	}
	all := l.taken(".")
	if made := l.made(); len(made) > 0 {
		packages := l.takenBut(".")
		all.ExcludePatterns = made
		packages.IncludePatterns = slices.DeleteFunc(slices.Clone(made), func(m string) bool { return slices.Contains(packages.ExcludePatterns, m) })
		if of := packages.IncludePatterns; len(of) > 0 {
			l.state = l.state.File(llb.Copy(built, AppDir, AppDir, packages), named("[start] copy "+strings.Join(of, " ")), from)
		}
	}
	l.state = l.state.File(llb.Copy(built, AppDir, AppDir, all), named("[start] copy the app"), from)
}

// ofApp reports whether a file, relative or absolute, is the app's directory or lies in it.
func ofApp(file string) bool { return within(inApp(file), AppDir) }

// taken returns the options for copying a file of the build into the run image.
func (l *lowering) taken(file string) *llb.CopyInfo {
	info := &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, AllowWildcard: true, FollowSymlinks: true}
	if owner := l.owner(); owner != "" && ofApp(file) {
		llb.WithUser(owner).SetCopyOption(info)
	}
	return info
}

// owner returns the numeric user who owns /app in the final image, or "" if the plan names none.
func (l *lowering) owner() string {
	user := notRoot(l.start.User)
	if name, _, _ := strings.Cut(user, ":"); !isNumber(name) {
		return ""
	}
	return user
}

// own gives /app to its owner at the end of a chain without a run image.
func (l *lowering) own() {
	if user := l.owner(); user != "" {
		l.state = l.exec(l.state, step{
			args: []string{"/bin/chown", "-R", user, AppDir}, dir: "/", env: toolEnv(l.in.Base),
			opts: []llb.RunOption{named("[start] give " + AppDir + " to " + user)},
		})
	}
}

// notRoot returns a user as images name them, or "" for every name of root.
func notRoot(user string) string {
	if name, _, _ := strings.Cut(user, ":"); name == "root" || name == "0" {
		return ""
	}
	return user
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
