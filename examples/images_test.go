package examples

import (
	"bytes"
	"encoding/json"
	"flag"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
	imagetest "github.com/nixpacks-cue/nixpacks/testdata/image"
)

const imagesDir = "../testdata/image"

var update = flag.Bool("update", false, "rewrite what is on record of differences")

func TestMain(m *testing.M) {
	if handled, code := buildkitd.Main(); handled {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestImages builds the apps of testdata/image on a stand-in for Nixpacks' base, and compares the images with what is
// on record of those that Nixpacks builds of them on the same base.
func TestImages(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	reasons := reasons(t)
	engine := sharedEngine(t)
	for file, c := range imageCases(t) {
		t.Run(c.Name, func(t *testing.T) { compareImages(t, bin, engine, c, file, reasons) })
	}
}

// TestImageRecords looks whether the records are whole, and whether every reason is explained and needed.
func TestImageRecords(t *testing.T) {
	var said strings.Builder
	n := 0
	for _, c := range imageCases(t) {
		n++
		if len(c.Plan) == 0 || len(c.Steps) == 0 || len(c.Facts) == 0 {
			t.Errorf("%s: nothing is on record of Nixpacks' image", c.Name)
		}
		said.WriteString("\n" + c.Differences)
	}
	if n < 20 {
		t.Errorf("%d apps", n)
	}
	if strings.Contains(said.String(), imagetest.Unexplained) {
		t.Error("a difference is on record that nothing permits")
	}
	for _, r := range reasons(t) {
		if !strings.Contains(said.String(), "\n"+r.Name+"\n") {
			t.Errorf("%s: no image differs for the reason %q", reasonsFile, r.Name)
		}
	}
}

// imageCases are the cases, by the files that they are in.
func imageCases(t *testing.T) iter.Seq2[string, *imagetest.Case] {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(imagesDir, "cases/*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string, *imagetest.Case) bool) {
		for _, f := range files {
			c, err := imagetest.Read(f)
			if err != nil {
				t.Fatal(err)
			}
			if !yield(f, c) {
				return
			}
		}
	}
}

func compareImages(t *testing.T, bin string, engine *solve.Engine, c *imagetest.Case, file string, reasons []imagetest.Reason) {
	app, err := c.Unpack(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	askOracle(t, c, app)
	comparePlans(t, bin, c, app)
	facts, err := c.Observe(t.Context(), engine, buildCase(t, bin, app, c))
	if err != nil {
		t.Fatal(err)
	}
	diff := c.Compare(facts, reasons)
	if strings.Contains(diff, imagetest.Unexplained) {
		t.Errorf("differences that nothing in %s permits:\n%s", reasonsFile, diff)
	}
	if *update {
		c.Differences = diff
		if err := c.Write(file); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff != c.Differences {
		t.Errorf("the image differs from Nixpacks' in\n%s\non record is\n%s", diff, c.Differences)
	}
}

// askOracle has the Nixpacks that NIXPACKS_ORACLE names make its plan and build steps: they must be those whose image
// is on record.
func askOracle(t *testing.T, c *imagetest.Case, app string) {
	t.Helper()
	oracle := os.Getenv("NIXPACKS_ORACLE")
	if oracle == "" {
		return
	}
	plan, steps, err := c.Ask(oracle, app, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(plan, c.Plan) || steps != c.Steps {
		t.Errorf("Nixpacks has another plan now, or makes other build steps of it (%s):\n%s", steps, plan)
	}
}

// comparePlans looks whether the app's plan is Nixpacks'.
func comparePlans(t *testing.T, bin string, c *imagetest.Case, app string) {
	t.Helper()
	out, err := exec.Command(bin, append([]string{"plan", app}, c.Flags...)...).Output()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	wrong, err := c.ComparePlan(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

// buildCase builds the app with the real program, and gives the path of the image.
func buildCase(t *testing.T, bin, app string, c *imagetest.Case) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image") + "/"
	flags := append([]string{"--build-image", "debian://trixie"}, c.Flags...)
	from := revisions(t, bin, app, flags)
	laid := plan.Plan{NixHashes: map[string]string{}} // the mirror has other archives than those that hashes are known of
	for _, r := range from {
		laid.NixHashes[r] = ""
	}
	if strings.Contains(string(c.Plan), `"runImage"`) { // one of a registry
		laid.Start = &plan.Start{RunImage: "debian://trixie"}
	}
	args := slices.Concat([]string{"build", "--progress", "plain", "--output", "type=oci,dest=" + image, "--json-plan", string(laid.JSON())},
		flags, c.Build, mirrorFlags(t, from))
	if out, err := exec.Command(bin, append(args, app)...).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return image
}

const reasonsFile = imagesDir + "/differences.json"

// reasons reads the differences that are permitted, each of which the documentation explains.
func reasons(t *testing.T) []imagetest.Reason {
	t.Helper()
	raw, err := os.ReadFile(reasonsFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []imagetest.Reason
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatalf("%s: %v", reasonsFile, err)
	}
	doc, err := os.ReadFile("../docs/differences.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if !strings.Contains(string(doc), "\n- `"+r.Name+"`: ") {
			t.Errorf("docs/differences.md does not explain %q", r.Name)
		}
	}
	return all
}

// sharedEngine is the engine that the program under test uses, too.
func sharedEngine(t *testing.T) *solve.Engine {
	t.Helper()
	e, err := solve.Connect(t.Context(), solve.Target{Embedded: buildkitd.Options{
		State: filepath.Join(stateDir(t), "nixpacks/buildkit"), Entitlements: []string{"network.host"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// stateDir is where the program under test keeps state.
func stateDir(t *testing.T) string {
	t.Helper()
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return state
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, ".local/state")
}
