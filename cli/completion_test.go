package cli

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// asking are programs for each shell that load the script of this program, and print the completion of each line on its
// input.
var asking = map[string][]string{
	"bash": {"bash", "-c", `
		source <(nixpacks completion bash)
		for line; do
			read -ra COMP_WORDS <<< "${line//=/ = }" # as readline takes a line apart
			COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
			_nixpacks nixpacks
			echo "${COMPREPLY[@]}"
		done`, "bash"},
	"fish": {"fish", "--no-config", "-c", `
		nixpacks completion fish | source
		for line in $argv
			echo (complete -C $line | string split -f 1 \t)
		end`},
	// A zsh on its own terminal completes each line and prints it.
	"zsh": {"zsh", "-f", "-c", `
		zmodload zsh/zpty
		zpty z zsh -f -i
		zpty -w z 'autoload -Uz compinit; compinit -D -u; source <(nixpacks completion zsh)
			show() { zle complete-word; print -r -- "<<$BUFFER>>"; BUFFER= }; zle -N show; bindkey "^T" show; print rea""dy'
		zpty -r z out '*ready*'
		for line; do
			zpty -n -w z "$line"$'\C-t'
			zpty -r z out '*<<*>>*'
			print -r -- "${${out##*<<}%%>>*}"
		done`, "zsh"},
}

// TestCompletion completes lines in each shell. In CI all shells are installed.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"shop/x", "conf.cue"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name), nil)
	}
	for shell, program := range asking {
		t.Run(shell, func(t *testing.T) {
			needProgram(t, shell)
			t.Parallel()
			args := program[1:len(program):len(program)]
			for _, c := range completions {
				args = append(args, c.line)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case a shell waits for more input
			defer cancel()
			cmd := exec.CommandContext(ctx, program[0], args...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+dir)
			out, err := cmd.CombinedOutput()
			got := strings.Split(strings.TrimSpace(string(out)), "\n")
			if err != nil || len(got) != len(completions) {
				t.Fatalf("%v: %q", err, got)
			}
			for i, c := range completions {
				if !strings.HasSuffix(" "+strings.TrimRight(got[i], " /\r"), c.want) {
					t.Errorf("%q goes on with %q, want %q", c.line, got[i], c.want)
				}
			}
		})
	}
}

// completions are lines, and the word that each must end in after completion.
var completions = []struct{ line, want string }{
	{"nixpacks migr", " migrate"},
	{"nixpacks plan --pack", " --packages"},
	{"nixpacks plan shop --pack", " --packages"}, // also after the path
	{"nixpacks plan shop --packages a", " apt"},
	{"nixpacks plan shop --packages=a", "apt"},
	{"nixpacks -e A=1 plan --no-s", " --no-slim"},
	{"nixpacks plan -e NIXPACKS_NODE_V", " NIXPACKS_NODE_VERSION="},
	{"nixpacks plan --env=NIXPACKS_NODE_V", "NIXPACKS_NODE_VERSION="},
	{"nixpacks providers show clo", " clojure"},
	{"nixpacks schema to", " toml"},
	{"nixpacks help mig", " migrate"},
	{"nixpacks plan sh", " shop"},
	{"nixpacks plan --config=con", "conf.cue"},
	{"nixpacks plan --config con", " conf.cue"},
}

// needProgram skips a test if a program is missing, or fails it if nothing may be skipped.
func needProgram(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	if err == nil {
		return
	}
	if os.Getenv("NIXPACKS_E2E") == "require" {
		t.Fatal(err)
	}
	t.Skip(err)
}
