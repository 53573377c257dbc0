// Package engine documents the stages between an app directory and an image. It contains no code.
//
//	app ─► facts ─► detect ─► unify ─► plan ─► plan2llb ─► solve ─► image
//	                  ▲ catalog: the providers' CUE modules
//
//	app       reads the app directory, and nothing outside it
//	facts     answers the providers' questions about the app
//	catalog   the providers: CUE modules, their order, and their evaluation from facts to a plan
//	cases     provider tests: an app and the result expected from a provider
//	detect    selects the providers that apply to an app
//	unify     applies the Procfile, nixpacks.cue, .toml or .json, NIXPACKS_* and flags on top of the providers' plan
//	migrate   converts the configuration of other build tools into a nixpacks.cue
//	policy    checks a finished plan against the operator's and the app's policies
//	plan      the plan as data: JSON, merging, phase order
//	ignore    decides which files of the app go into the build context, and explains why
//	lock      nixpacks.lock as data: the pinned inputs of an app's plans and builds
//	modules   CUE modules in OCI registries: publishes them, and fetches those that a lock file names
//	plan2llb  lowers a plan to BuildKit LLB and an image config
//	solve     solves LLB on a BuildKit, writes the image, runs an image
//	progress  shows and records the progress of a build
//	docker    connects to docker engines and loads images into them
//	remote    describes the failures of BuildKits, docker engines and registries
//	buildkitd the embedded BuildKit, its OCI runtime, and rootless operation
//	base      base images bootstrapped from the Debian archive, and OCI layouts as bases
//	image     OCI layouts and tars on disk
//	fault     user-facing errors
//	stall     aborts HTTP transfers that make no progress
//	lazy      initialisation deferred until first use, to keep startup fast
//
// Everything up to and including plan2llb is hermetic: no network, no clock, no environment, no other programs. The same
// inputs give the same bytes. rules_test.go enforces this and the import directions.
package engine
