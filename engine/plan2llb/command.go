package plan2llb

import (
	"slices"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// shellWords are what bash itself runs, or understands, in the place of a program's name; `exec` of one of
// these fails or loses its effect.
var shellWords = strings.Fields(`. : ! [[ { } alias bg bind break builtin caller case cd command compgen complete
	continue coproc declare dirs disown do done elif else enable esac eval exec exit export fc fg fi for function
	getopts hash help history if in jobs let local logout mapfile popd pushd read readarray readonly return select
	set shift shopt source suspend then time times trap type typeset ulimit umask unalias unset until wait while`)

var assignment = lazy.Regexp(`^[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?\+?=`)

// withExec puts `exec` in front of a start command that is one simple command, so that the program takes the
// shell's place as the image's first process and gets its signals. Variables that are set for the command stay
// in front of it. Everything else — lists, pipelines, groups, substitutions, functions and words of the
// shell's own — stays as it is.
func withExec(cmd string) string {
	cmd = strings.TrimSpace(cmd)
	words, simple := splitWords(cmd)
	if !simple {
		return cmd
	}
	for _, w := range words {
		text := cmd[w.from:w.to]
		if assignment().MatchString(text) {
			continue
		}
		if slices.Contains(shellWords, text) {
			return cmd
		}
		return cmd[:w.from] + "exec " + cmd[w.from:]
	}
	return cmd
}

type word struct{ from, to int }

// splitWords finds the words of a command line, and tells whether it is one simple command: no operator
// outside of quotes, no command substitution outside of single quotes.
func splitWords(cmd string) (words []word, simple bool) {
	start, quote := -1, byte(0)
	for i := 0; i < len(cmd); i++ {
		c := cmd[i]
		blank := quote == 0 && (c == ' ' || c == '\t')
		if !blank && start < 0 {
			start = i
		}
		switch {
		case quote != '\'' && (c == '`' || strings.HasPrefix(cmd[i:], "$(")):
			return nil, false
		case quote != '\'' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(";&|()<>\n", c) >= 0:
			return nil, false
		case blank && start >= 0:
			words, start = append(words, word{start, i}), -1
		}
	}
	if start >= 0 {
		words = append(words, word{start, len(cmd)})
	}
	return words, quote == 0
}
