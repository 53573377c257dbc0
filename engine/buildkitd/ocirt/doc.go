// Package ocirt is the OCI runtime that runs build steps: this very binary under another argv[0].
//
// BuildKit's executor calls a program with runc's command line. Install puts a link to this process's
// own executable into the state directory; when that link is executed, Main takes over before anything
// else of the program runs and does what runc would do, with runc's libcontainer. So nothing need be
// installed beside this program, and the runtime is always the one that this program was tested with.
//
// libcontainer needs cgo. A binary built without it uses runc from $PATH, under the same state directory.
package ocirt

import "path/filepath"

// Name is the base name of argv[0] under which the binary is the runtime.
const Name = "nixpacks-runc"

// Root is the directory below state that holds one directory for each running container.
func Root(state string) string { return filepath.Join(state, "runc") }

// Path is where Install puts the runtime.
func Path(state string) string { return filepath.Join(state, "bin", Name) }
