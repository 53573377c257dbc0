package solve

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

// diskFull matches messages of programs, Go and BuildKit about a full disk or an exceeded quota.
var diskFull = lazy.Regexp(`(?i)no space left on device|disk quota exceeded`)

// room returns the hint for a build that failed because of a full disk, or "". If text names an output directory, that
// disk is full; otherwise it is the builder's.
func (e *Engine) room(text string, outputs []string) string {
	if !diskFull().MatchString(text) {
		return ""
	}
	for _, dir := range outputs {
		if strings.Contains(text, dir+"/") && !strings.HasPrefix(dir, e.state+"/") {
			return "the disk that holds " + dir + " is full: free some space there, or use another path with --output"
		}
	}
	switch {
	case e.embedded:
		return "the disk that holds " + e.state + " is full: free some space there; nixpacks cache prune removes cached build data"
	case e.docker != nil:
		return "the disk of " + e.where + " is full: docker builder prune removes cached build data there"
	}
	return "the disk of " + e.where + " is full: nixpacks cache prune --builder " + e.where + " removes cached build data there"
}

// places returns the directories of the outputs, in the form used in paths in error messages.
func places(outputs []Output) []string {
	var out []string
	for _, o := range outputs {
		if o.Type == TypeDocker && o.Dest == "" {
			out = append(out, filepath.Clean(os.TempDir()))
		}
		if o.Dest == "" || o.Dest == "-" {
			continue
		}
		dir, err := filepath.Abs(filepath.Dir(filepath.Clean(o.Dest)))
		if err != nil {
			continue
		}
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		out = append(out, dir)
	}
	return out
}
