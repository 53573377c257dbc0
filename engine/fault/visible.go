package fault

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible is a text in which nothing acts in secret, on a terminal or on the eye: characters that are not seen or turn the direction
// of others are written as their numbers. Ends of lines and tabs stay.
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
