//go:build linux

package faults

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// edited writes an app with one large file that does not compress, and differs each time.
func edited(t testing.TB, dir string, r *rand.Rand, bytes int) {
	t.Helper()
	noise := make([]byte, bytes)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	app(t, dir, map[string]string{"nixpacks.toml": plain("[phases.build]\ncmds = [\"cat noise > built\"]\n"), "noise": string(noise)})
}

// TestSoakInARow builds an app many times, changed each time, with a limit on storage.
func TestSoakInARow(t *testing.T) {
	needBuilds(t)
	n, r, s, dir := number(t, "NIXPACKS_SOAK", 3), chance(t), newSite(t), t.TempDir()
	const each, limit = 8 * mb, 256 * mb
	before := below(t)
	var sizes []int64
	var counts []int
	for range n {
		edited(t, dir, r, each)
		s.good("build", "--progress", "quiet", "--keep-storage", "256MiB", "-n", "app", dir)
		bytes, files := size(t, s.kept())
		sizes, counts = append(sizes, bytes), append(counts, files)
		s.nothingRuns(before)
		s.nothingMounted()
		s.nothingTemporary()
	}
	if n < 20 {
		t.Logf("MB: %v, files: %v", inMB(sizes), counts)
		return
	}
	// Each build leaves about 16 MB, its layer as files and compressed. Without a limit this would be 3 GB after 200
	// builds.
	if most := maxOf(sizes[n/4:]); most > limit*5/4 {
		t.Errorf("the state is %d MB, and may be %d: %v", most/mb, limit/mb, inMB(sizes))
	}
	if early, late := maxOf(counts[n/4:n/2]), maxOf(counts[n-n/4:]); late > early*11/10 {
		t.Errorf("the state has %d files at first, %d at the end", early, late)
	}
	t.Logf("%d builds; MB: first %v, last %v, most %d; files: %d, %d", n, inMB(sizes[:4]), inMB(sizes[n-4:]), maxOf(sizes)/mb, counts[0], counts[n-1])
}

// kept returns the directory of layers and cache directories. Next to it are a copy of the program, and the file named
// spare.
func (s *site) kept() string {
	s.t.Helper()
	found, err := filepath.Glob(s.at("state/nixpacks/buildkit/*/runc-overlayfs"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("kept: %q, %v", found, err)
	}
	return found[0]
}

// TestSoakKeepStorage prunes what a few builds have left.
func TestSoakKeepStorage(t *testing.T) {
	needBuilds(t)
	r, s, dir := chance(t), newSite(t), t.TempDir()
	state := s.at("state/nixpacks/buildkit")
	build := func(args ...string) int64 {
		edited(t, dir, r, 40*mb)
		s.good(append(append([]string{"build", "--progress", "quiet", "-n", "app"}, args...), dir)...)
		bytes, _ := size(t, state)
		return bytes
	}
	build()
	if all := build(); all < 160*mb {
		t.Fatalf("two builds keep %d MB, which shows nothing", all/mb)
	}
	s.good("cache", "prune", "--keep-storage", "100MiB")
	if kept, _ := size(t, state); kept > 110*mb {
		t.Errorf("%d MB are kept, not 100", kept/mb)
	}
	if kept := build("--keep-storage", "100MiB"); kept > 110*mb {
		t.Errorf("a build keeps %d MB, not 100", kept/mb)
	}
}

func inMB(sizes []int64) []int64 {
	out := make([]int64, len(sizes))
	for i, b := range sizes {
		out[i] = b / mb
	}
	return out
}

func maxOf[N int | int64](all []N) N {
	most := all[0]
	for _, n := range all {
		most = max(most, n)
	}
	return most
}

// holder is an app whose build runs until it is stopped.
var holder = map[string]string{"nixpacks.toml": plain("[phases.build]\ncmds = [\"echo begun && exec sleep 86397\"]\n")}

// hold runs such a build until release is called. engine is the process of its BuildKit, which other builds use too.
func (s *site) hold(args ...string) (engine int, release func()) {
	s.t.Helper()
	cmd := s.nixpacks(append(append([]string{"build", "--progress", "plain"}, args...), app(s.t, s.at("holder"), holder))...)
	r, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if f := strings.Fields(lines.Text()); len(f) == 3 && f[2] == "begun" {
			break
		}
	}
	go func() {
		for lines.Scan() {
		}
	}()
	for pid, line := range below(s.t) {
		if strings.HasPrefix(line, "nixpacks-buildkitd") {
			engine = pid
		}
	}
	if engine == 0 {
		cmd.Process.Kill()
		s.t.Fatal("no engine runs")
	}
	return engine, func() {
		cmd.Process.Signal(syscall.SIGINT)
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 130 {
			s.t.Errorf("the build that was held ends with %d", code)
		}
	}
}

