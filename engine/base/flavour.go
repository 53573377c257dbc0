package base

import (
	"embed"
	"slices"
	"strings"
)

//go:embed all:files
var trees embed.FS

//go:embed configure.sh
var configureScript []byte

// flavour is what a kind of base holds beside the essential packages.
type flavour struct {
	name     string
	packages []string
	trees    []string // of the embedded files, laid over the packages' own
	dirs     []string // that must be there
	env      []string
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// manDirs keep update-alternatives happy: some packages link their man page, which dpkg left out, by hand.
var manDirs = []string{"usr/share/man/man1", "usr/share/man/man5", "usr/share/man/man7", "usr/share/man/man8"}

// bare runs apt and what apt installs: certificates for TLS, passwd for useradd, tzdata and netbase for the files
// that programs look up time zones, services and protocols in.
var bare = flavour{
	name:     "bare",
	packages: []string{"apt", "ca-certificates", "netbase", "passwd", "tzdata"},
	trees:    []string{"files/bare"},
	dirs:     manDirs,
	env:      []string{"PATH=" + systemPath},
}

// nix is bare with Nix and what Nixpacks' own base image has for build commands to use. The variables are that image's;
// ~ and the empty entry (the current directory) in its search paths never worked, and are put right here.
var nix = flavour{
	name: "nix",
	packages: append([]string{"nix-bin", "curl", "git", "make", "openssl", "pkg-config", "sudo", "unzip", "xz-utils"},
		bare.packages...),
	trees: append([]string{"files/nix"}, bare.trees...),
	dirs:  append([]string{"nix"}, bare.dirs...),
	env: []string{
		"CPATH=/root/.nix-profile/include",
		"ENV=/etc/profile",
		"GIT_SSL_CAINFO=" + bundle,
		"LD_LIBRARY_PATH=/usr/lib",
		"LIBRARY_PATH=/root/.nix-profile/lib",
		"NIXPKGS_ALLOW_BROKEN=1",
		"NIXPKGS_ALLOW_INSECURE=1",
		"NIXPKGS_ALLOW_UNFREE=1",
		"NIX_PATH=/nix/var/nix/profiles/per-user/root/channels",
		"NIX_SSL_CERT_FILE=" + bundle,
		"PATH=/root/.nix-profile/bin:/nix/var/nix/profiles/default/bin:" + systemPath,
		"USER=root",
	},
}

const bundle = "/etc/ssl/certs/ca-certificates.crt"

// packagesFor completes the flavour's list with the essential packages of an archive.
func (f flavour) packagesFor(set *packageSet) []string {
	out := append([]string{"mawk"}, f.packages...) // mawk: the smallest of those that provide awk, which is pre-depended on
	for _, p := range set.byName {
		if p.essential {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out) // which of several alternatives is chosen may depend on the order
	return out
}

// stageEnv is the environment of the second stage.
func stageEnv(epoch string) []string {
	return strings.Fields("DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true HOME=/root LC_ALL=C.UTF-8 PATH=" +
		systemPath + " SOURCE_DATE_EPOCH=" + epoch)
}
