//go:build linux && cgo

package ocirt

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
)

// call is one parsed command line of the runtime.
type call struct {
	root    string // directory of the container states, absolute
	verb    string // run, exec, kill, delete, state
	id      string // container id
	bundle  string // run: directory with config.json
	process string // exec: file with the process as JSON
	pidFile string // exec: file for the process id
	signal  string // kill: number or name
	keep    bool   // run: keep the stopped container for a later delete
	noPivot bool
	force   bool
}

// parse reads the subset of runc's command line that BuildKit uses. Flags without meaning here (log file, keyrings) are
// accepted and ignored.
func parse(args []string) (*call, error) {
	c := &call{}
	global := flag.NewFlagSet(Name, flag.ContinueOnError)
	global.SetOutput(io.Discard)
	// The symlink is in STATE/bin, so the containers are in STATE/runc. The executor cannot be configured to pass --root.
	global.StringVar(&c.root, "root", Root(filepath.Dir(filepath.Dir(os.Args[0]))), "")
	global.String("log", "", "")
	global.String("log-format", "", "")
	global.Bool("debug", false, "")
	global.Bool("systemd-cgroup", false, "")
	if err := global.Parse(args); err != nil {
		return nil, err
	}
	if global.NArg() == 0 {
		return nil, errors.New("no command given")
	}
	c.verb = global.Arg(0)
	f := flag.NewFlagSet(c.verb, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&c.bundle, "bundle", ".", "")
	f.StringVar(&c.process, "process", "", "")
	f.StringVar(&c.pidFile, "pid-file", "", "")
	f.BoolVar(&c.keep, "keep", false, "")
	f.BoolVar(&c.noPivot, "no-pivot", false, "")
	f.BoolVar(&c.force, "force", false, "")
	f.Bool("no-new-keyring", false, "")
	f.Bool("all", false, "")
	if err := f.Parse(global.Args()[1:]); err != nil {
		return nil, err
	}
	c.id, c.signal = f.Arg(0), f.Arg(1)
	if c.signal == "" {
		c.signal = "TERM"
	}
	root, err := filepath.Abs(c.root) // before run changes into the bundle
	c.root = root
	return c, err
}
