package buildkitd

import (
	"os"
	"path/filepath"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
)

// childName is the base name of argv[0] under which the binary is an engine in a user namespace.
const childName = "nixpacks-buildkitd"

// hooked is set once Main was called.
var hooked bool

// Invoked tells whether this process is not the program but a part of the engine, as argv[0] says.
func Invoked() bool { return ocirt.Invoked(os.Args[0]) || isChild() }

func isChild() bool { return filepath.Base(os.Args[0]) == childName }

// Main is what a program that uses this package calls before anything else, tests in TestMain. Where this process
// is a part of the engine (Invoked), it does that part's work; the caller then exits with code.
func Main() (handled bool, code int) {
	hooked = true
	switch {
	case ocirt.Invoked(os.Args[0]):
		return true, ocirt.Main(os.Args[1:])
	case isChild():
		return true, childMain()
	}
	return false, 0
}
