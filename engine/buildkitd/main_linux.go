package buildkitd

import (
	"os"
	"path/filepath"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
)

// childName is the base name of argv[0] that makes the binary run the engine.
const childName = "nixpacks-buildkitd"

// mainCalled is set once Main has been called.
var mainCalled bool

// Invoked reports whether this process is part of the engine and not the program itself, according to argv[0].
func Invoked() bool { return ocirt.Invoked(os.Args[0]) || isChild() }

func isChild() bool { return filepath.Base(os.Args[0]) == childName }

// Main must be called by a program that uses this package before anything else; tests call it in TestMain. If this
// process is part of the engine (see Invoked), Main does the work of that part, and the caller must exit with code.
func Main() (handled bool, code int) {
	mainCalled = true
	switch {
	case ocirt.Invoked(os.Args[0]):
		return true, ocirt.Main(os.Args[1:])
	case isChild():
		return true, childMain()
	}
	return false, 0
}
