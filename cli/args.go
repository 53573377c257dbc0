package cli

import (
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// arrange moves the flags in args before the positional arguments and after the command name. urfave/cli stops parsing
// flags at the first positional argument, but people write `nixpacks build ./app --name x` and `nixpacks --env K=V plan .`.
// Every flag is rewritten to --name or --name=value, so that -e K=V, -eK=V and --env K=V can be mixed. Arguments after "--"
// are positional, whatever they look like. For the command named tailOf they are returned as its tail instead.
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
	set := flagsOf(cmd)
	flags, words := []string{cmd.Name}, []string{}
	for len(rest) > 0 {
		a := rest[0]
		if a == "-" || !strings.HasPrefix(a, "-") {
			words, rest = append(words, a), rest[1:]
			continue
		}
		var read []string
		read, rest = set.read(rest)
		flags = append(flags, read...)
	}
	if cmd.Name != tailOf {
		words, tail = append(words, tail...), nil
	}
	return append(append(flags, "--"), words...), tail
}

// flagSet maps every name of a command's flags, aliases included, to the flag.
type flagSet map[string]ucli.Flag

func flagsOf(c *ucli.Command) flagSet {
	set := flagSet{}
	for _, f := range c.Flags {
		for _, n := range f.Names() {
			set[n] = f
		}
	}
	return set
}

// takesValue reports whether name is a flag that takes a value, not a switch.
func (s flagSet) takesValue(name string) bool {
	f := s[name]
	_, isBool := f.(*ucli.BoolFlag)
	return f != nil && !isBool
}

// read consumes the first flag of args, with its value. It returns the flag in the form that urfave/cli parses reliably,
// and the remaining args. A flag that the command does not have is returned unchanged.
func (s flagSet) read(args []string) (read, rest []string) {
	word, rest := args[0], args[1:]
	name, value, given := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
	if s[name] == nil && !strings.HasPrefix(word, "--") {
		return s.letters(word, rest)
	}
	if s[name] == nil {
		return []string{word}, rest
	}
	long := "--" + s[name].Names()[0]
	switch {
	case given:
		return []string{long + "=" + value}, rest
	case s.takesValue(name) && len(rest) > 0:
		return []string{long + "=" + rest[0]}, rest[1:]
	}
	return []string{long}, rest
}

// letters reads short flags that share one dash: -vp jq, or -pjq.
func (s flagSet) letters(word string, rest []string) (read, left []string) {
	for i := 1; i < len(word); i++ {
		name := word[i : i+1]
		switch {
		case s[name] == nil:
			return []string{word}, rest
		case s.takesValue(name) && i+1 < len(word):
			value := strings.TrimPrefix(word[i+1:], "=")
			return append(read, "--"+s[name].Names()[0]+"="+value), rest
		case s.takesValue(name):
			last, left := s.read(append([]string{"-" + name}, rest...))
			return append(read, last...), left
		}
		read = append(read, "--"+s[name].Names()[0])
	}
	return read, rest
}

// flagMistakes rejects a flag without its value, for which urfave/cli would take the next argument. It also rejects a
// single-value flag that is given twice, because one of the values would be lost silently.
func flagMistakes(arranged []string, cmd *ucli.Command) error {
	if cmd == nil {
		return nil
	}
	set, seen := flagsOf(cmd), map[string]bool{}
	for _, a := range arranged[1:] {
		if a == "--" {
			break
		}
		name, _, given := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		_, many := set[name].(*ucli.StringSliceFlag)
		see := "see: nixpacks " + cmd.Name + " --help"
		switch {
		case !set.takesValue(name):
		case !given:
			return fault.New(fault.Usage, "--%s needs a value", name).WithHint("%s", see)
		case seen[name] && !many:
			return fault.New(fault.Usage, "--%s is given twice, but accepts one value", name).WithHint("%s", see)
		}
		seen[name] = true
	}
	return nil
}

// commandName finds the command in args, skipping flags before it, and returns the other args.
func commandName(args []string, commands []*ucli.Command) (*ucli.Command, []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if strings.HasPrefix(a, "-") {
			name := strings.TrimLeft(a, "-")
			if !strings.Contains(a, "=") && slices.ContainsFunc(commands, func(c *ucli.Command) bool { return flagsOf(c).takesValue(name) }) {
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
