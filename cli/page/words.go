package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// cut puts a text on one line of at most the given number of characters.
func cut(s string, most int) string {
	runes := []rune(strings.Join(strings.Fields(fault.Visible(s)), " "))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}

func human(n int64) string { return units.HumanSize(float64(n)) }

// Took formats a duration for people; "" if it is not positive.
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

// inCode formats a text to be copied: inline if it has one line, else as a block.
func inCode(s string) template.HTML {
	text := template.HTMLEscapeString(fault.Visible(s))
	if strings.Contains(strings.TrimSpace(s), "\n") {
		return template.HTML("<pre>" + text + "</pre>")
	}
	return template.HTML("<code>" + text + "</code>")
}
