package cli

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// scripts are the completion scripts. They ask this program for candidates and pass them to the shell.
//
//go:embed completion
var scripts embed.FS

// shells maps each supported shell to the file name of its script.
var shells = map[string]string{"bash": "nixpacks.bash", "zsh": "nixpacks.zsh", "fish": "nixpacks.fish", "powershell": "nixpacks.ps1"}

func completionCommand(h *Host) *ucli.Command {
	names := slices.Sorted(maps.Keys(shells))
	return &ucli.Command{
		Name:      "completion",
		Usage:     "print a shell completion script for commands, flags and their values",
		ArgsUsage: strings.Join(names, "|"),
		Description: "The script calls nixpacks at run time, so you need not regenerate it after an upgrade. To enable completion:\n\n" +
			"   bash        source <(nixpacks completion bash)         in ~/.bashrc\n" +
			"   zsh         source <(nixpacks completion zsh)          in ~/.zshrc, after compinit\n" +
			"   fish        nixpacks completion fish | source          in ~/.config/fish/config.fish\n" +
			"   powershell  nixpacks completion powershell | Out-String | Invoke-Expression    in $PROFILE",
		Flags: []ucli.Flag{jsonErrorsFlag()},
		Action: func(c *ucli.Context) error {
			name, ok := shells[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return fault.New(fault.Usage, "there is no completion for %q", c.Args().Slice()).WithHint("known: %s", strings.Join(names, ", "))
			}
			text, err := scripts.ReadFile("completion/" + name)
			if err == nil {
				_, err = h.Stdout.Write(text)
			}
			return err
		},
	}
}

// completeCommand is what the scripts call, with the arguments up to the cursor after "--". It prints which kind of paths
// the shell should offer, and then one candidate per line, with its help after a tab.
func completeCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:     "__complete",
		Hidden:   true,
		HideHelp: true, // "help" is a word like any other here
		Action: func(c *ucli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				words = []string{""}
			}
			found := complete(newApp(h), words)
			var b strings.Builder
			fmt.Fprintln(&b, found.paths)
			for _, w := range found.words {
				fmt.Fprintln(&b, strings.TrimRight(w.word+"\t"+w.help, "\t"))
			}
			_, err := h.Stdout.Write([]byte(b.String()))
			return err
		},
	}
}
