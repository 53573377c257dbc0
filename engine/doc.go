// Package engine is the map of the stages between an app's directory and an image; it holds no code.
//
//	app ─► facts ─► detect ─► unify ─► plan ─► plan2llb ─► solve ─► image
//	                  ▲ catalog: the providers' CUE modules
//
//	app       reads the app's directory, and nothing outside it
//	facts     answers what providers ask about the app
//	catalog   the providers: CUE modules, their order, and their evaluation from facts to a plan
//	cases     tests of providers: an app, and what a provider says of it
//	detect    which providers are for this app
//	unify     lays Procfile, nixpacks.cue or .toml or .json, NIXPACKS_* and flags over the providers' plan
//	migrate   makes a nixpacks.cue of what other programs build an app by
//	policy    holds a finished plan to the demands of those who run the program, or of the app's own
//	plan      the plan as data: JSON, merging, order of phases
//	ignore    which files of the app go to the build, and why
//	lock      nixpacks.lock: what an app's plans and builds are pinned to, as data
//	modules   CUE modules of OCI registries: publishes them, and fetches what a lock names
//	plan2llb  lowers a plan to BuildKit's LLB and an image configuration
//	solve     runs LLB on a BuildKit, writes the image, runs an image
//	buildkitd the BuildKit inside this program, its OCI runtime, and its life as an ordinary user
//	base      base images bootstrapped from the Debian archive, and OCI layouts as bases
//	image     OCI layouts and tars on disk
//	fault     errors that people read
//	stall     an end to the patience with servers that do not answer
//	lazy      what a start of the program does not wait for
//
// Everything up to and including plan2llb is hermetic: no network, no clock, no environment, no other
// programs; the same inputs give the same bytes. rules_test.go holds the import directions to it.
package engine
