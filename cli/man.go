package cli

import (
	"fmt"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"
)

func manCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Description: "   nixpacks man > nixpacks.1 && man -l nixpacks.1",
		Flags:       []ucli.Flag{jsonErrorsFlag()},
		Action: func(c *ucli.Context) error {
			page, err := manPage(newApp(h))
			if err == nil {
				_, err = h.Stdout.Write([]byte(page))
			}
			return err
		},
	}
}

// manual is a manual page under construction, in the macros of man(7).
type manual struct {
	strings.Builder
	plan []string // the flags that all commands that plan share, which are described once
}

// manPage returns the page nixpacks(1): the commands with their flags, and the help topics.
func manPage(app *ucli.App) (string, error) {
	m := &manual{}
	for _, f := range planFlags() {
		m.plan = append(m.plan, f.Names()[0])
	}
	fmt.Fprintf(m, ".TH NIXPACKS 1 \"\" \"nixpacks %s\"\n", roff(app.Version))
	m.macro("SH", "NAME")
	m.text(app.Name + " - " + app.Usage)
	m.macro("SH", "SYNOPSIS")
	m.text(app.UsageText)
	m.macro("SH", "DESCRIPTION")
	m.verbatim(app.Description)
	m.macro("SH", "COMMANDS")
	for _, c := range app.Commands {
		m.command(c, app.Name)
	}
	m.macro("SH", "COMMON PLANNING FLAGS")
	m.flags(planFlags())
	for _, s := range []struct{ head, topic string }{{"ENVIRONMENT", "variables"}, {"EXIT STATUS", "exit-codes"}} {
		t := helpTopics[slices.IndexFunc(helpTopics, func(t helpTopic) bool { return t.name == s.topic })]
		text, err := t.text()
		if err != nil {
			return "", err
		}
		m.macro("SH", s.head)
		for line := range strings.Lines(text) {
			if cells := cellsOf(line); strings.HasPrefix(line, "| `") {
				m.item(cells[0], cells[len(cells)-1])
			}
		}
	}
	m.macro("SH", "SEE ALSO")
	m.text("For details, run nixpacks help TOPIC:")
	for _, t := range helpTopics {
		m.item(t.name, t.about)
	}
	return m.String(), nil
}

// command writes a command and its subcommands.
func (m *manual) command(c *ucli.Command, parent string) {
	name := parent + " " + c.Name
	if c.Hidden {
		return
	}
	if !hasCommands(c) {
		m.macro("SS", strings.TrimSpace(name+" [flags] "+c.ArgsUsage))
		m.text(strings.ToUpper(c.Usage[:1]) + c.Usage[1:] + ".")
		if c.Description != "" {
			m.verbatim(c.Description)
		}
		own := slices.DeleteFunc(slices.Clone(c.Flags), func(f ucli.Flag) bool { return slices.Contains(m.plan, f.Names()[0]) })
		if len(c.Flags)-len(own) == len(m.plan) {
			m.macro("PP", "")
			m.text("Also accepts the common planning flags.")
		} else {
			own = c.Flags
		}
		m.flags(own)
	}
	for _, s := range c.Subcommands {
		m.command(s, name)
	}
}

// flags writes flags in the order of their categories.
func (m *manual) flags(flags []ucli.Flag) {
	for _, about := range topics {
		for _, f := range flags {
			if topicOf(f) == about {
				left, usage := flagWords(f)
				m.item(left, usage)
			}
		}
	}
}

func (m *manual) macro(name, arg string) {
	if arg != "" {
		arg = ` "` + strings.ReplaceAll(roff(arg), `"`, `\(dq`) + `"`
	}
	fmt.Fprintf(m, ".%s%s\n", name, arg)
}

func (m *manual) item(name, text string) {
	m.macro("TP", "")
	m.macro("B", name)
	m.text(text)
}

// text writes a paragraph.
func (m *manual) text(s string) { m.WriteString(roff(s) + "\n") }

// verbatim writes a description: paragraphs, and lines that begin with spaces unchanged.
func (m *manual) verbatim(s string) {
	for i, block := range strings.Split(s, "\n\n") {
		if i > 0 {
			m.macro("PP", "")
		}
		if !strings.HasPrefix(block, " ") {
			m.text(block)
			continue
		}
		m.macro("nf", "")
		m.text(strings.TrimRight(block, "\n"))
		m.macro("fi", "")
	}
}

// roff escapes what roff would interpret.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
