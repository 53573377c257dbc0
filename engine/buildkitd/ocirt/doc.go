// Package ocirt is the OCI runtime that runs build steps: this binary under another argv[0].
//
// BuildKit's executor calls a program with runc's command line. Install creates a symlink to this process's own
// executable in the state directory. When the symlink is executed, Main takes over before any other code of the program,
// and does what runc does, using runc's libcontainer. So nothing else needs to be installed, and the runtime is always
// the one that this program was tested with.
//
// libcontainer needs cgo. A binary built without cgo uses runc from $PATH, with the same state directory.
package ocirt

import "path/filepath"

// Name is the base name of argv[0] that makes the binary run the runtime.
const Name = "nixpacks-runc"

// Root returns the directory below state that contains one directory for each running container.
func Root(state string) string { return filepath.Join(state, "runc") }

// Path returns the path where Install creates the runtime.
func Path(state string) string { return filepath.Join(state, "bin", Name) }
