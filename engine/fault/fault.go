// Package fault holds the errors that people read: what went wrong, where, what to do, and the exit
// code of the process. Every package of this program reports its errors as a *Fault, or wraps one.
package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Code is the exit code of the process for a fault.
type Code int

// The exit codes; Meanings says what they mean.
const (
	OK          Code = 0
	BuildFailed Code = 1   // a build step failed
	Usage       Code = 2   // the command line is wrong
	NotDetected Code = 20  // nothing detected, or no start command
	Refused     Code = 21  // a configuration or a plan is refused
	TryAgain    Code = 75  // network, registry, lock or full disk: the same command may work later
	Bug         Code = 100 // our fault
	Interrupted Code = 130 // SIGINT or SIGTERM
)

// Meanings are what the exit codes mean, as help and documentation have it.
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
	{Bug, "a bug of nixpacks"},
	{Interrupted, "interrupted"},
}

// Pos is a place in a file. Line and Col count from 1, Col in bytes; Line 0 names the whole file.
// File is as the user would write it: relative to the app's directory, or the path given on the
// command line. Label, where set, says what the place is ("set here", "--start-cmd").
type Pos struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`
	Col   int    `json:"column,omitempty"`
	Label string `json:"label,omitempty"`
}

// String is file:line:column, as compilers print it.
func (p Pos) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Col == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Fault is one error.
type Fault struct {
	Code   Code
	Msg    string // what is wrong, without a final period
	At     []Pos  // where; the user's own file first
	Source string // the text of the line that At[0] names, for the caret; "" for none
	Hint   string // what to do about it
	Detail string // more lines for the reader, such as the output of a failed command
	Err    error  // the cause, printed with --verbose
}

// New makes a fault from a format.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Msg: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault from a cause. A cause that is a fault already, or holds one, is returned as it is. Where the cause is that a
// disk is full, the code is TryAgain whatever was given, and the hint says which.
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
		f.Code, f.Hint = TryAgain, "the disk"+holding(err)+" is full: make room there; nixpacks cache prune frees what builds keep"
	}
	return f
}

// holding names the directory of the file that an error is about.
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

// WithHint sets what to do.
func (f *Fault) WithHint(format string, args ...any) *Fault {
	f.Hint = fmt.Sprintf(format, args...)
	return f
}

// WithPos appends places.
func (f *Fault) WithPos(at ...Pos) *Fault {
	f.At = append(f.At, at...)
	return f
}

// WithSource sets the line that is shown with a caret, taken from the text of the file that At[0] names.
func (f *Fault) WithSource(text []byte) *Fault {
	if len(f.At) > 0 {
		f.Source = line(text, f.At[0].Line)
	}
	return f
}

// Error is the message with its first place.
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

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// All lists the faults that err holds, in order; an error that is no fault becomes one with code Bug.
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

// CodeOf is the exit code for err: the first fault's code, OK for nil.
func CodeOf(err error) Code {
	if fs := All(err); len(fs) > 0 {
		return fs[0].Code
	}
	return OK
}
