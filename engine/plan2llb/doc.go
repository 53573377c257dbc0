// Package plan2llb lowers a plan to LLB, BuildKit's graph of build steps, and to the configuration of the
// image. It is a pure function: it reads no file, no environment and no clock, and the same Input gives the
// same bytes.
//
// # The graph
//
// The graph is a chain with branches. Of the chain each line below is a vertex or a few of them, and needs the one
// above it:
//
//	base image
//	Nix packages, one vertex for every revision of nixpkgs
//	Debian packages
//	start.user, where the base lacks it
//	/app, /etc/profile.d/nixpacks.sh, static assets
//	per phase: the outputs of the branches that it needs, the files it needs of the app, then one vertex for every command
//
// The packages come first and depend on the base and on their own names alone, so that two apps with the
// same packages share those layers, and a changed variable installs nothing again. They are a chain and no
// branches because two branches would each have a package database of their own, and one would be lost.
//
// A phase with Inputs or OnlyIncludeFiles runs on those files; the whole app is copied once, before the
// first phase that has neither, or at the end. So an edit of a source file runs again that copy and what
// follows it. What an earlier phase wrote below /app lies under the copy; what phases say that they make
// (Outputs: packages, which a developer has installed at home too) is left out of it, and so is
// what Input.Ignore says.
//
// Every phase leads to the image, so each of them runs and its failure fails the build. With a run image the chain
// ends in copies from its last vertex, which need it even where nothing of /app is wanted. An app that no command has needed
// whole is not copied onto the chain but straight into the run image: copying from a chain that an edit has changed has BuildKit
// read all that lies there, packages too, to know whether it is the same.
//
// # Branches
//
// A phase that has Inputs and Outputs runs beside the chain where that can save time: where another phase with commands
// neither depends on it nor it on that one. Its outputs are plain paths, and nobody else's. It begins at the place in the
// chain behind the last phase that it depends on, or before the first, with the outputs of the branches that it depends
// on; the chain takes its outputs before the first phase that depends on it, or at the end, and nothing else of it:
// whole branches laid over one another lose lines of profiles, users and deletions. What lies in the place of an
// output goes first. The phases setup, install and build, of any provider, never branch: what they leave elsewhere
// (a package manager that was installed, a browser that a package fetched) is needed by the phases behind them.
//
// A phase of free order (Order) runs beside the chain in another way: it says that it needs nothing but what its dependencies
// made, and changes nothing that others change, so that all it changed fits wherever it is laid. So the languages of an app are installed
// at once. One that depends on another goes on where that ended. The chain takes such changes before the first phase that
// needs them, or that is of fixed order and comes later, or at the end; and it has the whole source by then if they have, for what a phase
// changed is told from the source that it saw. It begins behind what it depends on, and behind phases of fixed order that wait for no command that
// it does not wait for: they may prepare it. Where the daemon cannot merge, it is on the chain.
//
// # What steps see
//
// Packages are installed by root, in the base's own environment. Commands run as the base's user, who then owns
// /app, in login bash, with the plan's variables. The phases' paths are in front of PATH in three ways, because
// login shells set PATH anew: in the environment, as NIXPACKS_PATH, and through /etc/profile.d/nixpacks.sh, which
// puts NIXPACKS_PATH in front again, and /app behind all. That file serves every user of the image, where lines in
// /root/.profile, as Nixpacks writes them, serve one. For the same reason Nix packages have a second way in, beside
// root's own profile: other users may not enter /root.
//
// Nix expressions are mounted, not copied. They are Nixpacks' in meaning: one environment for each revision of
// nixpkgs, with the libraries on LD_LIBRARY_PATH. What Nix and apt download, log and cache is deleted in the
// step that makes it. Without a cache key there are no cache directories, and what commands leave in them is
// part of the image, as in Nixpacks.
//
// Where the plan says which Nix packages running needs (start.nixPkgs), the last step that installs Nix packages also makes a profile
// of these, and copies it and the store paths that it needs (nix-store -qR) into a file system of its own, without what the base
// has. Nix's database stays behind: it is about the whole store. The end of the graph is then the base, that file system, and the difference
// between the installed packages and the end of the chain: what was done on one Nix store fits the same base with another one. So nothing is
// installed twice, commands run with all packages, and the image has those that are needed. It takes a daemon that merges; others get
// the whole store.
//
// A run image gets Debian packages of its own (start.aptPkgs; on the base of the build and the same as there they are one vertex), the
// variables, the paths of the phases, the static assets, certificates, and of /app what start.onlyIncludeFiles says. Of Nix it gets
// what start.nixPkgs says, merged or copied; without that everything of Nix stays behind.
//
// # For the image that runs alone
//
// A phase that says so (OutputsFor) begins where a branch would, and the chain never has its outputs: the run image takes them first, in a layer
// that hangs on nothing else, and of the chain what does not lie there. Where nothing takes them, no vertex needs the phase, which then does
// not run. Without a run image they are laid over the end of the chain.
//
// # Merges
//
// Where the daemon can (Input.Caps), outputs of branches are copied once, onto the place where their branch began, and
// that difference is merged onto the chain: a chain that changes takes them again without copying. A difference is
// merged onto nothing but a continuation of what it was taken from, or one that only Nix tells from that. Elsewhere they are copied onto the chain, with the
// same files in the image.
//
// Everything else is copied. Merging the copied source onto the installed packages copies the same
// files as copying onto them, so it saves nothing after an edit (200 files of the source on 9,000 installed: medians of 3 builds
// on a busy machine, copied 4.8 s and merged 4.2 s after an edit, 9.2 s and 8.2 s after a new install, 0.3 s without a change,
// each well within the spread of the same builds; images of the same size), and a folder that was installed and a file of that
// name in the source would clash unseen, where a copy fails. Merging files onto a run image
// replaces a symbolic link such as /lib by a folder, where a copy follows it.
//
// # Source maps
//
// A vertex that stands for a value of the plan carries the place where that was set (Input.Origins) as BuildKit's own source
// map, so that what fails names the line of the provider, of the user's file or of a saved plan, or the flag. A flag is a file of its
// name, which holds the value; folders of this machine are not named. Source maps are no part of a digest.
//
// # Secrets
//
// Values of secrets never enter the graph: a step names them by id and BuildKit asks the client. So a changed value runs
// nothing again, unless Input.SecretHashes says that it changed: steps of phases that ask for it then have a digest of that
// text in their environment (NIXPACKS_SECRETS_HASH). The same holds for the bundle of certificate authorities (CASecret, TrustStoreSecret); its path is in the environment of steps, and
// never in the image's configuration.
package plan2llb
