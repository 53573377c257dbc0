// Package lazy puts off what a program's start should not wait for.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp is a regular expression that is compiled when it is first asked for. It panics then if expr is none. Compiling all
// of them at the program's start would cost every command a millisecond.
func Regexp(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
