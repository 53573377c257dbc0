package cli

import (
	"cmp"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// offer is a candidate for completion.
type offer struct {
	word string
	help string
}

// The kinds of paths that a shell offers in addition to the candidates.
const (
	noPaths  = "none"
	dirPaths = "dirs"
	anyPaths = "files"
)

// completion is what may follow on a command line.
type completion struct {
	words []offer
	paths string // one of noPaths, dirPaths and anyPaths
}

// complete returns the candidates for the last of words. The words are the arguments up to the cursor, and the last one is
// what has been typed of the current argument.
func complete(app *ucli.App, words []string) completion {
	l := commandLine{cmd: &ucli.Command{Subcommands: app.Commands, Flags: app.Flags}}
	last := len(words) - 1
	for _, w := range words[:last] {
		l.read(w)
	}
	return l.next(words[last]).starting(words[last])
}

// commandLine is the state of a command line that has been read in part.
type commandLine struct {
	cmd   *ucli.Command
	path  []string  // the names of the commands that lead to cmd
	value ucli.Flag // a flag whose value comes next
	args  []string
	given []string // the names of the flags read so far
	words bool     // "--" was read
}

func (l *commandLine) read(w string) {
	switch {
	case l.value != nil:
		l.value = nil
	case l.words:
		l.args = append(l.args, w)
	case w == "--":
		l.words = true
	case strings.HasPrefix(w, "-") && w != "-":
		l.flag(w)
	default:
		for _, c := range l.cmd.Subcommands {
			if c.HasName(w) && len(l.args) == 0 {
				l.cmd, l.path = c, append(l.path, c.Name)
				return
			}
		}
		l.args = append(l.args, w)
	}
}

func (l *commandLine) flag(w string) {
	name, _, joined := strings.Cut(strings.TrimLeft(w, "-"), "=")
	set := l.flags()
	if set[name] == nil && !strings.HasPrefix(w, "--") { // short flags that share a dash: the last one may take a value
		name = name[max(len(name)-1, 0):]
	}
	f := set[name]
	if f == nil {
		return
	}
	l.given = append(l.given, f.Names()[0])
	if set.takesValue(name) && !joined {
		l.value = f
	}
}

// flags returns the flags that may be given here. Before the command these include the flags of all commands.
func (l *commandLine) flags() flagSet {
	set := flagsOf(l.cmd)
	if len(l.path) == 0 {
		for _, c := range l.cmd.Subcommands {
			for name, f := range flagsOf(c) {
				if set[name] == nil {
					set[name] = f
				}
			}
		}
	}
	return set
}

func (l *commandLine) next(word string) completion {
	name, value, joined := strings.Cut(word, "=")
	switch {
	case l.value != nil:
		return valuesOf(l.value)
	case l.words && slices.Equal(l.path, []string{"run"}): // a command to run in the image
		return completion{paths: anyPaths}
	case strings.HasPrefix(word, "-") && joined && !l.words:
		f := l.flags()[strings.TrimLeft(name, "-")]
		if f == nil {
			return completion{paths: noPaths}
		}
		c := valuesOf(f)
		for i := range c.words {
			c.words[i].word = strings.TrimSuffix(word, value) + c.words[i].word
		}
		return c
	case strings.HasPrefix(word, "-") && !l.words:
		return l.flagWords()
	case len(l.cmd.Subcommands) > 0 && len(l.args) == 0:
		var c completion
		for _, s := range l.cmd.Subcommands {
			if !s.Hidden {
				c.words = append(c.words, offer{s.Name, s.Usage})
			}
		}
		c.paths = noPaths
		return c
	}
	return l.argument()
}

// flagWords returns the command's flags, except those that are given already and cannot be repeated.
func (l *commandLine) flagWords() completion {
	c := completion{paths: noPaths}
	for _, f := range l.cmd.Flags {
		if f == ucli.HelpFlag {
			continue
		}
		_, many := f.(*ucli.StringSliceFlag)
		if many || !slices.Contains(l.given, f.Names()[0]) {
			_, usage := placeholder(f.(ucli.DocGenerationFlag).GetUsage())
			c.words = append(c.words, offer{"--" + f.Names()[0], usage})
		}
	}
	c.words = append(c.words, offer{"--help", "print help for the command"})
	return c
}

// argument completes a positional argument, by its placeholder in the help.
func (l *commandLine) argument() completion {
	takes := strings.Fields(strings.NewReplacer(" | ", "|", "[", "", "]", "").Replace(l.cmd.ArgsUsage))
	if len(l.args) >= len(takes) {
		return completion{paths: noPaths}
	}
	switch what := takes[len(l.args)]; {
	case what == "COMMAND|TOPIC":
		c := completion{paths: noPaths}
		for _, k := range newApp(&Host{}).Commands {
			if !k.Hidden {
				c.words = append(c.words, offer{k.Name, k.Usage})
			}
		}
		for _, t := range helpTopics {
			c.words = append(c.words, offer{t.name, t.about})
		}
		return c
	case what == "NAME" && slices.Equal(l.path, []string{"providers", "show"}):
		return completion{providerNames(), noPaths}
	default:
		return placeWords(what)
	}
}

func providerNames() (out []offer) {
	cat, err := catalog.Builtin()
	if err != nil {
		return nil // completion is not the place to report this
	}
	for _, name := range cat.Names() {
		out = append(out, offer{word: name})
	}
	return out
}

// valuesOf completes the value of a flag.
func valuesOf(f ucli.Flag) completion {
	usage := f.(ucli.DocGenerationFlag).GetUsage()
	if f.Names()[0] == "env" {
		return completion{settingWords(), noPaths}
	}
	if _, isBool := f.(*ucli.BoolFlag); isBool {
		return completion{[]offer{{word: "true"}, {word: "false"}}, noPaths}
	}
	what, _ := placeholder(usage)
	return placeWords(what)
}

var alternatives = lazy.Regexp(`^[A-Za-z][a-z0-9.]*(\|[A-Za-z][a-z0-9.]*)+$`)

// placeWords completes a placeholder of the help: a word in capitals, or words separated by "|".
func placeWords(what string) completion {
	c := completion{paths: noPaths}
	if alternatives().MatchString(what) {
		for w := range strings.SplitSeq(what, "|") {
			c.words = append(c.words, offer{word: w})
		}
		return c
	}
	for w := range strings.SplitSeq(what, "|") {
		switch w {
		case "PATH", "DIR", "A", "B":
			c.paths = cmp.Or(map[string]string{anyPaths: anyPaths}[c.paths], dirPaths)
		case "FILE", "IMAGE":
			c.paths = anyPaths
		}
	}
	return c
}

// settingWords returns the variables that plans depend on, each with "=" so that a value can follow.
func settingWords() (out []offer) {
	names := []string{}
	for _, s := range unify.Settings {
		names = append(names, catalog.Setting+s)
	}
	if cat, err := catalog.Builtin(); err == nil {
		for _, name := range cat.Names() {
			p, _ := cat.Get(name)
			names = append(names, p.Variables()...)
		}
	}
	slices.Sort(names)
	for _, n := range slices.Compact(names) {
		out = append(out, offer{word: n + "="})
	}
	return out
}

// starting keeps the candidates that begin with the text typed so far.
func (c completion) starting(with string) completion {
	c.words = slices.DeleteFunc(c.words, func(w offer) bool { return !strings.HasPrefix(w.word, with) })
	return c
}
