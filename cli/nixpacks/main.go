// Command nixpacks builds an OCI image from an app's source directory.
package main

import (
	"os"

	"github.com/nixpacks-cue/nixpacks/cli"
)

func main() { os.Exit(cli.Main(os.Args)) }
