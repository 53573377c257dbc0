package fault

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
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

// VisibleJSON is a document of JSON, which is UTF-8, in which the same characters are written as their numbers, as JSON has them: it says
// what it said.
func VisibleJSON(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, hiddenInJSON) {
		return doc
	}
	var b bytes.Buffer
	for _, r := range string(doc) {
		switch {
		case !hiddenInJSON(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}

// hiddenInJSON leaves out what may stand between values; within them JSON has it as numbers anyway.
func hiddenInJSON(r rune) bool { return r != '\r' && hiddenRune(r) }

func hiddenRune(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) || r == '\u2028' || r == '\u2029'
}
