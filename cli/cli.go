// Package cli is the command line: it reads flags, calls the engine, and writes results and errors.
// Results go to stdout; progress, notes and errors go to stderr.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/cli/collector"
	_ "github.com/nixpacks-cue/nixpacks/cli/hugepages" // at the start
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Host is what the process has around it. Commands reach the outside through it alone, so that tests can
// give them another.
type Host struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // K=V, as os.Environ gives it
	CUE     []string // of these, CUE's own variables, which say where registries of modules are, and count for nothing else

	words   []string   // the arguments as they were written, without the command's name
	tail    []string   // of them, what stands behind "--" of the run command
	verbose bool       // --verbose, or NIXPACKS_VERBOSE as Nixpacks has it
	pins    *lock.Lock // what plans are pinned to in place of the app's lock; nil for that
	course  *course    // what a report tells beside the build; nil where nobody wants one
}

// Main runs the command line args (with the program's name first) and gives the exit code.
func Main(args []string) int {
	if buildkitd.Invoked() {
		collector.On() // an engine lives long
	}
	if handled, code := buildkitd.Main(); handled {
		return code
	}
	own := forgetCUE()
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go cancelOnSignal(cancel)
	return run(ctx, args, Host{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ(), CUE: own})
}

// forgetCUE takes CUE's variables out of the environment, and gives them. CUE reads such at its first evaluation, and one of
// them switches closedness off: a plan may not depend on them.
func forgetCUE() (own []string) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "CUE_") {
			own = append(own, kv)
			os.Unsetenv(name)
		}
	}
	return own
}

// collect has garbage collected again after planning.
func collect() {
	if !budget.Abandoned() { // the process ends
		collector.On()
	}
}

// cancelOnSignal cancels when the process is asked to end. Go takes a third of a millisecond until it listens, for which
// nothing need wait.
func cancelOnSignal(cancel context.CancelCauseFunc) {
	signaled, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) // until the process ends
	<-signaled.Done()
	cancel(context.Cause(signaled))
	time.AfterFunc(lastWord, func() {
		if !engaged.Load() {
			fault.Print(os.Stderr, fault.New(fault.Interrupted, "interrupted"), false)
			os.Exit(int(fault.Interrupted))
		}
	})
}

// lastWord is how long a command that has nothing to put away has to end when it is interrupted: one that reads or plans looks at
// nothing else meanwhile.
const lastWord = time.Second

// engaged is set before an engine is: it puts away what it has begun, however long that takes.
var engaged atomic.Bool

// Run is Main without the process: signals come as the end of ctx, and garbage is collected again afterwards.
func Run(ctx context.Context, args []string, h Host) int {
	collector.Off()
	defer collect()
	return run(ctx, args, h)
}

// run is Run of a process that starts with no garbage being collected, and ends.
func run(ctx context.Context, args []string, h Host) (code int) {
	var err error
	arranged := args
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Bug, "internal error: %v", r).
				WithHint("this is a bug of nixpacks, not of your app: please report it with the command you ran")
		}
		code = report(&h, arranged, err)
	}()
	app := newApp(&h)
	var cmd *ucli.Command
	cmd, h.words = commandName(args[1:], app.Commands)
	arranged, h.tail = arrange(args[1:], app.Commands, "run")
	h.verbose = wordy(arranged, h.Environ)
	if cmd != nil && (hasFlag(arranged, "version") || hasFlag(arranged, "V")) {
		err = printVersion(&h)
		return
	}
	if i := slices.Index(arranged, "--"); i >= 0 && (hasFlag(arranged, "help") || hasFlag(arranged, "h")) {
		arranged = arranged[:i] // urfave/cli would look for a topic of the first word's name
	}
	if err = flagMistakes(arranged, cmd); err != nil {
		return
	}
	if cmd != nil {
		app.Commands = []*ucli.Command{cmd} // to look through the flags of all takes half a millisecond
	}
	if cmd == nil || !slices.Contains(passing, cmd.Name) {
		collector.On()
	}
	err = app.RunContext(ctx, append([]string{app.Name}, arranged...))
	var exit exitCode
	if err != nil && ctx.Err() != nil && !errors.As(err, &exit) {
		err = fault.New(fault.Interrupted, "interrupted")
	}
	return
}

// passing are the commands that plan, or do less, and end.
var passing = []string{"plan", "vet", "detect", "explain", "diff", "facts", "version", "help", "completion", "complete", "init", "migrate", "schema"}

// report prints err and gives the exit code.
func report(h *Host, args []string, err error) int {
	if err == nil {
		return 0
	}
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	err = hide(unwritten(err), hidden(h.Environ))
	if hasFlag(args, "json-errors") {
		fault.PrintJSON(h.Stderr, err)
	} else {
		fault.Print(h.Stderr, err, h.verbose)
	}
	return int(fault.CodeOf(err))
}

