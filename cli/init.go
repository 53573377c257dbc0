package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	toml "github.com/pelletier/go-toml/v2"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// configFiles are the file names of an app's configuration.
var configFiles = []string{"nixpacks.toml", "nixpacks.cue", "nixpacks.json"}

func initCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "init",
		Usage:     "write a configuration file with the values of an app's plan",
		ArgsUsage: "[PATH]",
		Description: "Writes a nixpacks.toml or a nixpacks.cue to the app's directory, with each value of the plan and its source as a comment.\n" +
			"It has no effect until you uncomment a value. Values set by flags are not commented out.",
		Flags: append(planFlags(),
			&ucli.BoolFlag{Name: "cue", Category: aboutWords, Usage: "write a nixpacks.cue instead of a nixpacks.toml"}),
		Action: func(c *ucli.Context) error { return initAction(c, h) },
	}
}

func initAction(c *ucli.Context, h *Host) error {
	path, err := appPath(c)
	if err != nil {
		return err
	}
	for _, name := range configFiles {
		if _, err := os.Lstat(filepath.Join(path, name)); err == nil {
			return existsFault(filepath.Join(path, name)).WithHint("nixpacks explain shows its effect")
		}
	}
	p, err := planOf(c, h, path)
	if err != nil {
		return err
	}
	name, text := "nixpacks.toml", tomlSettings(p)
	if c.Bool("cue") {
		name, text = "nixpacks.cue", cueSettings(p)
	}
	file := filepath.Join(path, name)
	if err := writeConfig(file, text, false); err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.Stdout, "wrote %s; edit it, then check the plan: nixpacks plan %s\n", file, path)
	return err
}

// writeConfig writes a configuration file. It replaces an existing file only if over is set, and only once the new one is
// complete.
func writeConfig(file string, text []byte, over bool) error {
	name := file
	if over {
		name = file + ".new"
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return existsFault(name)
	}
	if over && err == nil {
		defer os.Remove(name)
	}
	if err == nil {
		_, err = f.Write(text)
		err = errors.Join(err, f.Close())
	}
	if err == nil && over {
		err = os.Rename(name, file)
	}
	return fault.Wrap(fault.Usage, err, "cannot write %s", file)
}

func existsFault(file string) *fault.Fault {
	return fault.New(fault.Usage, "%s already exists", file)
}

// setting is a value of the plan in the form of a configuration.
type setting struct {
	plan.Leaf
	by string // who set it
	on bool   // it takes effect, because a flag of init sets it
}

// settings returns the values that people set. The others, such as files and long lists, come with the provider.
func settings(p *planned) (out []setting) {
	for _, l := range p.Plan.Leaves() {
		if slices.Contains([]string{"buildImage", "packages", "variables", "phases", "start"}, l.Path[0]) &&
			l.Path[len(l.Path)-1] != "NIXPACKS_METADATA" {
			at, ok := p.Origin(l.Path...)
			by := "default"
			if ok && at.Label != "" {
				by = at.Label
			} else if ok {
				by = at.String()
			}
			out = append(out, setting{l, by, strings.HasPrefix(at.File, "--")})
		}
	}
	return out
}

const initHead = `%[1]s How nixpacks builds this app: %[2]s. Values after %[1]s have no effect;
%[1]s uncomment a value to set it%[3]s. In a list, "..." stands for the elements that the list has without this file.
`

// tomlSettings formats the plan's values as commented lines of TOML.
func tomlSettings(p *planned) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, initHead, "#", found(p), ", and the [table] above it")
	all := settings(p)
	var tables []string // each may occur once in a file
	for _, s := range all {
		tables = append(tables, s.table())
	}
	slices.SortStableFunc(all, func(x, y setting) int { return slices.Index(tables, x.table()) - slices.Index(tables, y.table()) })
	for len(all) > 0 {
		table := all[0].table()
		n := 1
		for n < len(all) && all[n].table() == table {
			n++
		}
		b.WriteByte('\n')
		if table != "" {
			on := slices.ContainsFunc(all[:n], func(s setting) bool { return s.on })
			fmt.Fprintf(&b, "%s[%s]\n", unless(on, "#"), table)
		}
		for _, s := range all[:n] {
			line, err := toml.Marshal(map[string]any{s.Path[len(s.Path)-1]: s.Value})
			if err == nil { // the value is a string, or a list of strings
				fmt.Fprintf(&b, "%s%s  # %s\n", unless(s.on, "#"), bytes.TrimSpace(line), s.by)
			}
		}
		all = all[n:]
	}
	return b.Bytes()
}

// unless returns text if on is false.
func unless(on bool, text string) string {
	if on {
		return ""
	}
	return text
}

var bareKey = lazy.Regexp(`^[A-Za-z0-9_-]+$`)

// table returns the name of the TOML table that holds the setting.
func (s setting) table() string {
	var keys []string
	for _, name := range s.Path[:len(s.Path)-1] {
		if !bareKey().MatchString(name) {
			name = strconv.Quote(name)
		}
		keys = append(keys, name)
	}
	return strings.Join(keys, ".")
}

var cueName = lazy.Regexp(`^[A-Za-z][A-Za-z0-9_]*$`)

// cueSettings formats the plan's values as commented lines of CUE.
func cueSettings(p *planned) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, initHead, "//", found(p), "")
	above, head := "", b.Len()
	for _, s := range settings(p) {
		var labels []string
		for _, name := range s.Path {
			if !cueName().MatchString(name) {
				name = compact(name)
			}
			labels = append(labels, name)
		}
		if part := strings.Join(labels[:min(2, len(labels)-1)], "."); part != above || b.Len() == head {
			above = part
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s%s: %s // %s\n", unless(s.on, "//"), strings.Join(labels, ": "), compact(s.Value), s.by)
	}
	return b.Bytes()
}

// found says which providers the plan comes from.
func found(p *planned) string {
	if len(p.Providers) == 0 {
		return "no provider was detected"
	}
	return "it is an app for " + strings.Join(p.Providers, " and ")
}