// burden is what a process uses.
type burden struct{ resident, descriptors, threads, mounts int }

func burdenOf(t testing.TB, pid int) burden {
	t.Helper()
	proc := func(name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }
	status, err := os.ReadFile(proc("status"))
	if err != nil {
		t.Fatal(err)
	}
	value := func(field string) int {
		for l := range strings.Lines(string(status)) {
			if f := strings.Fields(l); len(f) > 1 && f[0] == field+":" {
				n, _ := strconv.Atoi(f[1])
				return n
			}
		}
		t.Fatalf("no %s in %s", field, status)
		return 0
	}
	fds, err := os.ReadDir(proc("fd"))
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile(proc("mountinfo"))
	if err != nil {
		t.Fatal(err)
	}
	return burden{value("VmRSS") >> 10, len(fds), value("Threads"), strings.Count(string(mounts), "\n")}
}

// TestSoakShared runs many builds on one engine, whose use of resources must not grow.
func TestSoakShared(t *testing.T) {
	needBuilds(t)
	n, r, s, dir := number(t, "NIXPACKS_SOAK", 6), chance(t), newSite(t), t.TempDir()
	before := below(t)
	engine, release := s.hold("--keep-storage", "256MiB")
	var all []burden
	for range n {
		edited(t, dir, r, mb)
		s.good("build", "--progress", "quiet", "-n", "app", dir)
		all = append(all, burdenOf(t, engine))
	}
	early, late := all[n/3], all[n-1]
	t.Logf("%d builds (MB, descriptors, threads, mounts): %v after the first, %v after a third, %v after the last", n, all[0], early, late)
	memory, descriptors, mounts := 96, 8, 2 // more than after the first third
	if n < 50 {
		memory = 256 // after a few builds the heap has not reached its full size; only many builds show slow leaks
	}
	if late.resident > early.resident+memory || late.descriptors > early.descriptors+descriptors || late.mounts > early.mounts+mounts {
		t.Errorf("it grows: %v", all)
	}
	release()
	s.nothingRuns(before)
	s.nothingMounted()
	s.nothingTemporary()
}

// TestSoakAtOnce runs plans and builds of different apps at the same time, on one state.
func TestSoakAtOnce(t *testing.T) {
	needBuilds(t)
	plans, builds := 8, 3
	if number(t, "NIXPACKS_SOAK", 0) > 0 {
		plans, builds = 32, 8
	}
	s, calm := newSite(t), newSite(t)
	before := below(t)
	races := t.TempDir()
	s.env = append(s.env, "GORACE=log_path="+filepath.Join(races, "race"))
	want := calm.good("plan", "../../examples/node-express")
	type job struct {
		cmd       *exec.Cmd
		out, errs strings.Builder
	}
	var jobs []*job
	start := func(args ...string) {
		j := &job{cmd: s.nixpacks(args...)}
		j.cmd.Stdout, j.cmd.Stderr = &j.out, &j.errs
		jobs = append(jobs, j)
		if err := j.cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	name := func(i int) string { return s.at("apps", strconv.Itoa(i)) }
	for i := range builds {
		app(t, name(i), heavy(i))
	}
	for i := range builds {
		start("build", "--progress", "plain", "--output", "type=oci,dest="+s.at("out", fmt.Sprint(i))+".tar", name(i))
	}
	for range plans {
		start("plan", "../../examples/node-express")
	}
	for _, j := range jobs {
		if err := j.cmd.Wait(); err != nil {
			t.Errorf("%q: %v\n%s", j.cmd.Args, err, short(j.errs.String()))
		}
		if j.cmd.Args[1] == "plan" && j.out.String() != want {
			t.Errorf("another plan:\n%s", j.out.String())
		}
	}
	for i := range builds {
		out := calm.at("out", fmt.Sprint(i)) + ".tar"
		calm.good("build", "--progress", "quiet", "--output", "type=oci,dest="+out, name(i))
		if got, want := digest(t, s.at("out", fmt.Sprint(i))+".tar"), digest(t, out); got != want {
			t.Errorf("app %d is %s, built alone %s", i, got, want)
		}
	}
	reports, _ := filepath.Glob(filepath.Join(races, "*"))
	for _, f := range reports {
		text, _ := os.ReadFile(f)
		t.Errorf("%s", text)
	}
	s.nothingRuns(before)
	s.nothingMounted()
	s.nothingTemporary()
}
