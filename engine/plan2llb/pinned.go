package plan2llb

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	// aptTakes is a shell function that prints what apt would download to install the packages "$@", one per line: name,
	// version, architecture and hash. The hash comes from apt-cache, because --print-uris lacks it. The mirror does not
	// matter.
	aptTakes = `takes() {
  apt -qq install -y --no-install-recommends --print-uris -- "$@" |
    sed -n "s/^'[^']*' \([^_ ]*\)_\([^_ ]*\)_\([^ ]*\)\.deb .*/\1:\3=\2/p" | sed 's/:all=/=/; s/%3a/:/' |
    xargs -r apt-cache show | awk '
      function end() { if (name) print name, version, arch, sum; name = ""; sum = "-" }
      /^Package: / { name = $2 } /^Version: / { version = $2 } /^Architecture: / { arch = $2 }
      /^SHA(256|512): / { sum = $2 } /^$/ { end() } END { end() }' | LC_ALL=C sort -u
}
`
	// pinnedApt is installApt with a check that the packages are the pinned ones.
	pinnedApt = aptBegin + aptTakes + `takes=sha256:$(takes "$@" | sha256sum | cut -c -64)
moved=
[ $takes = $NIXPACKS_APT_HASH ] || moved="` + AptMoved + `: they are $takes, and were $NIXPACKS_APT_HASH"
if [ -n "$moved" ] && [ -n "$NIXPACKS_APT_LOCKED" ]; then echo "$moved" >&2; exit 21; fi
` + aptEnd + `
[ -z "$moved" ] || echo "note: $moved" >&2`
	// surveyApt is the script that writes what apt would download.
	surveyApt = aptGet + aptUpdate + aptTakes + `takes "$@" > ` + surveyDir + "/" + SurveyFile

	aptHashKey   = "NIXPACKS_APT_HASH"
	aptLockedKey = "NIXPACKS_APT_LOCKED"
	surveyDir    = "/run/nixpacks/apt"
)

const (
	// AptMoved is the beginning of the line that a step prints if its Debian packages differ from Plan.AptHashes.
	AptMoved = "the Debian packages are not those that are pinned"
	// AptMovedStatus is the exit code of such a step with Input.Locked.
	AptMovedStatus = 21
	// SurveyFile is the one file of a survey. Its SHA-256 is the value in Plan.AptHashes. Each line is the name,
	// version, architecture and hash of a package.
	SurveyFile = "packages"
)

// aptHash returns the hash that the Debian packages of the build image or, with run, of the run image are pinned to; ""
// if none.
func (in *Input) aptHash(run bool) string {
	for _, s := range in.Plan.AptSets() {
		if s.Run == run {
			return in.Plan.AptHashes[s.Key(in.Platform.Architecture)]
		}
	}
	return ""
}

var sha256Form = lazy.Regexp(`^sha256:[0-9a-f]{64}$`)

// aptHashes refuses malformed hashes and, with in.Locked, missing ones.
func (c *checks) aptHashes(in *Input) {
	for _, key := range slices.Sorted(maps.Keys(in.Plan.AptHashes)) {
		if h := in.Plan.AptHashes[key]; !sha256Form().MatchString(h) {
			c.refuse("aptHashes: %q is not a sha256 hash", h).WithHint("create the hashes with nixpacks lock")
		}
	}
	if !in.Locked {
		return
	}
	for _, s := range in.Plan.AptSets() {
		if arch := in.Platform.Architecture; in.Plan.AptHashes[s.Key(arch)] == "" {
			c.refuse("the Debian packages %s are not pinned for %s", s, arch).WithHint("pin them: nixpacks lock")
		}
	}
}

// Pinned reports whether a vertex installs pinned Debian packages.
func (r *Result) Pinned(vertex digest.Digest) bool {
	return slices.ContainsFunc(r.Fetches(), func(f Fetch) bool { return f.Vertex == vertex && f.Pinned })
}

// Survey returns a graph whose result is one file, SurveyFile, with the packages that apt would download now for a set
// of Debian packages of the plan. It is never cached.
func Survey(ctx context.Context, in Input, set plan.AptSet) (*llb.Definition, error) {
	in.Platform, in.Origins = platforms.Normalize(in.Platform), nil
	l := &lowering{in: in, sources: map[string]*llb.SourceMap{}}
	on := in.Base
	if set.Run {
		on = *in.Run
	}
	ran := l.execute(on.state("base", l.from("", "buildImage")), step{
		args: append([]string{"/bin/bash", "-eo", "pipefail", "-c", surveyApt, "apt"}, set.Packages...),
		dir:  "/",
		env:  l.aptEnv(on),
		opts: []llb.RunOption{aptAuth(), llb.IgnoreCache, named("[lock] what apt takes for " + strings.Join(set.Packages, " "))},
	})
	def, err := ran.AddMount(path.Clean(surveyDir), llb.Scratch()).Marshal(ctx, llb.Platform(in.Platform))
	return def, fault.Wrap(fault.Bug, err, "the query for Debian packages cannot be converted to build steps")
}
