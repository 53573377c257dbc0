package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/docs"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// helpTopic is a help topic that is not a command: a document, or sections of it. Sections that are topics of their own are
// left out.
type helpTopic struct {
	name, about string
	file        string
	sections    []string // headings; nil for the whole document
}

var helpTopics = []helpTopic{
	{"configuration", "keys of nixpacks.toml and nixpacks.json", "configuration.md", []string{"Files"}},
	{"nixpacks.cue", "configuration in CUE, with constraints", "configuration.md", []string{"nixpacks.cue"}},
	{"variables", "NIXPACKS_* variables, set with --env", "configuration.md", []string{"Variables"}},
	{"secrets", "build secrets that stay out of the image", "configuration.md", []string{"Secrets"}},
	{"files", "files in the build context", "configuration.md", []string{"What goes to the build"}},
	{"networks", "certificates, proxies, mirrors and tokens", "networks.md", nil},
	{"offline", "builds without network access", "offline.md", nil},
	{"ci", "builds and policies in CI", "ci.md", nil},
	{"quickstart", "build your first app, step by step", "quickstart.md", nil},
	{"exit-codes", "exit codes and their meanings", "configuration.md", []string{"Exit codes"}},
}

// text returns the topic's part of its document, in Markdown.
func (t helpTopic) text() (string, error) {
	whole, err := docs.FS.ReadFile(t.file)
	if err != nil || t.sections == nil {
		return string(whole), err
	}
	var b strings.Builder
	for _, heading := range t.sections {
		b.WriteString(sectionOf(string(whole), heading))
	}
	return b.String(), nil
}

// sectionOf returns the part of a document under a second-level heading, including its subsections.
func sectionOf(doc, heading string) string {
	_, rest, _ := strings.Cut("\n"+doc, "\n## "+heading+"\n")
	part, _, _ := strings.Cut(rest, "\n## ")
	return "## " + heading + "\n" + part + "\n"
}

func helpCommand(h *Host) *ucli.Command {
	var b strings.Builder
	b.WriteString("Topics:\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, t := range helpTopics {
		fmt.Fprintf(w, "   %s\t%s\n", t.name, t.about)
	}
	w.Flush()
	return &ucli.Command{
		Name:            "help",
		Aliases:         []string{"h"},
		Usage:           "print help for a command or a topic",
		ArgsUsage:       "[COMMAND|TOPIC]",
		Description:     strings.TrimRight(b.String(), "\n"),
		HideHelpCommand: true,
		Flags:           []ucli.Flag{jsonErrorsFlag()},
		Action:          func(c *ucli.Context) error { return helpAction(c.Context, h, c.Args().Slice()) },
	}
}

func helpAction(ctx context.Context, h *Host, words []string) error {
	app := newApp(h)
	if slices.Equal(words, []string{"help"}) { // urfave/cli would print the help of the program
		c := helpCommand(h)
		c.HelpName = app.Name + " " + c.Name
		commandHelp(h.Stdout, c)
		return nil
	}
	known := app.Commands
	for i, word := range words {
		var names []string
		for _, c := range known {
			if !c.Hidden {
				names = append(names, c.Name)
			}
		}
		at := slices.IndexFunc(known, func(c *ucli.Command) bool { return c.HasName(word) && !c.Hidden })
		if at < 0 {
			return helpOf(h, strings.Join(words[i:], " "), i == 0, names)
		}
		known = known[at].Subcommands
	}
	return app.RunContext(ctx, append(append([]string{app.Name}, words...), "--help"))
}

// helpOf prints a topic. names are the commands that the user may have meant instead.
func helpOf(h *Host, name string, topics bool, names []string) error {
	for _, t := range helpTopics {
		if t.name != name || !topics {
			continue
		}
		text, err := t.text()
		if err == nil {
			_, err = h.Stdout.Write([]byte(plainText(text)))
		}
		return err
	}
	known := strings.Split(topicNames(), ", ")
	f := fault.New(fault.Usage, "there is no help for %q", name)
	if near := fault.Suggest(name, append(slices.Clone(names), known...)); near != "" {
		return f.WithHint("did you mean %q?", near)
	}
	if !topics {
		return f.WithHint("known: %s", strings.Join(names, ", "))
	}
	return f.WithHint("topics: %s\ncommands: %s", topicNames(), strings.Join(names, ", "))
}

// topicNames returns the names of the topics, separated by commas.
func topicNames() string {
	var names []string
	for _, t := range helpTopics {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}
