package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docker/go-units"

	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

const reportedApp = `
packages = "apt"
providers = []
[phases.make]
cmds = ["head -c 3000000 /dev/urandom > made"]
[phases.then]
dependsOn = ["make"]
cmds = ["cat made > again"]
[start]
cmd = "cat again"
`

// pageRow matches a row of a page's table: its header, and the markup of the other cells.
var pageRow = regexp.MustCompile(`(?s)<th scope="row">([^\n<]*)\n.*?</th>\n(<td.*?)</tr>`)

// TestReportOfBuilder builds on a remote BuildKit. The report must have the same content as with the embedded one: the
// steps with times, which steps came from the cache, and the layers with their sizes.
func TestReportOfBuilder(t *testing.T) {
	t.Parallel() // mostly waits
	host := realHost(t)
	d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{})
	app, out := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(app, "nixpacks.toml"), []byte(reportedApp), 0o644))
	tar, page := filepath.Join(out, "app.tar"), filepath.Join(out, "page.html")
	for i, state := range []string{"ran", "cached"} {
		cmd := program(host, "build", "--progress", "quiet", "--builder", d.Unix, "--output", "type=oci,dest="+tar, "--report", page, app)
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		text, err := os.ReadFile(page)
		must(t, err)
		top, rest, _ := strings.Cut(string(text), `<section id="time"`)
		times, layers, ok := strings.Cut(rest, `<section id="layers"`)
		if !ok {
			t.Fatalf("no steps in time and layers behind them:\n%s", text)
		}
		for _, want := range []string{"<dd>" + d.Unix + "</dd>", []string{"with 0 of 4 steps", "with 4 of 4 steps"}[i],
			`<th scope="row">make</th><td class="state ` + state + `">`, `<th scope="row">then</th><td class="state ` + state + `">`} {
			if !strings.Contains(top, want) {
				t.Errorf("build %d: the page does not say %q:\n%s", i, want, top)
			}
		}
		inTime(t, times, state)
		likeImage(t, layers, tar)
	}
}

// inTime checks the steps on a page: their times, their state, and that no text is specific to the builder.
func inTime(t *testing.T, times, state string) {
	t.Helper()
	var order []string
	for _, row := range pageRow.FindAllStringSubmatch(times, -1) {
		order = append(order, row[1])
		want := state
		if !strings.HasPrefix(row[1], "[make]") && !strings.HasPrefix(row[1], "[then]") {
			want = "" // a base and a context are checked each time
		}
		if !strings.Contains(row[2], `class="state `+want) || want == "ran" && !strings.Contains(row[2], "s</td>") {
			t.Errorf("the step %q, which is %s: %s", row[1], state, row[2])
		}
	}
	last := len(order) - 1
	if want := []string{"[make] head -c 3000000 /dev/urandom &gt; made", "[then] cat made &gt; again", "write the image"}; last < 3 || !slices.Equal(order[last-2:], want) {
		t.Errorf("the steps %q\nend with none of %q", order, want)
	}
	if strings.Contains(times, "exporting") || !strings.Contains(times, "[base] debian://trixie") {
		t.Errorf("%s", times)
	}
}

// likeImage compares the layers on a page with those of the image.
func likeImage(t *testing.T, page, tar string) {
	t.Helper()
	img, err := image.Open(tar, image.Select{})
	must(t, err)
	defer img.Close()
	layers, err := img.Layers()
	must(t, err)
	rows := pageRow.FindAllStringSubmatch(page, -1)
	if len(rows) != len(layers) || len(rows) < 4 {
		t.Fatalf("%d layers in the page, %d in the image:\n%s", len(rows), len(layers), page)
	}
	for i, l := range layers {
		want := ">" + units.HumanSize(float64(l.Size)) + `</td><td class="number">` + units.HumanSize(float64(l.Unpacked)) + "<"
		if !strings.Contains(rows[i][2], want) {
			t.Errorf("layer %d is %q in the image, and in the page %q", i, want, rows[i][0])
		}
	}
	for i, by := range []string{"[make] ", "[then] "} {
		if got := rows[len(rows)-2+i][1]; !strings.HasPrefix(got, by) {
			t.Errorf("a layer is made by %q, want %q", got, by)
		}
	}
}
