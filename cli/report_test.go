package cli

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/moby/patternmatcher"
)

// TestReportIsSpared checks that a report stays out of the build under any name: the name is not a pattern, and does not
// include what other rules exclude.
func TestReportIsSpared(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"report.html", "!report.html", "[report].html", "a*.html"} {
		b := &theBuild{}
		b.request.AppDir = dir
		b.excludeReport(filepath.Join(dir, name))
		m, err := patternmatcher.New(slices.Clone(b.request.Lower.Ignore))
		if err != nil {
			t.Fatal(err)
		}
		for file, want := range map[string]bool{name: true, "about.html": false} {
			if out, err := m.MatchesOrParentMatches(file); out != want || err != nil {
				t.Errorf("%s by %q: %v, %v", file, b.request.Lower.Ignore, out, err)
			}
		}
	}
}
