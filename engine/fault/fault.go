// Package fault defines user-facing errors: what went wrong, where, how to fix it, and the exit code of the process.
// Every package of this program returns its errors as a *Fault, or wraps one.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Code is the process exit code for a fault.
type Code int

// The exit codes. Meanings describes them.
const (
	OK          Code = 0
	BuildFailed Code = 1   // a build step failed
	Usage       Code = 2   // the command line is wrong
	NotDetected Code = 20  // nothing detected, or no start command
	Refused     Code = 21  // a configuration or a plan is refused
	TryAgain    Code = 75  // network, registry, lock or full disk: the same command may work later
	Bug         Code = 100 // a bug in this program
	Interrupted Code = 130 // SIGINT or SIGTERM
)

// Meanings describes the exit codes for help texts and documentation.
var Meanings = []struct {
	Code Code
	Text string
}{
	{OK, "done"},
	{BuildFailed, "a build step failed"},
	{Usage, "usage"},
	{NotDetected, "nothing detected or no start command"},
	{Refused, "configuration or plan refused"},
	{TryAgain, "try again (network, registry, lock, full disk)"},
	{Bug, "a bug in nixpacks"},
	{Interrupted, "interrupted"},
}

// Pos is a position in a file. Line and Col are 1-based; Col counts bytes. Line 0 stands for the whole file. File is the
// path as the user would write it: relative to the app directory, or as given on the command line. Label, if set,
// describes the position ("set here", "--start-cmd").
type Pos struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`
	Col   int    `json:"column,omitempty"`
	Label string `json:"label,omitempty"`
}

// String formats the position as file:line:column, like compilers do.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Fault is a single user-facing error.
type Fault struct {
	Code   Code
	Msg    string // what is wrong, without a final period
	At     []Pos  // positions, the user's own file first
	Source string // text of the line at At[0], shown with a caret; "" for none
	Hint   string // how to fix it
	Detail string // additional lines, such as the output of a failed command
	Err    error  // the cause, printed with --verbose
}

// New returns a fault with a formatted message.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault with err as its cause. If err is or wraps a fault already, Wrap returns err unchanged. If the
// cause is a full disk, the code is always TryAgain, and the hint names the directory if it is known.
func Wrap(code Code, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return err
	}
	f = &Fault{Code: code, Msg: fmt.Sprintf(format, args...), Err: err}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		f.Code, f.Hint = TryAgain, "the disk"+holding(err)+"is full: free some space there; nixpacks cache prune removes cached build data"
	}
	return f
}

// holding names the directory of the file in err.
func holding(err error) string {
	var file *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &file):
		return " that holds " + filepath.Dir(file.Path)
	case errors.As(err, &link):
		return " that holds " + filepath.Dir(link.New)
	}
	return ""
}

// WithHint sets the hint, which says how to fix the error.
func (f *Fault) WithHint(format string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// WithPos appends positions.
func (f *Fault) WithPos(at ...Pos) *Fault {
	f.At = append(f.At, at...)
	return f
}

// WithSource sets the source line shown with a caret. text is the content of the file that At[0] names.
func (f *Fault) WithSource(text []byte) *Fault {
	if len(f.At) > 0 {
		f.Source = line(text, f.At[0].Line)
	}
	return f
}

// Error returns the message with its first position and the cause.
func (f *Fault) Error() string {
	s := f.Msg
	if len(f.At) > 0 {
		s = f.At[0].String() + ": " + s
	}
	if f.Err != nil {
		s += ": " + f.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Interruption returns the fault for work that ended because ctx did. Its cause is that of ctx.
func Interruption(ctx context.Context) error {
	return &Fault{Code: Interrupted, Msg: "interrupted", Err: context.Cause(ctx)}
}

// All lists the faults in err, in order. An error that is not a fault becomes one with code Bug.
func All(err error) []*Fault {
	if err == nil {
		return nil
	}
	if f, ok := err.(*Fault); ok {
		return []*Fault{f}
	}
	if m, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Fault
		for _, e := range m.Unwrap() {
			out = append(out, All(e)...)
		}
		return out
	}
	var f *Fault
	if errors.As(err, &f) {
		return []*Fault{f}
	}
	return []*Fault{{Code: Bug, Msg: err.Error(), Err: err}}
}

// CodeOf returns the exit code for err: the code of its first fault, or OK for nil.
func CodeOf(err error) Code {
	if fs := All(err); len(fs) > 0 {
		return fs[0].Code
	}
	return OK
}
