package catalog

import (
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// TestOfApp checks that an app can bring providers if it is not on the local disk, as in the BuildKit frontend.
func TestOfApp(t *testing.T) {
	files := map[string]string{"x": "", "providers/p/p.cue": provider("p"), "providers/p/testdata/a.cue": "package other"}
	if c, err := OfApp(app.FromFS(folders(files), "app")); err != nil || c != nil {
		t.Errorf("without %s: %v %v", AppSwitch, c, err)
	}
	files[AppSwitch] = ""
	a := app.FromFS(folders(files), "app")
	c, err := OfApp(a)
	if err != nil || len(c) != 1 || c[0].Names()[0] != "p" {
		t.Fatalf("%v %v", c, err)
	}
	p, _ := c[0].Get("p")
	if p.From() != "providers/p" {
		t.Errorf("it comes from %s", p.From())
	}
	if _, err := c[0].Request(a, Env{}).Evaluate("p"); err != nil {
		t.Error(err)
	}
}
