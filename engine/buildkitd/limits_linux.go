package buildkitd

import "github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"

// CheckLimits returns an error if the steps of an embedded engine cannot have CPU or memory limits here.
func CheckLimits(cpu, memory bool) error { return ocirt.CheckLimits(cpu, memory) }
