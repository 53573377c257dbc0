// Package buildkitd embeds BuildKit in this program. The engine runs only as long as a build needs it; no daemon is left
// behind.
//
//	nixpacks A ──starts──► engine: holds STATE/lock, serves STATE/bk.sock
//	nixpacks B ──finds the lock taken, joins────────────────▲
//
// All state of one minor version of BuildKit is in one directory. The process that gets its lock starts an engine: this
// binary again, as a child in its own mount namespace, and, if the user may not mount, in a user namespace around that
// (package namespace). Later processes join the engine, or wait for the lock if their settings differ (owner.json). The
// engine ends when the work of its owner and of all joined processes is done.
//
// Nothing outlives a kill. The kernel kills the engine when its parent dies, and the steps when the engine dies. It
// removes the mounts when the last process of the mount namespace is gone, and releases the lock. The next engine removes
// leftover cgroups and files.
//
// Steps run in containers created by package ocirt, which runs this binary once more. A program must therefore call Main
// before anything else.
package buildkitd
