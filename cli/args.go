package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// arrange moves the flags of args in front of the positional arguments and behind the command's name,
// because urfave/cli stops reading flags at the first positional argument, and `nixpacks build ./app
// --name x` and `nixpacks --env K=V plan .` are how people write it. What stands behind "--" stays there.
// Words that are no flag of the command stay in their place among the flags, for urfave/cli to refuse.
func arrange(args []string, commands []*ucli.Command) []string {
	name, rest := commandName(args, commands)
	if name == nil {
		return args
	}
	takesValue := valueFlags(name)
	var flags, words []string
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		switch {
		case a == "--":
			words = append(words, rest[i:]...)
			i = len(rest)
		case a == "-" || !strings.HasPrefix(a, "-"):
			words = append(words, a)
		default:
			flags = append(flags, a)
			if !strings.Contains(a, "=") && takesValue[strings.TrimLeft(a, "-")] && i+1 < len(rest) {
				i++
				flags = append(flags, rest[i])
			}
		}
	}
	return append(append([]string{name.Name}, flags...), words...)
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
		if a == "--" {
			return nil, args
		}
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
