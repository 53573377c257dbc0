//go:build linux

package page

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// look is a script that finds problems of a page: text with too little contrast, content that overflows to the right, and
// elements that the keyboard does not reach.
//
//go:embed testdata/look.js
var look string

// TestChromium checks pages in a browser: with the content of a build, and with a malicious app's texts in every field.
func TestChromium(t *testing.T) {
	b := open(t)
	for name, p := range map[string]*Page{"sample": sample(), "wicked": everywhere(wicked), "long": everywhere(strings.Repeat("long", 100))} {
		file := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(file, []byte(written(t, p)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, v := range []struct {
			width         int
			scheme, media string
		}{{1200, "light", "screen"}, {1200, "dark", "screen"}, {375, "light", "screen"}, {375, "dark", "screen"}, {800, "light", "print"}} {
			if name != "sample" && (v.width == 1200) == (v.scheme == "light") { // one of each is enough
				continue
			}
			what := fmt.Sprintf("%s-%d-%s-%s", name, v.width, v.scheme, v.media)
			b.show(file, v.width, v.scheme, v.media)
			b.picture(what)
			var wrong []string
			b.eval(look, &wrong)
			for _, w := range wrong {
				t.Errorf("%s: %s", what, w)
			}
			b.quiet(what, file)
		}
	}
}

// quiet fails the test if the page requested anything but itself, or if the browser reported a problem.
func (b *browser) quiet(what, file string) {
	b.Helper()
	for _, m := range b.seen {
		text, _ := json.Marshal(m.Params)
		switch m.Method {
		case "Network.requestWillBeSent":
			if !strings.Contains(string(text), `"url":"file://`+file+`"`) {
				b.Errorf("%s: it asks for %s", what, text)
			}
		case "Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Page.javascriptDialogOpening":
			b.Errorf("%s: %s %s", what, m.Method, text)
		}
	}
}

// sample returns a page as builds and explanations produce it.
func sample() *Page {
	p := everywhere("a text of usual length")
	p.Title = "Build of shop"
	p.Phases = []Phase{
		{Name: "setup", Packages: []string{"nodejs", "ca-certificates"}, State: Cached},
		{Name: "install", After: []string{"setup"}, Commands: []string{"npm ci"}, Reads: []string{"package.json", "package-lock.json"}, State: Ran, Took: 8.3e9},
		{Name: "assets", After: []string{"setup"}, Commands: []string{"make assets"}, Reads: []string{"assets/**"}, State: NotRun},
		{Name: "build", After: []string{"install", "assets"}, Commands: []string{"npm run build", "a command that goes on and on and on and on until it has no end", "x"}, ReadsAll: true, State: Failed, Took: 65e9},
	}
	return p
}
