package cli

import (
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// arrange moves the flags of args in front of the positional arguments and behind the command's name,
// because urfave/cli stops reading flags at the first positional argument, and `nixpacks build ./app
// --name x` and `nixpacks --env K=V plan .` are how people write it. What stands behind "--" are words,
// whatever they look like; for the command named tailOf they are returned as its tail instead.
func arrange(args []string, commands []*ucli.Command, tailOf string) (arranged, tail []string) {
	if i := slices.Index(args, "--"); i >= 0 {
		args, tail = args[:i], args[i+1:]
	}
	cmd, rest := commandName(args, commands)
	if cmd == nil {
		return append(slices.Clone(args), tail...), nil
	}
	if len(cmd.Subcommands) > 0 {
		arranged, tail = arrange(append(append(rest, "--"), tail...), cmd.Subcommands, "")
		return append([]string{cmd.Name}, arranged...), tail
	}
	takesValue := valueFlags(cmd)
	flags, words := []string{cmd.Name}, []string{}
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		if a == "-" || !strings.HasPrefix(a, "-") {
			words = append(words, a)
			continue
		}
		flags = append(flags, a)
		if !strings.Contains(a, "=") && takesValue[strings.TrimLeft(a, "-")] && i+1 < len(rest) {
			i++
			flags = append(flags, rest[i])
		}
	}
	if cmd.Name != tailOf {
		words, tail = append(words, tail...), nil
	}
	return append(append(flags, "--"), words...), tail
}

// commandName finds the command among args, past flags that stand before it, and gives the other args.
func commandName(args []string, commands []*ucli.Command) (*ucli.Command, []string) {
	takesValue := map[string]bool{}
	for _, c := range commands {
		for n, v := range valueFlags(c) {
			takesValue[n] = takesValue[n] || v
		}
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "-") {
			if !strings.Contains(a, "=") && takesValue[strings.TrimLeft(a, "-")] {
				i++
			}
			continue
		}
		for _, c := range commands {
			if c.HasName(a) {
				return c, append(append([]string{}, args[:i]...), args[i+1:]...)
			}
		}
		return nil, args
	}
	return nil, args
}

// valueFlags are the names of the command's flags, with true for those that take a value.
func valueFlags(c *ucli.Command) map[string]bool {
	out := map[string]bool{}
	for _, f := range c.Flags {
		_, isBool := f.(*ucli.BoolFlag)
		for _, n := range f.Names() {
			out[n] = !isBool
		}
	}
	return out
}
