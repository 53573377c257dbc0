package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/schema"
)

// version returns the version of the release, else the version that Go has recorded for the main module (from the module or
// from the git revision), else "dev".
func version() string {
	if schema.Release != "" {
		return schema.Release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dev"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "dev"
	}
	return v
}

func printVersion(h *Host) error {
	_, err := fmt.Fprintf(h.Stdout, "nixpacks %s %s/%s\n", version(), runtime.GOOS, runtime.GOARCH)
	return err
}

func versionCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:   "version",
		Usage:  "print the version",
		Action: func(*ucli.Context) error { return printVersion(h) },
	}
}
