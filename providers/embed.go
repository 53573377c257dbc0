// Package providers embeds the built-in providers, each a CUE module in its own folder, and the order in which they
// are tried.
package providers

import "embed"

// FS contains the CUE files, and index.json, which TestIndex -update generates from them.
//
//go:embed index.json *.cue */*.cue */cue.mod
var FS embed.FS
