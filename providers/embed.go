// Package providers embeds the built-in providers: a CUE module in a folder each, and the order in which
// they are tried.
package providers

import "embed"

// FS holds the CUE files.
//
//go:embed *.cue */*.cue */cue.mod
var FS embed.FS
