package buildkitd

import "github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"

// CheckLimits says what keeps the steps of an embedded engine from having limits of CPU time or memory.
func CheckLimits(cpu, memory bool) error { return ocirt.CheckLimits(cpu, memory) }
