// Package compare builds four apps on one BuildKit in several ways, and prints what each way costs: this program's graph,
// the same graph for a BuildKit without MergeOp, the Dockerfile that Nixpacks writes for the plan, and the best multi-stage
// Dockerfile that we can write by hand. It needs the package registries and the Debian archive.
//
//	go test ./cli/compare -bench . -benchtime 1x -timeout 2h            # all apps
//	go test ./cli/compare -bench . -benchtime 1x -app node-express -cold 3 -warm 5
package compare

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
)

var (
	only    = flag.String("app", "", "measure this app alone")
	colds   = flag.Int("cold", 1, "cold builds of each kind")
	warms   = flag.Int("warm", 3, "builds of each other kind")
	ca      = flag.String("ca", "/etc/ssl/certs/ca-certificates.crt", "certificates that steps trust")
	verbose = flag.Bool("steps", false, "show the builds")
)

func TestMain(m *testing.M) {
	if handled, code := buildkitd.Main(); handled { // this binary is also the runtime of the steps
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// BenchmarkCompare prints a Markdown table with one row for each kind of build. It does not measure planning, because
// Nixpacks' Dockerfile and the one written by hand exist before the build.
func BenchmarkCompare(b *testing.B) {
	if os.Getenv("NIXPACKS_E2E") == "" {
		b.Skip("set NIXPACKS_E2E=1 to time real builds")
	}
	// Next to the program's own state, because the folder for temporary files may be in memory.
	dir, err := os.MkdirTemp(cacheDir(), "compare")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	field, err := newField(b.Context(), dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(field.close)
	fmt.Print("| app | build | this program | without MergeOp | Nixpacks' Dockerfile | Dockerfile by hand | ÷ Nixpacks' | ÷ by hand |\n",
		"|---|---|--:|--:|--:|--:|--:|--:|\n")
	for b.Loop() {
		for _, a := range apps {
			if *only != "" && a.name != *only {
				continue
			}
			if err := field.app(b.Context(), a); err != nil {
				b.Fatalf("%s: %v", a.name, err)
			}
		}
	}
}

// app measures one app in every way, and prints its rows.
func (b *field) app(ctx context.Context, a subject) error {
	rivals, err := b.rivals(ctx, a)
	if err != nil {
		return err
	}
	rows := map[string][]float64{}
	for _, r := range rivals {
		got, err := b.measure(ctx, a, r)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for k, v := range got {
			rows[k] = append(rows[k], v)
		}
	}
	for _, kind := range kinds {
		v := rows[kind]
		unit := "s"
		if kind == imageBytes {
			unit = "MB"
		}
		fmt.Printf("| %s | %s |", a.name, kind)
		for _, x := range v {
			fmt.Printf(" %.2f %s |", x, unit)
		}
		fmt.Printf(" %.3f | %.3f |\n", v[0]/v[2], v[0]/v[3])
	}
	return nil
}

const (
	cold, noop, sourceEdit, dependencyEdit, imageBytes = "cold", "nothing changed", "source edit", "dependency edit", "image"
)

var kinds = []string{cold, noop, sourceEdit, dependencyEdit, imageBytes}

// measure builds the app's plan in one way: cold, with only the base's file kept, then unchanged, and then after edits. It
// returns the median of several builds.
func (b *field) measure(ctx context.Context, a subject, r rival) (map[string]float64, error) {
	out := map[string]float64{}
	timed := func(kind string, n int, before func() error) error {
		var all []float64
		for range n {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			}
			began := time.Now()
			if err := r.build(ctx); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			all = append(all, time.Since(began).Seconds())
			fmt.Fprintf(os.Stderr, "%s, %s, %s: %.2f s\n", a.name, r.name, kind, all[len(all)-1])
		}
		slices.Sort(all)
		out[kind] = all[len(all)/2]
		return nil
	}
	if err := a.write(b.dir); err != nil {
		return nil, err
	}
	if err := timed(cold, *colds, func() error { return b.forget(ctx, r) }); err != nil {
		return nil, err
	}
	if err := timed(noop, *warms, nil); err != nil {
		return nil, err
	}
	// Each edit differs from all edits before it, for this rival and the others.
	if err := timed(sourceEdit, *warms, func() error { return a.edit(b.dir, a.source, b.next()) }); err != nil {
		return nil, err
	}
	if err := timed(dependencyEdit, *warms, func() error { return a.edit(b.dir, a.dependency, b.next()) }); err != nil {
		return nil, err
	}
	size, err := r.size()
	out[imageBytes] = float64(size) / 1e6
	return out, err
}
