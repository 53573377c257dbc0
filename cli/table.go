package cli

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/containerd/console"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// table is text in columns. In a terminal its lines are as wide as the terminal, and longer cells continue below in their
// column. Elsewhere a row is one line, however long.
type table struct {
	out   bytes.Buffer
	width int  // in characters; 0 for no limit
	bold  bool // titles are bold
	rows  [][]string
}

// narrowest is the width to which a column may shrink, in characters.
const narrowest = 24

// gap is the number of spaces between two columns.
const gap = 2

// newTable returns a table for the command's output.
func newTable(h *Host) *table {
	t := &table{}
	f, ok := h.Stdout.(*os.File)
	if !ok {
		return t
	}
	c, err := console.ConsoleFromFile(f)
	if err != nil {
		return t
	}
	if size, err := c.Size(); err == nil {
		t.width = int(size.Width)
	}
	env := environMap(h.Environ)
	t.bold = env["NO_COLOR"] == "" && env["TERM"] != "dumb"
	return t
}

// row adds a row of cells.
func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = oneLine(c)
	}
	if len(cells) == 1 { // a single cell spans all columns
		t.end()
		t.line(cells, []int{t.width})
		return
	}
	t.rows = append(t.rows, cells)
}

// section begins a part of the table with a title. The columns of each part have their own widths. Without a title it adds
// an empty line.
func (t *table) section(title string) {
	t.end()
	t.out.WriteByte('\n')
	if title = oneLine(title); title != "" && t.bold {
		title = "\x1b[1m" + title + "\x1b[0m"
	}
	if title != "" {
		t.out.WriteString(title + "\n")
	}
}

// text returns the whole table.
func (t *table) text() []byte {
	t.end()
	return bytes.TrimLeft(t.out.Bytes(), "\n")
}

// oneLine escapes line breaks and tabs, which would break a table, and characters that would act on the terminal.
func oneLine(s string) string {
	return fault.Visible(strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(s))
}

// end writes the rows added so far, with aligned columns.
func (t *table) end() {
	widths := t.columns(false)
	if t.tooWide() {
		widths = narrowed(t.columns(true), t.width)
	}
	for _, cells := range t.rows {
		t.line(cells, widths)
	}
	t.rows = nil
}

// tooWide reports whether the pending rows are wider than the terminal.
func (t *table) tooWide() bool { return t.width > 0 && total(t.columns(true)) > t.width }

// listWidth is the width of a list without a terminal, in characters.
const listWidth = 120

// list adds words after a title, on several aligned lines if needed. It adds nothing if there are no words.
func (t *table) list(title string, words []string) {
	t.end()
	room := listWidth
	if t.width > 0 {
		room = t.width
	}
	line := title
	for i, word := range words {
		if word = oneLine(word); i < len(words)-1 {
			word += ","
		}
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room && strings.TrimSpace(line) != "" && i > 0 {
			t.out.WriteString(strings.TrimRight(line, " ") + "\n")
			line = strings.Repeat(" ", len(title))
		}
		line += word + " "
	}
	if len(words) > 0 {
		t.out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// columns returns the width of each column, that of its longest cell. Without last it ignores the last cell of each row,
// which nothing follows.
func (t *table) columns(last bool) (out []int) {
	for _, cells := range t.rows {
		for i, c := range cells {
			if i == len(out) {
				out = append(out, 0)
			}
			if last || i < len(cells)-1 {
				out[i] = max(out[i], utf8.RuneCountInString(c))
			}
		}
	}
	return out
}

func total(widths []int) int {
	n := gap * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

// narrowed narrows the widest columns until the row fits.
func narrowed(widths []int, room int) []int {
	for total(widths) > room {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= narrowest {
			break
		}
		widths[widest]--
	}
	return widths
}

// line writes a row, on several lines if a cell is wider than its column. If the terminal's width is unknown, it breaks
// nothing.
func (t *table) line(cells []string, widths []int) {
	parts := make([][]string, len(cells))
	lines := 1
	for i, c := range cells {
		parts[i] = []string{c}
		if t.width > 0 && widths[i] > 0 {
			parts[i] = breakLines(c, widths[i])
		}
		lines = max(lines, len(parts[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i := range cells {
			cell := ""
			if n < len(parts[i]) {
				cell = parts[i][n]
			}
			b.WriteString(cell)
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0)+gap))
			}
		}
		t.out.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	}
}

// breakLines breaks a text into lines of at most width characters, between words if possible. Lines after the first are
// indented like the first, plus two spaces.
func breakLines(s string, width int) (out []string) {
	in := strings.Repeat(" ", min(len(s)-len(strings.TrimLeft(s, " ")), width/2))
	if in != "" {
		in += "  "
	}
	runes := []rune(s)
	for len(runes) > width {
		at := width
		for i := width; i > width/2 && i > len(in); i-- {
			if runes[i] == ' ' {
				at = i
				break
			}
		}
		out = append(out, strings.TrimRight(string(runes[:at]), " "))
		runes = []rune(in + strings.TrimLeft(string(runes[at:]), " "))
	}
	return append(out, string(runes))
}
