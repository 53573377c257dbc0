package cli

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// textWidth is the width of a line in help on a topic, in characters.
const textWidth = 88

var (
	mdLink = lazy.Regexp(`\[([^\]]*)\]\([^)\s]*\)`)
	mdItem = lazy.Regexp(`^(- |[0-9]+\. )`)
	mdRule = lazy.Regexp(`^\|[-|: ]+\|$`)
)

// plainText formats Markdown, as this project's documents use it, for a terminal: paragraphs, lists, tables as names with
// descriptions, and code unchanged.
func plainText(md string) string {
	var b strings.Builder
	var par []string // lines of a paragraph or an item
	flush := func() {
		if len(par) == 0 {
			return
		}
		text := strings.Join(par, " ")
		mark := mdItem().FindString(text)
		wrap(&b, "", strings.Repeat(" ", len(mark)), inline(text))
		par = nil
	}
	lines := strings.Split(strings.TrimSpace(md), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "```"):
			flush()
			i = codeBlock(&b, lines, i+1)
		case strings.HasPrefix(line, "<!--"): // an instruction to tests
		case strings.HasPrefix(line, "|"):
			flush()
			if i+1 < len(lines) && mdRule().MatchString(lines[i+1]) {
				i++ // the table head and the rule below it
				continue
			}
			tableRow(&b, line)
		case strings.HasPrefix(line, "#"):
			flush()
			b.WriteString(strings.ToUpper(inline(strings.TrimLeft(line, "# "))) + "\n")
		case strings.TrimSpace(line) == "":
			flush()
			b.WriteString("\n")
		default:
			if mdItem().MatchString(line) {
				flush()
			}
			par = append(par, strings.TrimSpace(line))
		}
	}
	flush()
	return b.String()
}

// codeBlock writes the lines of a code block, and returns the index of the line that ends it.
func codeBlock(b *strings.Builder, lines []string, i int) int {
	for ; i < len(lines) && !strings.HasPrefix(lines[i], "```"); i++ {
		b.WriteString(strings.TrimRight("    "+lines[i], " ") + "\n")
	}
	return i
}

// tableRow writes a table row: its first cell, the middle ones in parentheses, and the last one below them.
func tableRow(b *strings.Builder, line string) {
	cells := cellsOf(line)
	last := len(cells) - 1
	head := cells[0]
	for _, c := range cells[1:max(last, 1)] {
		if c != "" && last > 1 {
			head += "  (" + c + ")"
		}
	}
	const short = 4 // characters
	if utf8.RuneCountInString(head) <= short && last == 1 {
		wrap(b, fmt.Sprintf("  %-*s  ", short, head), "        ", cells[last])
		return
	}
	wrap(b, "  ", "  ", head)
	if last > 0 {
		wrap(b, "      ", "      ", cells[last])
	}
}

// cellsOf returns the cells of a table row.
func cellsOf(line string) []string {
	const bar = "\x00"
	line = strings.ReplaceAll(strings.Trim(strings.TrimSpace(line), "|"), `\|`, bar)
	var out []string
	for c := range strings.SplitSeq(line, "|") {
		out = append(out, inline(strings.TrimSpace(strings.ReplaceAll(c, bar, "|"))))
	}
	return out
}

// inline removes the markup from a text, except inside code.
func inline(s string) string {
	parts := strings.Split(mdLink().ReplaceAllString(s, "$1"), "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.ReplaceAll(parts[i], "**", "")
	}
	return strings.Join(parts, "")
}

// wrap writes text in lines. The first line begins with first, the others begin with rest.
func wrap(b *strings.Builder, first, rest, text string) {
	line, at := first, utf8.RuneCountInString(first)
	begun := false
	for w := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(w)
		if begun && at+1+n > textWidth {
			b.WriteString(line + "\n")
			line, at, begun = rest, len(rest), false
		}
		if begun {
			line, at = line+" ", at+1
		}
		line, at, begun = line+w, at+n, true
	}
	b.WriteString(line + "\n")
}
