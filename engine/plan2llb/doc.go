// Package plan2llb lowers a plan to LLB, BuildKit's graph of build steps, and to the image's configuration. It is a pure
// function: it reads no file, no environment and no clock, and the same Input gives the same bytes.
//
// # The graph
//
// The graph is a chain with branches. In the chain, each line below is one or a few vertices and depends on the line
// above it:
//
//	base image
//	Nix packages, one vertex for every revision of nixpkgs
//	Debian packages
//	start.user, where the base lacks it
//	/app, /etc/profile.d/nixpacks.sh, static assets
//	per phase: the outputs of the branches it needs, the app's files it needs, then one vertex for every command
//
// The packages come first. They depend only on the base and on their own names, so two apps with the same packages share
// those layers, and a changed variable reinstalls nothing. They are part of the chain, not branches: two branches would
// each have their own package database, and one would be lost.
//
// A phase with Inputs or OnlyIncludeFiles runs on those files. The whole app is copied once, before the first phase that
// has neither, or at the end. An edit of a source file therefore reruns that copy and the steps after it. The copy lies
// on top of what earlier phases wrote below /app. It leaves out the Outputs that phases declare (packages, which a
// developer has installed at home too) and what Input.Ignore matches.
//
// The image depends on every phase, so each phase runs and its failure fails the build. (Phases with OutputsFor are the
// exception, see below.) With a run image the chain ends in copies from its last vertex, which depend on it even if they
// take nothing from /app. If no command needs the whole app, it is not copied onto the chain but straight into the run
// image: to copy from a chain that an edit has changed, BuildKit reads all files there, packages too, to find out
// whether they are the same.
//
// # Branches
//
// A phase with Inputs and Outputs becomes a branch if that can save time: if there is another phase with commands such
// that neither depends on the other. Its outputs must be plain paths that no other phase makes. The branch starts in the
// chain after the last phase that it depends on, or before the first phase, and gets the outputs of the branches that it
// depends on. The chain takes its outputs, and nothing else, before the first phase that depends on it, or at the end:
// merging whole branches would lose lines of profiles, users and deletions. Existing files at the path of an output are
// removed first. The phases setup, install and build, of any provider, never branch: later phases need what they leave
// elsewhere (a package manager that they install, a browser that a package downloads).
//
// A phase with Order free becomes a lane, another kind of branch. It declares that it needs only what its dependencies
// made and changes nothing that others change, so all its changes fit wherever they are merged. This installs the
// languages of an app in parallel. A lane that depends on another lane continues where that one ended. The chain takes
// the changes of a lane before the first phase that needs them, before the next phase of fixed order, or at the end. If
// the lane has seen the whole source, the chain has it by then too, because the changes are a difference from that
// source. A lane starts after its dependencies and after those phases of fixed order that wait for no command that the
// lane does not wait for: they may prepare it. If the daemon cannot merge, the phase is part of the chain.
//
// # What steps see
//
// Root installs packages, in the base's own environment. Commands run as the base's user, who then owns /app, in a login
// bash with the plan's variables. Login shells reset PATH, so the phases' paths get to the front of PATH in three ways:
// in the environment, as NIXPACKS_PATH, and through /etc/profile.d/nixpacks.sh, which prepends NIXPACKS_PATH again and
// appends /app. That file serves every user of the image; lines in /root/.profile, as Nixpacks writes them, serve only
// one. For the same reason Nix packages have a second profile besides root's: other users may not enter /root.
//
// Nix expressions are mounted, not copied. They are equivalent to Nixpacks': one environment for each revision of
// nixpkgs, with the libraries on LD_LIBRARY_PATH. Downloads, logs and caches of Nix and apt are deleted in the step that
// creates them. Without a cache key there are no cache directories, and what commands leave in them is part of the
// image, as in Nixpacks.
//
// If the plan says which Nix packages the app needs at run time (start.nixPkgs), the last step that installs Nix
// packages also makes a profile of these, and copies the profile and its closure (nix-store -qR) into a separate file
// system, without the paths that the base has. Nix's database stays behind: it describes the whole store. The end of the
// graph is then the base, that file system, and the difference between the installed packages and the end of the chain:
// changes made on one Nix store fit the same base with another store. So nothing is installed twice, commands run with
// all packages, and the image has only those that it needs. This takes a daemon that merges; with others the image has
// the whole store.
//
// A run image gets its own Debian packages (start.aptPkgs; if base and packages equal those of the build they are one
// vertex), the variables, the paths of the phases, the static assets, certificates, and the files that
// start.onlyIncludeFiles names. It gets the Nix packages of start.nixPkgs, merged or copied; without start.nixPkgs it
// gets none.
//
// # Outputs for the final image
//
// A phase with OutputsFor starts where a branch would, and the chain never gets its outputs. A run image takes them
// first, in a layer that depends on nothing else, and leaves out the chain's files in their place. If nothing takes
// them, no vertex needs the phase and it does not run. Without a run image they replace files at the end of the chain.
//
// # Merges
//
// If the daemon can merge (Input.Caps), outputs of branches are copied once, onto the state where their branch started,
// and that difference is merged onto the chain: when the chain changes, it takes them again without copying. A
// difference is only merged onto a state that continues the one it was taken from, or that differs from such a state in
// nothing but Nix packages. On other daemons the outputs are copied onto the chain, with the same files in the image.
//
// Everything else is copied. Merging the source onto the installed packages copies the same files as copying it onto
// them, so it saves nothing after an edit (200 files of the source on 9,000 installed: medians of 3 builds on a busy
// machine, copied 4.8 s and merged 4.2 s after an edit, 9.2 s and 8.2 s after a new install, 0.3 s without a change,
// each well within the spread of the same builds; images of the same size). A clash between an installed folder and a
// source file of the same name would also go unnoticed, where a copy fails. And merging files onto a run image replaces
// a symlink such as /lib by a folder, where a copy follows it.
//
// # Source maps
//
// A vertex that stands for a value of the plan carries the place where that value was set (Input.Origins) as BuildKit's
// source map, so errors name the line of the provider, of the user's file or of a saved plan, or the flag. A flag
// appears as a file of its name that contains the value. Folders of this machine are not named. Source maps are not part
// of a digest.
//
// # Secrets
//
// Values of secrets never enter the graph: a step names them by id and BuildKit asks the client. A changed value
// therefore reruns nothing, unless Input.SecretHashes has an entry for it: steps of phases that use the secret then have
// a digest of that entry in their environment (NIXPACKS_SECRETS_HASH). The bundle of certificate authorities (CASecret,
// TrustStoreSecret) never enters the graph either; its path is in the environment of steps, and never in the image's
// configuration.
package plan2llb
