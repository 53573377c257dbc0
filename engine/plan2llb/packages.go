package plan2llb

import (
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// installApt is the script that installs the Debian packages "$@". It leaves no package lists, downloads, logs or caches
// that change from run to run, nor a machine-id that all machines would share. policy-rc.d keeps services that packages
// bring from starting in a build step. Nobody answers questions, so none are prepared: apt would read all lists once
// more for that. The lists are deleted at the end, so they are not compressed, and no cache of them is built before it
// is needed.
const installApt = aptBegin + aptEnd

const (
	aptGet = `apt() { apt-get $NIXPACKS_APT_OPTIONS -o Acquire::GzipIndexes=false "$@"; }
`
	aptBegin = aptGet + `policy=/usr/sbin/policy-rc.d
if [ -e $policy ]; then policy=; else printf '#!/bin/sh\nexit 101\n' > $policy; chmod 755 $policy; fi
unasked=/etc/apt/apt.conf.d/zz-nixpacks
echo '#clear DPkg::Pre-Install-Pkgs;' > $unasked
` + aptUpdate
	aptUpdate = `apt -qq -o pkgCacheFile::Generate=false update
`
	aptEnd = `apt -o Dpkg::Use-Pty=0 install -y --no-install-recommends -- "$@"
apt clean
rm $unasked
[ -z "$policy" ] || rm $policy
rm -rf /var/lib/apt/lists/* /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old \
  /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/lib/dbus/machine-id
[ ! -s /etc/machine-id ] || : > /etc/machine-id`
)

// aptAuthFile is the file with credentials for apt.
const aptAuthFile = "/etc/apt/auth.conf.d/90-nixpacks.conf"

// packages adds the steps that install what the phases need, before any of their commands.
func (l *lowering) packages() {
	l.state = l.in.Base.state("base", l.from(l.in.Plan.BuildImage, "buildImage"))
	nix := nixSets(l.in.Plan)
	l.installNixSets(nix)
	from := l.fromPhases("aptPkgs", func(*plan.Phase) bool { return true })
	if l.in.Run == nil {
		from = append(from, l.from(strings.Join(l.start.AptPkgs, " "), "start", "aptPkgs"))
	}
	l.installApt(false, l.in.Base, from...)
	if len(nix) == 0 {
		l.debian = &debian{l.in.Plan.AptPackages(false), l.state}
	}
}

// debian is a base with Debian packages on it and nothing else.
type debian struct {
	pkgs  []string
	state llb.State
}

// installApt adds the step that installs Debian packages on the base on: the build image's or, with run, the run
// image's.
func (l *lowering) installApt(run bool, on Source, from ...llb.RunOption) {
	pkgs := l.in.Plan.AptPackages(run)
	if len(pkgs) == 0 {
		return
	}
	script, env := installApt, l.aptEnv(on)
	if hash := l.in.aptHash(run); hash != "" {
		script, env[aptHashKey] = pinnedApt, hash
		if l.in.Locked {
			env[aptLockedKey] = "1"
		}
	}
	l.state = l.exec(l.state, step{
		args: append([]string{"/bin/bash", "-eo", "pipefail", "-c", script, "apt"}, pkgs...),
		dir:  "/",
		env:  env,
		opts: append(from, aptAuth(), named("["+aptRole(run)+"] "+strings.Join(pkgs, " "))),
	})
}

// aptRole names a step that installs Debian packages.
func aptRole(run bool) string {
	if run {
		return "run apt"
	}
	return "apt"
}

// aptEnv returns the environment of a step with apt.
func (l *lowering) aptEnv(on Source) map[string]string {
	env := toolEnv(on)
	env["DEBIAN_FRONTEND"] = "noninteractive"
	env[epochKey] = stepEpoch
	if l.in.CA {
		env["NIXPACKS_APT_OPTIONS"] = "-o Acquire::https::CAInfo=" + caFile
	}
	return env
}

// aptAuth mounts the credentials for archives where apt looks for them.
func aptAuth() llb.RunOption {
	return llb.AddSecret(aptAuthFile, llb.SecretID(plan.AptAuth), llb.SecretOptional, llb.SecretFileOpt(0, 0, 0o400))
}

// sortedSet returns the list sorted, without empty elements and duplicates.
func sortedSet(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(s string) bool { return s == "" })
}
