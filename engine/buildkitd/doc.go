// Package buildkitd is the BuildKit inside this program: it runs for as long as somebody needs it, and no daemon stays
// behind.
//
//	nixpacks A ──starts──► engine: holds STATE/lock, serves STATE/bk.sock
//	nixpacks B ──finds the lock taken, joins────────────────▲
//
// All state of one minor version of BuildKit is in one directory. Whoever gets its lock starts an engine: this binary
// again, as a child in a mount namespace of its own, and, where the user may not mount, a user namespace around that
// (package namespace). Whoever comes meanwhile joins it, or waits for the lock where its settings differ (owner.json).
// The engine ends when the work of the one who started it and of all who joined is done.
//
// Nothing outlives a kill. The kernel ends the engine with its parent, the steps with the engine, and all mounts with
// the last of them; it gives the lock back. What is left of control groups and files, the next engine removes.
//
// Steps run in containers made by package ocirt, which is this binary once more. Hence Main, which a program calls
// before anything else.
package buildkitd
