package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/docker/go-units"
)

// Visible is a text in which nothing acts in secret: characters that are not seen or turn the direction of others are
// written as their numbers.
func Visible(s string) string {
	if !strings.ContainsFunc(s, hiddenRune) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if hiddenRune(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hiddenRune(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) || r == '\u2028' || r == '\u2029'
}

// cut is a text on one line that has at most so many characters.
func cut(s string, most int) string {
	runes := []rune(strings.Join(strings.Fields(Visible(s)), " "))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

func human(n int64) string { return units.HumanSize(float64(n)) }

// Took is a duration as people say it; "" for none.
func Took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// inCode is a text to be copied: in one line where it is one, and as it is otherwise.
func inCode(s string) template.HTML {
	text := template.HTMLEscapeString(Visible(s))
	if strings.Contains(strings.TrimSpace(s), "\n") {
		return template.HTML("<pre>" + text + "</pre>")
	}
	return template.HTML("<code>" + text + "</code>")
}
