package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// printResult prints what was built, and what to do next.
func (b *theBuild) printResult(c *ucli.Context, h *Host, r *solve.Report) {
	if c.String("progress") == "quiet" {
		return
	}
	took := r.Duration.Round(10 * time.Millisecond)
	for _, o := range r.Outputs {
		digest := ""
		if o.Digest != "" {
			digest = " " + shortDigest(o.Digest.String())
			if size := sizeOf(o.Dest); size > 0 { // compressed, as it is stored and sent
				digest += ", " + units.HumanSize(float64(size)) + ","
			}
		}
		where := o.Dest
		if b.kept != "" || o.Dest == "" {
			where = b.called()
		}
		fmt.Fprintf(h.Stderr, "built %s%s in %s (%d of %d steps from the cache)\n", where, digest, took, r.Cached, r.Steps)
	}
	if in := r.Outputs[0]; in.Dest == "" && (in.Type == solve.TypeDocker || b.inDocker) {
		name := in.Digest.String() // the digest is the name of an unnamed image
		if len(b.request.Names) > 0 {
			name = b.request.Names[0]
		}
		fmt.Fprintf(h.Stderr, "run it with: docker run %s\n", name)
	} else if words := b.runnable(c, h, r); words != nil {
		fmt.Fprintf(h.Stderr, "run it with: %s run %s\n", programName(), shellwords(words))
	}
}

// called returns how to refer to the kept image: by its name, else by the app's path.
func (b *theBuild) called() string {
	if len(b.request.Names) > 0 {
		return b.request.Names[0]
	}
	return b.path
}

// runnable returns the arguments with which nixpacks run runs what was built: the image's name, the arguments of this build
// if run accepts them all (everything is in the cache then), or the file that was written. If variables are set, it returns
// the path of the image instead, because their values may be secret.
func (b *theBuild) runnable(c *ucli.Context, h *Host, r *solve.Report) []string {
	if b.kept != "" {
		if len(b.request.Names) > 0 {
			return b.request.Names[:1]
		}
		if c.IsSet("env") || !runTakes(c, h) {
			return []string{b.kept}
		}
		return h.words
	}
	for _, o := range r.Outputs {
		if (o.Type == solve.TypeOCI || o.Type == solve.TypeDocker) && o.Dest != "-" && o.Dest != "" {
			return []string{o.Dest}
		}
	}
	return nil
}

// runTakes reports whether nixpacks run accepts all flags of this build.
func runTakes(c *ucli.Context, h *Host) bool {
	var known []string
	for _, f := range runCommand(h).Flags {
		known = append(known, f.Names()...)
	}
	return !slices.ContainsFunc(c.FlagNames(), func(name string) bool { return !slices.Contains(known, name) })
}

// shellwords quotes words for a shell if needed.
func shellwords(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if out[i] = w; w == "" || strings.ContainsAny(w, " \t\n'\"\\$`&|;<>()*?[]#~!{}") {
			out[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(out, " ")
}

func shortDigest(d string) string {
	if alg, hex, ok := strings.Cut(d, ":"); ok && len(hex) > 12 {
		return alg + ":" + hex[:12]
	}
	return d
}

// programName returns how the user called this program: `go run` puts it below a folder of its own.
func programName() string {
	if exe, err := os.Executable(); err == nil && strings.Contains(filepath.ToSlash(exe), "/go-build") {
		return "go run ./cli/nixpacks"
	}
	return "nixpacks"
}
