// Package docs holds what `nixpacks help` prints of the documentation.
package docs

import "embed"

// FS holds the documents that topics of `nixpacks help` come from.
//
//go:embed configuration.md networks.md offline.md ci.md quickstart.md
var FS embed.FS
