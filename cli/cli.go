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
	_ "github.com/nixpacks-cue/nixpacks/cli/hugepages" // initialized before the heap grows
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Host is the environment of the process. Commands reach the outside only through it, so that tests can replace it.
type Host struct {
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Environ []string // K=V, in the form of os.Environ
	CUE     []string // CUE's variables, which Environ does not have: they select module registries and have no other effect

	words   []string   // the arguments as written, without the command name
	tail    []string   // the arguments after "--" of the run command
	verbose bool       // --verbose, or NIXPACKS_VERBOSE as in Nixpacks
	pins    *lock.Lock // the lock that plans use instead of the app's; nil for the app's
	course  *course    // what a report contains besides the build; nil if there is no report
}

// Main runs the command line args, whose first element is the program name, and returns the exit code.
func Main(args []string) int {
	if buildkitd.Invoked() {
		collector.On() // an engine is long-lived
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

// forgetCUE removes CUE's variables from the environment and returns them. CUE reads the environment at its first
// evaluation, and one of the variables turns closedness off. A plan must not depend on them.
func forgetCUE() (own []string) {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "CUE_") {
			own = append(own, kv)
			os.Unsetenv(name)
		}
	}
	return own
}

// collect turns garbage collection on again after planning.
func collect() {
	if !budget.Abandoned() { // the process is about to exit
		collector.On()
	}
}

// cancelOnSignal cancels when the process is asked to end, and ends it at the third request: the engine hurries at the second,
// but what waits for a file, such as a pipe that nothing writes to, does not notice any of them. It has its own goroutine,
// because Go takes a third of a millisecond to start listening for signals, and nothing needs to wait for that.
func cancelOnSignal(cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM) // until the process ends
	cancel(fmt.Errorf("%v signal received", <-signals))
	time.AfterFunc(interruptGrace, func() {
		if !engaged.Load() {
			endNow(fault.New(fault.Interrupted, "interrupted"))
		}
	})
	<-signals
	<-signals
	endNow(fault.New(fault.Interrupted, "interrupted, without waiting for the engine to clean up").WithHint("the next build removes what is left"))
}

func endNow(why error) {
	fault.Print(os.Stderr, why, false)
	os.Exit(int(fault.Interrupted))
}

// interruptGrace is how long an interrupted command without an engine has to end by itself. It has nothing to clean up, and
// does not look for the interrupt while it reads or plans.
const interruptGrace = time.Second

// engaged is set before an engine starts. From then on an interrupt waits for the engine to clean up, however long that
// takes, unless there are three.
var engaged atomic.Bool

// Run is Main without the process: signals arrive as the end of ctx, and garbage collection is on again afterwards.
func Run(ctx context.Context, args []string, h Host) int {
	collector.Off()
	defer collect()
	return run(ctx, args, h)
}

// run is Run for a process that starts with garbage collection off and exits afterwards.
func run(ctx context.Context, args []string, h Host) (code int) {
	var err error
	arranged := args
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Bug, "internal error: %v", r).
				WithHint("this is a bug in nixpacks, not in your app: please report it with the command you ran")
		}
		code = report(&h, arranged, err)
	}()
	app := newApp(&h)
	var cmd *ucli.Command
	cmd, h.words = commandName(args[1:], app.Commands)
	arranged, h.tail = arrange(args[1:], app.Commands, "run")
	h.verbose = wantsVerbose(arranged, h.Environ)
	if cmd != nil && (hasFlag(arranged, "version") || hasFlag(arranged, "V")) {
		err = printVersion(&h)
		return
	}
	if i := slices.Index(arranged, "--"); i >= 0 && (hasFlag(arranged, "help") || hasFlag(arranged, "h")) {
		arranged = arranged[:i] // urfave/cli would look for a help topic with the name of the first argument
	}
	if err = flagMistakes(arranged, cmd); err != nil {
		return
	}
	if cmd != nil {
		app.Commands = []*ucli.Command{cmd} // searching the flags of all commands takes half a millisecond
	}
	if cmd == nil || !slices.Contains(shortLived, cmd.Name) {
		collector.On()
	}
	err = app.RunContext(ctx, append([]string{app.Name}, arranged...))
	var exit exitCode
	if err != nil && ctx.Err() != nil && !errors.As(err, &exit) {
		err = fault.New(fault.Interrupted, "interrupted")
	}
	return
}

// shortLived are the commands that plan, or do less, and exit. They run without garbage collection.
var shortLived = []string{"plan", "vet", "detect", "explain", "diff", "facts", "version", "help", "completion", "__complete", "init", "migrate", "schema"}

// report prints err and returns the exit code.
func report(h *Host, args []string, err error) int {
	if err == nil {
		return 0
	}
	var exit exitCode
	if errors.As(err, &exit) {
		return int(exit)
	}
	err = hide(outputFault(err), proxyPasswords(h.Environ))
	if hasFlag(args, "json-errors") {
		fault.PrintJSON(h.Stderr, err)
	} else {
		fault.Print(h.Stderr, err, h.verbose)
	}
	return int(fault.CodeOf(err))
}

// outputFault returns a fault that explains a failed write to stdout. It returns other errors unchanged.
func outputFault(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Path == os.Stdout.Name() {
		f := fault.New(fault.Usage, "cannot write the output: %v", path.Err)
		if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
			f = fault.New(fault.TryAgain, "cannot write the output: the disk is full").WithHint("free some space there")
		}
		f.Err = err
		return f
	}
	return err
}

// exitCode ends the process with a code and no message, because everything has been printed already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// wantsVerbose reports whether the arguments ask for verbose output, by a flag or, as in Nixpacks, by a variable.
func wantsVerbose(args, environ []string) bool {
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

// hasFlag reports whether args contain a switch. It reads unparsed arguments, because errors may occur before parsing.
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
		// Otherwise urfave/cli exits the process itself.
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

// refuseUsage makes every command report unknown flags in our words.
func refuseUsage(commands []*ucli.Command) {
	for _, c := range commands {
		c.OnUsageError = usageError
		refuseUsage(c.Subcommands)
	}
}

// appHelp returns the introduction of `nixpacks --help`.
func appHelp() string {
	var codes []string
	for _, m := range fault.Meanings {
		codes = append(codes, fmt.Sprintf("%d %s", m.Code, m.Text))
	}
	var b strings.Builder
	b.WriteString("To get started, run in an app's directory:\n\n" +
		"   nixpacks build    build an image of the app\n   nixpacks run      run it and print its URL once it answers\n\n")
	wrap(&b, "", "", "Exit codes: "+strings.Join(codes, ", ")+". For details, run nixpacks help TOPIC: "+topicNames()+".")
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

// usageError converts urfave/cli's error about flags into a fault.
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
