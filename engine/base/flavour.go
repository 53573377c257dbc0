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

// flavour describes what a kind of base contains in addition to the essential packages.
type flavour struct {
	name     string
	packages []string
	trees    []string // embedded directories, copied over the packages' files
	dirs     []string // directories to create
	env      []string
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// manDirs are needed by update-alternatives: some packages link their man page, which dpkg did not unpack, in postinst.
var manDirs = []string{"usr/share/man/man1", "usr/share/man/man5", "usr/share/man/man7", "usr/share/man/man8"}

// bare can run apt and what apt installs: certificates for TLS, passwd for useradd, tzdata and netbase for the files
// in which programs look up time zones, services and protocols.
var bare = flavour{
	name:     "bare",
	packages: []string{"apt", "ca-certificates", "netbase", "passwd", "tzdata"},
	trees:    []string{"files/bare"},
	dirs:     manDirs,
	env:      []string{"PATH=" + systemPath},
}

// nix is bare with Nix and the tools of Nixpacks' own base image. The variables are those of that image, except that
// ~ and the empty entry (the current directory) in its search paths never worked and are fixed here.
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

// packagesFor returns the flavour's packages and the essential packages of an archive.
func (f flavour) packagesFor(set *packageSet) []string {
	out := append([]string{"mawk"}, f.packages...) // mawk is the smallest provider of awk, a pre-dependency
	for _, p := range set.byName {
		if p.essential {
			out = append(out, p.Name)
		}
	}
	slices.Sort(out) // the order may affect which alternative is chosen
	return out
}

// stageEnv returns the environment of the second stage.
func stageEnv(epoch string) []string {
	return strings.Fields("DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true HOME=/root LC_ALL=C.UTF-8 PATH=" +
		systemPath + " SOURCE_DATE_EPOCH=" + epoch)
}
