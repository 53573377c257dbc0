// Package lazy defers work that would slow down the program's start.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a regular expression that is compiled on first use, which panics if expr is invalid. Compiling all
// expressions at the program's start would cost every command a millisecond.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
