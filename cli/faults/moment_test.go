//go:build linux

package faults

import (
	"bufio"
	"io"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// event is a line of a build's progress, and when it was printed.
type event struct {
	at   time.Duration // since the program started
	line string
}

// course is what an undisturbed build printed, and how long it took.
type course struct {
	events []event
	took   time.Duration
}

// follow runs a program to its end, and records what it prints to stderr.
func follow(t testing.TB, cmd *exec.Cmd) course {
	t.Helper()
	r, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var c course
	for lines := bufio.NewScanner(r); lines.Scan(); {
		c.events = append(c.events, event{time.Since(began), lines.Text()})
	}
	io.Copy(io.Discard, r)
	err = cmd.Wait()
	c.took = time.Since(began)
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, short(c.text()))
	}
	return c
}

func (c course) text() string {
	var b strings.Builder
	for _, e := range c.events {
		b.WriteString(e.line + "\n")
	}
	return b.String()
}

var vertex = regexp.MustCompile(`^#(\d+) (.*)$`)

// stages returns, for the time before the first event and for each event, the stage of the build from then on.
func (c course) stages() []string {
	out := []string{"start"}
	names := map[string]string{} // of the vertices in the progress
	for _, e := range c.events {
		stage := out[len(out)-1]
		if m := vertex.FindStringSubmatch(e.line); m != nil {
			if names[m[1]] == "" {
				names[m[1]] = stageOf(m[2])
			}
			stage = names[m[1]]
		} else if strings.HasPrefix(e.line, "debian://") || strings.HasPrefix(e.line, "reading the Debian") {
			stage = "bootstrap"
		}
		out = append(out, stage)
	}
	out[len(out)-1] = "end" // from the last line to the end of the process
	return out
}

// stageOf returns the stage that a vertex belongs to, by its name.
func stageOf(name string) string {
	for _, s := range []struct{ begins, stage string }{
		{"[base] debian", "base"}, {"[base]", "bootstrap"}, {"[app]", "source"}, {"[apt]", "apt"}, {"[install]", "install"}, {"[build]", "build"}, {"exporting", "export"}, {"sending", "export"},
	} {
		if strings.HasPrefix(name, s.begins) {
			return s.stage
		}
	}
	return "between"
}

// moment is a point in the course of a build: a number of lines, and the time after the last of them.
type moment struct {
	stage string
	lines int
	pause time.Duration
}

// moment chooses a moment. First it chooses a stage, with equal probability among those that take any time, and then a
// point in it.
func (c course) moment(r *rand.Rand) moment {
	stages := c.stages()
	gap := func(i int) time.Duration {
		from, to := time.Duration(0), c.took
		if i > 0 {
			from = c.events[i-1].at
		}
		if i < len(c.events) {
			to = c.events[i].at
		}
		return to - from
	}
	times := map[string]time.Duration{}
	for i, s := range stages {
		times[s] += gap(i)
	}
	names := sorted(times)
	stage := names[r.IntN(len(names))]
	at := time.Duration(r.Int64N(int64(times[stage]) + 1))
	for i, s := range stages {
		if s != stage {
			continue
		}
		if g := gap(i); at > g {
			at -= g
			continue
		}
		return moment{stage, i, at}
	}
	return moment{stage, len(c.events), 0}
}

// struck is a build that was disturbed.
type struck struct {
	said  string
	code  int // -1: it was killed
	late  bool
	after time.Duration // from the disturbance to the end of the process
}

// strike runs a program, and calls hit at a moment of it unless the program has ended before.
func strike(t testing.TB, cmd *exec.Cmd, m moment, hit func(*exec.Cmd)) struck {
	t.Helper()
	r, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // like a shell's job
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
		io.Copy(io.Discard, r)
	}()
	out := struck{late: true}
	var due, over <-chan time.Time
	var at time.Time
	if m.lines == 0 {
		due = time.After(m.pause)
	}
	for n := 0; lines != nil; {
		select {
		case l, ok := <-lines:
			if !ok {
				lines = nil
				break
			}
			out.said += l + "\n"
			if n++; n == m.lines {
				due = time.After(m.pause)
			}
		case <-due:
			out.late, at = false, time.Now()
			hit(cmd)
			due, over = nil, time.After(deadline)
		case <-over:
			t.Errorf("it goes on %v after the fault at %+v:\n%s", deadline, m, short(out.said))
			syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			over = nil
		}
	}
	_ = cmd.Wait()
	if out.code = cmd.ProcessState.ExitCode(); !out.late {
		out.after = time.Since(at)
	}
	return out
}
