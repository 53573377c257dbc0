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

// offer is a word that a command line may go on with.
type offer struct {
	word string
	help string
}

// What a shell is to offer beside the candidates.
const (
	noPaths  = "none"
	dirPaths = "dirs"
	anyPaths = "files"
)

// completion is what a command line may go on with.
type completion struct {
	words []offer
	paths string // one of noPaths, dirPaths and anyPaths
}

// complete says what may stand in the place of the last of words, which are the arguments up to the cursor, the last one
// being what is written of it so far.
func complete(app *ucli.App, words []string) completion {
	l := commandLine{cmd: &ucli.Command{Subcommands: app.Commands, Flags: app.Flags}}
	last := len(words) - 1
	for _, w := range words[:last] {
		l.read(w)
	}
	return l.next(words[last]).starting(words[last])
}

// commandLine is what has been read of one.
type commandLine struct {
	cmd   *ucli.Command
	path  []string  // the names of cmd
	value ucli.Flag // that still lacks its value
	args  []string
	given []string // names of flags
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
	if set[name] == nil && !strings.HasPrefix(w, "--") { // letters that share a dash: the last one may want a value
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

// flags are those that may stand here. Before a command there may be those of all commands.
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
	case l.words && slices.Equal(l.path, []string{"run"}): // a command of the image
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

// flagWords are the flags that the command has and that may still be given.
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
	c.words = append(c.words, offer{"--help", "print the help of the command"})
	return c
}

// argument is what the command takes at this place, by what its help calls it.
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
		return nil // completion is no place to say so
	}
	for _, name := range cat.Names() {
		out = append(out, offer{word: name})
	}
	return out
}

// valuesOf is what a flag may be set to.
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

// placeWords is what help stands for by a word in capitals, or by words with "|" between them.
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

// settingWords are the variables that a plan depends on, to be followed by a value.
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

// starting are the candidates that begin with what is written so far.
func (c completion) starting(with string) completion {
	c.words = slices.DeleteFunc(c.words, func(w offer) bool { return !strings.HasPrefix(w.word, with) })
	return c
}
