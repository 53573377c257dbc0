package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The categories of flags, in the order in which help lists them.
const (
	aboutPlan     = "Plan options"
	aboutConfig   = "Configuration options"
	aboutImage    = "Image options"
	aboutBuild    = "Build options"
	aboutBuilder  = "Builder options"
	aboutPackages = "Network options"
	aboutWords    = "General options"
)

var topics = []string{aboutPlan, aboutConfig, aboutImage, aboutBuild, aboutBuilder, aboutPackages, aboutWords}

func init() {
	whole := ucli.HelpPrinter
	ucli.HelpPrinter = func(w io.Writer, template string, data any) {
		if c, ok := data.(*ucli.Command); ok && !hasCommands(c) {
			commandHelp(w, c)
			return
		}
		whole(w, template, data)
	}
}

// hasCommands reports whether a command has subcommands other than the help that urfave/cli adds to every command.
func hasCommands(c *ucli.Command) bool {
	return slices.ContainsFunc(c.Subcommands, func(s *ucli.Command) bool { return s.Name != "help" })
}

// commandHelp prints a command's summary, its usage, and its flags by category.
func commandHelp(w io.Writer, c *ucli.Command) {
	fmt.Fprintf(w, "%s: %s\n\nUsage: %s\n", c.HelpName, c.Usage, strings.TrimSpace(c.HelpName+" [flags] "+c.ArgsUsage))
	if c.Description != "" {
		fmt.Fprintf(w, "\n%s\n", c.Description)
	}
	for _, topic := range topics {
		head := topic + ":"
		for _, f := range c.Flags {
			if topicOf(f) != topic {
				continue
			}
			if head != "" {
				fmt.Fprintf(w, "\n%s\n", head)
				head = ""
			}
			fmt.Fprint(w, flagLine(f))
		}
	}
}

func topicOf(f ucli.Flag) string {
	if c, ok := f.(ucli.CategorizableFlag); ok && c.GetCategory() != "" {
		return c.GetCategory()
	}
	return aboutWords // --help, which urfave/cli defines
}

// flagLine formats a flag for help. The explanation of a long flag is on the next line.
func flagLine(f ucli.Flag) string {
	const column = 28
	left, usage := flagWords(f)
	if left = "  " + left; strings.HasPrefix(left, "  --") {
		left = "    " + left
	}
	if len(left) > column {
		return left + "\n" + strings.Repeat(" ", column+2) + usage + "\n"
	}
	return fmt.Sprintf("%-*s  %s\n", column, left, usage)
}

// flagWords returns a flag's names with the placeholder of its value, and its usage.
func flagWords(f ucli.Flag) (names, usage string) {
	value, usage := placeholder(f.(ucli.DocGenerationFlag).GetUsage())
	if _, isBool := f.(*ucli.BoolFlag); isBool {
		value = ""
	}
	names = "--" + f.Names()[0]
	if letter := slices.IndexFunc(f.Names(), func(n string) bool { return len(n) == 1 }); letter >= 0 {
		names = "-" + f.Names()[letter] + ", " + names
	}
	return strings.TrimSpace(names + " " + value), usage
}

// placeholder extracts the word in backquotes from a flag's usage. It stands for the flag's value, and stays in the text
// too unless a colon follows it.
func placeholder(usage string) (value, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	value, after, closed := strings.Cut(rest, "`")
	if !ok || !closed {
		return "", usage
	}
	if text, ok := strings.CutPrefix(after, ": "); ok && before == "" {
		return value, text
	}
	return value, before + value + after
}

// elsewhere maps the flags of Nixpacks that this program does not have to what replaces them.
var elsewhere = map[string]string{
	"dockerfile":              "there is no Dockerfile: the plan becomes build steps directly. nixpacks llb prints them",
	"current-dir":             "nothing is written into the app's directory, so there is nothing to choose",
	"incremental-cache-image": "cache directories are kept on this machine from build to build: see nixpacks cache du",
}

// elsewhereLetters maps the letters of those flags to their names.
var elsewhereLetters = map[string]string{"d": "dockerfile"}

// unknownFlag returns the fault for a flag that the command does not have.
func unknownFlag(c *ucli.Context, name string) *fault.Fault {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "-"), "=")
	long := name
	if of, ok := elsewhereLetters[name[:min(1, len(name))]]; ok && flagsOf(c.Command)[name] == nil && elsewhere[name] == "" {
		long = of
	}
	if hint, ok := elsewhere[long]; ok {
		return fault.New(fault.Usage, "the Nixpacks flag %s is not supported", dashes(name)).WithHint("%s", hint)
	}
	return fault.New(fault.Usage, "unknown flag %s", dashes(name)).WithHint("%s", flagHint(c, name))
}
