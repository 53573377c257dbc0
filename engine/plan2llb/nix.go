package plan2llb

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

const (
	nixFiles  = "/run/nixpacks/nix"
	nixFolder = ".nixpacks"
	// runFile is the expression with the packages of a set that the final image needs.
	runFile = "running.nix"
	rootNix = "/root/.nix-profile"

	// nixAuthFile is the file with credentials for Nix.
	nixAuthFile = "/etc/nix/netrc"
	// everyNix links to root's Nix profile for other users, who may not enter /root.
	everyNix = "/nix/var/nix/profiles/nixpacks"
)

// nixFront are the directories that Nix packages prepend to PATH.
var nixFront = []string{rootNix + "/bin", everyNix + "/bin"}

// installNix is the script that installs the expression $1. It deletes what Nix leaves behind (downloads, build logs,
// earlier generations) in the same step, so no layer holds it. If $2 is set, it installs this expression into a second
// profile, which starts as a copy of root's if $4 is "own". If $3 is "take", it copies out the closure of the second
// profile, except for paths in the base of the final image, and without Nix's database, which describes other paths too.
var installNix = `running=` + everyNix + `-running
if [ -n "$2" ]; then
  if [ "$4" = own ] && [ -e "$HOME/.nix-profile" ] && [ ! -e $running ]; then
    nix-env -p $running --set "$(readlink -f "$HOME/.nix-profile")"
  fi
  nix-env -p $running -if "$2"
fi
nix-env -if "$1"
ln -sfn "$(readlink -f "$HOME/.nix-profile")" ` + everyNix + `
nix-collect-garbage -d 2>&1 | tail -n 1
rm -rf "$HOME/.cache/nix" /nix/var/log/nix/drvs
rmdir "$HOME/.cache" 2>/dev/null || :
[ "$3" = take ] || exit 0
running=$(readlink -f $running)
cd ` + nixTaken + `
mkdir -p nix/store
nix-store -qR "$running" | sort | while read -r item; do
  [ -e ` + nixBelow + `"$item" ] || echo "$item"
done | xargs -r cp -a -t nix/store
for name in ` + path.Base(everyNix) + ` default; do ln -s "$running" ` + nixLinked + `/$name; done
ln -s ` + everyNix + ` ` + nixLinked + `/` + path.Base(rootNix)

// nixSet is what all phases together take from one revision of nixpkgs. files are those of the app that its expressions
// may refer to as ../NAME: Nixpacks' expressions lie in a folder of the app's directory.
type nixSet struct {
	archive                     string
	pkgs, libs, overlays, files []string
	hashes                      map[string]string // of the archive and the overlays
	runs                        bool              // for the final image: without variables for compilers
}

// nixSets returns the plan's sets, sorted by revision. Overlays keep the order of the phases' names, because later
// overlays see earlier ones; everything else is sorted.
func nixSets(p *plan.Plan) []*nixSet {
	byArchive := map[string]*nixSet{}
	for _, name := range slices.Sorted(maps.Keys(p.Phases)) {
		ph := p.Phases[name]
		if !ph.UsesNix() {
			continue
		}
		s := byArchive[ph.NixpkgsArchive]
		if s == nil {
			s = &nixSet{archive: ph.NixpkgsArchive, hashes: p.NixHashes}
			byArchive[s.archive] = s
		}
		s.pkgs = append(s.pkgs, ph.NixPkgs...)
		s.libs = append(s.libs, ph.NixLibs...)
		s.files = append(s.files, ph.OnlyIncludeFiles...)
		for _, o := range ph.NixOverlays {
			if !slices.Contains(s.overlays, o) {
				s.overlays = append(s.overlays, o)
			}
		}
	}
	var sets []*nixSet
	for _, archive := range slices.Sorted(maps.Keys(byArchive)) {
		s := byArchive[archive]
		s.pkgs, s.libs, s.files = sortedSet(s.pkgs), sortedSet(s.libs), sortedSet(s.files)
		if !strings.Contains(strings.Join(s.pkgs, " "), "../") {
			s.files = nil
		}
		sets = append(sets, s)
	}
	return sets
}

// NixExpressions returns the Nix files for the plan's packages, by name.
func NixExpressions(p *plan.Plan) map[string]string {
	files := map[string]string{}
	for _, s := range nixSets(p) {
		files[s.file()] = s.expression(newMirrors(nil))
	}
	return files
}

func (s *nixSet) file() string { return "nixpkgs-" + s.archive + ".nix" }

// name returns the name of the set's derivation. nix-env takes the part after a dash and a digit for a version, and
// replaces one version of a name by another: so the name has no dash.
func (s *nixSet) name() string { return "nixpacks_" + strings.ReplaceAll(s.archive, "-", "_") }

// expression returns the set as a Nix file: an environment of the packages and, for the libraries, a file in
// etc/profile.d that login shells read. The names that it binds are unlike those of packages, because they would shadow
// one of the same name.
func (s *nixSet) expression(m *mirrors) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Packages from nixpkgs %s.\n{ }:\nlet\n", s.archive)
	fmt.Fprintf(&b, "  nixpacksSet = import (%s) {\n    overlays = [", s.fetch(m.file(archiveURL+s.archive+".tar.gz"), s.archive))
	for _, o := range s.overlays {
		fmt.Fprintf(&b, "\n      (import (%s))", s.fetch(m.file(o), o))
	}
	b.WriteString("\n    ];\n  };\nin\nwith nixpacksSet;\n")
	paths := s.pkgs
	if len(s.libs) > 0 {
		b.WriteString(s.libraries())
		paths = append(slices.Clone(paths), "nixpacksProfile")
	}
	fmt.Fprintf(&b, "buildEnv {\n  name = %s;\n  paths = [", nixString(s.name()))
	for _, p := range paths {
		b.WriteString("\n    " + p)
	}
	b.WriteString("\n  ];\n}\n")
	return b.String()
}

