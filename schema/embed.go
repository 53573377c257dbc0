// Package schema embeds the CUE module that says what may be said in a plan and in a provider.
package schema

import "embed"

// FS holds the module's CUE files.
//
//go:embed *.cue cue.mod
var FS embed.FS

// Module is the module's path, with its major version.
const Module = "github.com/nixpacks-cue/nixpacks/schema@v0"

// Release is the version of the program that has this schema, as a release's build sets it; "" elsewhere. The module is published with
// the same.
var Release string