// unwritten is the fault for a command whose output cannot be written; others as they are.
func unwritten(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == os.Stdout.Name() {
		f := fault.New(fault.Usage, "cannot write the output: %v", path.Err)
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			f = fault.New(fault.TryAgain, "cannot write the output: the disk that it goes to is full").WithHint("make room there")
		}
		f.Err = err
		return f
	}
	return err
}

// exitCode ends the process with a code and no message: what the app said itself is enough.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// wordy tells whether arguments ask for more words, by a flag or as Nixpacks does by a variable.
func wordy(args, environ []string) bool {
	if hasFlag(args, "verbose") {
		return true
	}
	value := ""
	for _, a := range args {
		if a == "--" {
			break
		}
		if v, ok := strings.CutPrefix(a, "--env=NIXPACKS_VERBOSE"); v == "" && ok {
			value = environMap(environ)["NIXPACKS_VERBOSE"]
		} else if v, ok := strings.CutPrefix(v, "="); ok {
			value = v
		}
	}
	return value == "1" || value == "true"
}

// hasFlag looks for a switch in arguments: an error may come before they are parsed.
func hasFlag(args []string, name string) bool {
	for _, a := range args {
		switch a {
		case "--":
			return false
		case "--" + name, "-" + name:
			return true
		}
	}
	return false
}

func newApp(h *Host) *ucli.App {
	app := &ucli.App{
		Name:                      "nixpacks",
		Usage:                     "build an OCI image from an app's source directory",
		UsageText:                 "nixpacks COMMAND [PATH] [flags]",
		Description:               appHelp(),
		Version:                   version(),
		HideVersion:               true,
		Writer:                    h.Stdout,
		ErrWriter:                 h.Stderr,
		DisableSliceFlagSeparator: true,
		// urfave/cli exits the process by itself otherwise
		ExitErrHandler: func(*ucli.Context, error) {},
		OnUsageError:   usageError,
		Flags:          []ucli.Flag{&ucli.BoolFlag{Name: "version", Aliases: []string{"V"}, Usage: "print the version"}, ucli.HelpFlag},
	}
	app.Commands = []*ucli.Command{
		buildCommand(h), runCommand(h), planCommand(h), vetCommand(h), lockCommand(h), explainCommand(h), diffCommand(h), initCommand(h), migrateCommand(h), schemaCommand(h), detectCommand(h),
		factsCommand(h), llbCommand(h), cacheCommand(h), imageCommand(h), contextCommand(h), providersCommand(h), frontendCommand(h), completionCommand(h), completeCommand(h), manCommand(h), versionCommand(h), helpCommand(h),
	}
	refuseUsage(app.Commands)
	app.Action = func(c *ucli.Context) error {
		if c.Bool("version") {
			return printVersion(h)
		}
		if c.Args().Present() {
			return unknownCommand(c, app.Commands)
		}
		return ucli.ShowAppHelp(c)
	}
	return app
}

// refuseUsage has every command refuse flags that it does not have in our words.
func refuseUsage(commands []*ucli.Command) {
	for _, c := range commands {
		c.OnUsageError = usageError
		refuseUsage(c.Subcommands)
	}
}

// appHelp is what `nixpacks --help` begins with.
func appHelp() string {
	var codes []string
	for _, m := range fault.Meanings {
		codes = append(codes, fmt.Sprintf("%d %s", m.Code, m.Text))
	}
	var b strings.Builder
	b.WriteString("The first two commands to try, in an app's directory:\n\n" +
		"   nixpacks build    build an image of the app\n   nixpacks run      run it, and print its URL once it answers\n\n")
	wrap(&b, "", "", "Exit codes: "+strings.Join(codes, ", ")+". nixpacks help TOPIC tells more of these: "+topicNames()+".")
	return strings.TrimRight(b.String(), "\n")
}

func unknownCommand(c *ucli.Context, commands []*ucli.Command) error {
	var names []string
	for _, k := range commands {
		names = append(names, k.Name)
	}
	got := c.Args().First()
	return fault.New(fault.Usage, "unknown command %q", got).WithHint("%s", fault.DidYouMean(got, names))
}

// usageError turns what urfave/cli says of the flags into a fault.
func usageError(c *ucli.Context, err error, _ bool) error {
	f := fault.New(fault.Usage, "%s", err).WithHint("see: %s --help", c.Command.HelpName)
	if name, ok := undefinedFlag(err); ok {
		return unknownFlag(c, name)
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		f.Msg = dashes(strings.TrimLeft(name, "-")) + " needs a value"
	}
	return f
}
