//go:build linux

package buildkitd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/moby/buildkit/util/grpcerrors"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/leaks"
)

// processEnv makes the test binary a program that builds one step. Its value is the state directory.
const processEnv = "BUILDKITD_TEST_STATE"

// processMain connects, prints "owner" or "joined", builds the step in its arguments, and handles signals like the
// program: the first interrupt cancels, the second forces.
func processMain(state string) int {
	if err := processSetup(); err != nil {
		fmt.Println("setup:", err)
		return 4
	}
	ctx, cancel := context.WithCancel(context.Background())
	force := make(chan struct{})
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		close(force)
	}()
	say := func(s string) { fmt.Println("say:", s) }
	o := Options{State: state, Say: say, Force: force, DNS: strings.Fields(os.Getenv("BUILDKITD_TEST_DNS"))}
	c, closer, joined, err := Connect(ctx, o)
	if err != nil {
		fmt.Println("error:", err)
		return 2
	}
	fmt.Println(map[bool]string{true: "joined", false: "owner"}[joined])
	err = buildTo(ctx, c, os.Stdout, os.Args[1:])
	if err != nil {
		fmt.Println("lost:", lost(err), "error:", err)
	}
	if e := closer(); e != nil {
		fmt.Println("close:", e)
		return 3
	}
	fmt.Println("closed")
	if err != nil {
		return 1
	}
	return 0
}

// processSetup prepares the process's environment as a test wants it.
func processSetup() error {
	if path := os.Getenv("BUILDKITD_TEST_DELETE"); path != "" {
		return os.Remove(path)
	}
	if os.Getenv("BUILDKITD_TEST_DROP") == noMount {
		return dropMount()
	}
	if os.Getenv("BUILDKITD_TEST_UMASK") != "" {
		unix.Umask(0o077)
	}
	how := os.Getenv("BUILDKITD_TEST_CGROUPS") // in this process's own mount namespace
	if how == "" {
		return nil
	}
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return err
	}
	if err := unix.Unmount("/sys/fs/cgroup", unix.MNT_DETACH); err != nil || how == "none" {
		return err
	}
	if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil || how == "version 2" {
		return err
	}
	return unix.Mount("", "/sys/fs/cgroup", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
}

const noMount = "root without the right to mount"

// dropMount drops the capability to mount from all threads of this process: it drops the main thread's and executes the
// binary again.
func dropMount() error {
	if err := os.Unsetenv("BUILDKITD_TEST_DROP"); err != nil {
		return err
	}
	runtime.LockOSThread()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return err
	}
	for i := range data {
		data[i].Inheritable = 0
	}
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return err
	}
	return unix.Exec("/proc/self/exe", os.Args, os.Environ())
}

// process is a running processMain.
type process struct {
	t   *testing.T
	cmd *exec.Cmd
	mu  sync.Mutex
	all bytes.Buffer // all output
	say chan string  // lines of output
}

func startProcess(t *testing.T, state string, env []string, args ...string) *process {
	t.Helper()
	p := newProcess(t, state, env, args...)
	p.start()
	return p
}

func newProcess(t *testing.T, state string, env []string, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(exe, args...), say: make(chan string, 100)}
	path, err := stepFile()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Env = append(append(os.Environ(), processEnv+"="+state, stepEnv+"="+path), env...)
	return p
}

// as runs the process as another user, who may not have access to the test binary's path, hence /proc/self/exe.
func (p *process) as(uid uint32) {
	p.cmd.Path = "/proc/self/exe"
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
}

func (p *process) start() {
	t := p.t
	t.Helper()
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.say)
		for s := bufio.NewScanner(r); s.Scan(); {
			p.mu.Lock()
			fmt.Fprintln(&p.all, s.Text())
			p.mu.Unlock()
			p.say <- s.Text()
		}
	}()
	go func() { _ = w.CloseWithError(p.cmd.Wait()) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		for range p.say {
		}
		if t.Failed() {
			t.Logf("process %d:\n%s", p.cmd.Process.Pid, p.output())
		}
	})
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.String()
}

// until reads lines until one contains the word.
func (p *process) until(word string) {
	p.t.Helper()
	for line := range p.say {
		if strings.Contains(line, word) {
			return
		}
	}
	p.t.Fatalf("never said %q:\n%s", word, p.output())
}

// end waits for the process to end and returns its exit code, or -1 for a signal.
func (p *process) end() int {
	for range p.say {
	}
	return p.cmd.ProcessState.ExitCode()
}

// watcher calls found once it sees the word.
type watcher struct {
	word  string
	found func()
	seen  bytes.Buffer
}

func (w *watcher) Write(b []byte) (int, error) {
	w.seen.Write(b)
	if strings.Contains(w.seen.String(), w.word) {
		w.found()
	}
	return len(b), nil
}

// nothingLeft fails if any process or mount of the state's steps exists.
func nothingLeft(t *testing.T, o Options) {
	t.Helper()
	if left, err := os.ReadDir(filepath.Join(o.dir(), "runc")); err == nil && len(left) > 0 {
		t.Errorf("containers are left: %v", left)
	}
	mounts, err := leaks.Mounts(o.dir())
	if err != nil || len(mounts) > 0 {
		t.Errorf("mounts are left: %v %v", mounts, err)
	}
	if left := stepProcesses(t); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// stepProcesses lists the processes that run /step.
func stepProcesses(t *testing.T) (out []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if dt, err := os.ReadFile(f); err == nil && bytes.HasPrefix(dt, []byte("/step\x00")) {
			out = append(out, f+": "+strings.ReplaceAll(string(dt), "\x00", " "))
		}
	}
	return out
}

// gone waits until no step runs, since a killed process takes a moment to end.
func gone(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(stepProcesses(t)) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still running: %v", stepProcesses(t))
		}
	}
}

// lost reports whether a call failed because the engine at the other end is gone.
func lost(err error) bool {
	if err == nil {
		return false
	}
	return grpcerrors.Code(err) == codes.Unavailable || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
