// Package schema embeds the CUE module with the schema of plans and providers.
package schema

import "embed"

// FS holds the module's CUE files.
//
//go:embed *.cue cue.mod
var FS embed.FS

// Module is the module's path with its major version.
const Module = "github.com/nixpacks-cue/nixpacks/schema@v0"

// Release is the version of the program with this schema, set by release builds; "" in other builds. The module is published
// with the same version.
var Release string
