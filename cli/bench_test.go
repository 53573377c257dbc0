package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// benchProgram builds the program once for a benchmark.
func benchProgram(b *testing.B) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), "nixpacks")
	if out, err := exec.Command("go", "build", "-o", bin, "./nixpacks").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

var benchApps = []string{"go-http", "node-express", "python-flask", "static-site"}

func BenchmarkPlanInProcess(b *testing.B) {
	for _, app := range benchApps {
		b.Run(app, func(b *testing.B) {
			for b.Loop() {
				var errs bytes.Buffer
				args := []string{"nixpacks", "plan", "../examples/" + app}
				if code := Run(context.Background(), args, Host{Stdout: io.Discard, Stderr: &errs}); code != 0 {
					b.Fatal(errs.String())
				}
			}
		})
	}
}

func BenchmarkPlanProcess(b *testing.B) {
	bin := benchProgram(b)
	for _, app := range benchApps {
		b.Run(app, func(b *testing.B) {
			for b.Loop() {
				runProgram(b, bin, "plan", "../examples/"+app)
			}
		})
	}
}

// BenchmarkPlanLarge plans repositories of 10,000 files. In the second one all files must be searched, because each may be
// a program for Deno. The goal is 25 ms.
func BenchmarkPlanLarge(b *testing.B) {
	bin := benchProgram(b)
	for _, app := range []struct{ example, file, text string }{
		{"go-http", "notes%d.txt", "Some notes.\n"},
		{"node-express", "module%d.js", "export const answer = 42;\n"},
	} {
		b.Run(app.example, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "app")
			if err := os.CopyFS(dir, os.DirFS("../examples/"+app.example)); err != nil {
				b.Fatal(err)
			}
			for i := range 10_000 {
				file := filepath.Join(dir, fmt.Sprintf("src/part%d/"+app.file, i/100, i))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					b.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(app.text), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				runProgram(b, bin, "plan", dir)
			}
		})
	}
}

// BenchmarkBuild measures builds of a copy of node-express on the embedded engine: with no change, and after a change of
// its source. It does not measure the first build, which fetches everything. It needs the network, and runs only if
// NIXPACKS_E2E is set.
func BenchmarkBuild(b *testing.B) {
	if os.Getenv("NIXPACKS_E2E") == "" {
		b.Skip("set NIXPACKS_E2E=1 to time real builds")
	}
	bin := benchProgram(b)
	app := filepath.Join(b.TempDir(), "app")
	if err := os.CopyFS(app, os.DirFS("../examples/node-express")); err != nil {
		b.Fatal(err)
	}
	runProgram(b, bin, "build", app)
	b.Run("nothing changed", func(b *testing.B) {
		for b.Loop() {
			runProgram(b, bin, "build", app)
		}
	})
	edit := 0
	b.Run("source edit", func(b *testing.B) {
		for b.Loop() {
			edit++
			text := fmt.Sprintf("export const edit = %d;\n", edit)
			if err := os.WriteFile(filepath.Join(app, "edit.js"), []byte(text), 0o644); err != nil {
				b.Fatal(err)
			}
			runProgram(b, bin, "build", app)
		}
	})
}

func runProgram(b *testing.B, bin string, args ...string) {
	b.Helper()
	cmd := exec.Command(bin, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		b.Fatalf("%v: %v\n%s", args, err, errs.String())
	}
}
