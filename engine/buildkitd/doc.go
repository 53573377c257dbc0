// Package buildkitd is the BuildKit inside this program: its controller and its worker run in this process,
// for as long as this process needs them, and no daemon stays behind.
//
//	process A  ── holds STATE/lock, runs BuildKit, serves STATE/bk.sock
//	process B  ── finds the lock taken, becomes a client of A's socket
//
// All state of one minor version of BuildKit is in one directory. Who gets its lock is the owner; whoever comes
// meanwhile joins the owner, or waits for the lock where its settings differ (owner.json). The owner leaves when
// its own work and that of its clients is done. The kernel gives the lock back when the owner dies, however that
// happens; the next owner then ends the steps and undoes the mounts that were left.
//
// A process that may not mount file systems (an ordinary user's) starts a second one of itself as the owner,
// in a user namespace of its own (package userns), and is that one's client. The second one dies with the first.
//
// Steps run in containers made by package ocirt, which is this binary again. Hence Main, which a program calls
// before anything else.
package buildkitd
