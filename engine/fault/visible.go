package fault

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// Visible escapes invisible characters, control characters and characters that change the text direction as \uXXXX, so
// that untrusted text can neither control the terminal nor mislead the reader. Newlines and tabs are kept.
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

// escapes matches ANSI control sequences, and operating system commands such as window titles.
var escapes = lazy.Regexp("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(\x07|\x1b\\\\)|\x1b[@-Z\\\\-_]")

// Plain removes everything that acts on a terminal: escape sequences, and control characters except tabs.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || !unicode.IsControl(r) {
			return r
		}
		return -1
	}, escapes().ReplaceAllString(s, ""))
}

// VisibleJSON escapes the same characters in a UTF-8 JSON document with JSON's own escape sequences. The document keeps
// its meaning.
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

// hiddenInJSON also allows a carriage return, which is legal whitespace between values. Inside strings JSON escapes it
// anyway.
func hiddenInJSON(r rune) bool { return r != '\r' && hiddenRune(r) }

func hiddenRune(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) || r == '\u2028' || r == '\u2029'
}
