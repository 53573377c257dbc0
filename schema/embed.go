// Package schema embeds the CUE module that says what may be said in a plan and in a provider.
package schema

import "embed"

// FS holds the module's CUE files.
//
//go:embed *.cue cue.mod
var FS embed.FS