// fetch returns the Nix expression that fetches an archive from url. It is verified if its hash is known.
func (s *nixSet) fetch(url, archive string) string {
	if hash := s.hashes[archive]; hash != "" {
		return fmt.Sprintf("builtins.fetchTarball { url = %s; sha256 = %s; }", nixString(url), nixString(hash))
	}
	return "builtins.fetchTarball " + nixString(url)
}

// libraries binds nixpacksProfile: a package with one file of variables.
func (s *nixSet) libraries() string {
	lines := `export LD_LIBRARY_PATH="${lib.makeLibraryPath [ ` + strings.Join(s.libs, " ") + ` ]}''${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"`
	// Programs that link OpenSSL read these two variables at build time to find its headers and libraries.
	if i := slices.IndexFunc(s.libs, func(l string) bool { return strings.Contains(l, "openssl") }); i >= 0 && !s.runs {
		lines += fmt.Sprintf("\n    export OPENSSL_DIR=\"${%[1]s.dev}\"\n    export OPENSSL_LIB_DIR=\"${%[1]s.out}/lib\"", s.libs[i])
	}
	return fmt.Sprintf(`let
  nixpacksVariables = writeText "%[1]s-variables" ''
    %[2]s
  '';
  nixpacksProfile = runCommand "%[1]s-profile" { } ''
    mkdir -p $out/etc/profile.d
    cp ${nixpacksVariables} $out/etc/profile.d/%[1]s.sh
  '';
in
`, s.name(), lines)
}

// nixString quotes s as a string of the Nix language.
func nixString(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `${`, `\${`).Replace(s) + `"`
}

// installNix returns the step that installs one set and, if run is not nil, the set for the final image. With takes the
// step also copies out what the final image takes of all sets so far.
func (l *lowering) installNix(s, run *nixSet, takes bool) llb.ExecState {
	m := newMirrors(l.in.Mirrors)
	exprs, args := map[string]string{s.file(): s.expression(m)}, []string{path.Join(nixFiles, nixFolder, s.file()), "", "", ""}
	if run != nil {
		exprs[runFile], args[1] = run.expression(m), path.Join(nixFiles, nixFolder, runFile)
		if l.in.Run == nil {
			args[3] = "own"
		}
	}
	var below []llb.RunOption
	if takes {
		args[2] = "take"
		below = append(below, llb.AddMount(nixBelow, l.below(), llb.Readonly))
	}
	expr := l.expressionFolder(s, exprs)
	ours := func(ph *plan.Phase) bool { return ph.NixpkgsArchive == s.archive }
	env := toolEnv(l.in.Base)
	env["PATH"] = joinPath(rootNix+"/bin", "/nix/var/nix/profiles/default/bin", env["PATH"])
	env["NIX_CONFIG"] = joinLines(env["NIX_CONFIG"], nixConfig(m))
	return l.execute(l.state, step{
		args: append([]string{"/bin/bash", "-euo", "pipefail", "-c", installNix, "nix"}, args...),
		dir:  "/",
		env:  env,
		opts: append(slices.Concat(m.mount(s.archive, l.locals), l.fromPhases("nixPkgs", ours), l.fromPhases("nixLibs", ours), below),
			llb.AddMount(nixFiles, expr, llb.Readonly),
			llb.AddSecret(nixAuthFile, llb.SecretID(plan.NixAuth), llb.SecretOptional, llb.SecretFileOpt(0, 0, 0o400)),
			named("[nix] "+strings.Join(slices.Concat(s.pkgs, s.libs), " "))),
	})
}

// expressionFolder returns the folder with the step's expressions. As in Nixpacks it lies one level below the app's
// files.
func (l *lowering) expressionFolder(s *nixSet, exprs map[string]string) llb.State {
	a := llb.Mkdir("/"+nixFolder, 0o755)
	for _, name := range slices.Sorted(maps.Keys(exprs)) {
		a = a.Mkfile(path.Join("/", nixFolder, name), 0o644, []byte(exprs[name]))
	}
	if len(s.files) > 0 {
		src := l.app("nix "+s.archive, relative(s.files), "[nix] read "+strings.Join(s.files, " "))
		for _, f := range s.files {
			a = a.Copy(src, path.Join("/", f), path.Join("/", f), &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true})
		}
	}
	return llb.Scratch().File(a, named("[nix] "+s.file()))
}

// nixConfig returns the settings that Nix needs in a build step: there are no users to build as, and a step cannot nest
// a sandbox. With a mirror of nixpkgs but none of its binary cache it disables the binary cache: asking for it would
// only cost time.
func nixConfig(m *mirrors) string {
	lines := "build-users-group =\nsandbox = false\nfilter-syscalls = false"
	if to, ok := m.folder(cacheURL); ok {
		return lines + "\nsubstituters = " + to
	}
	if m.find(archiveURL) >= 0 {
		return lines + "\nsubstituters ="
	}
	return lines
}
