// Package providers embeds the built-in providers: a CUE module in a folder each, and the order in which
// they are tried.
package providers

import "embed"

// FS holds the CUE files, and index.json, which TestIndex generates from them.
//
//go:embed index.json *.cue */*.cue */cue.mod
var FS embed.FS
