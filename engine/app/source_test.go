package app

import (
	"os"
	"reflect"
	"testing"
)

// Reading an app from a file system gives the same results as reading it from a local directory.
func TestFromFS(t *testing.T) {
	here := open(t, map[string]string{"go.mod": "module x\r\n", ".gitignore": "dist/\n*.log\n", "dist/a.js": "",
		"a/b/c.js": "1", "a/x.log": "", "d.js": "", "link.js": "-> a/b/c.js"})
	look := func(a *App) []any {
		js, err1 := a.Glob([]string{"**/*.js"}, GlobOptions{})
		dirs, err2 := a.Glob([]string{"**"}, GlobOptions{Dirs: true})
		top, err3 := a.TopDirs()
		text, ok, err4 := a.Text("go.mod")
		_, missing, err5 := a.Text("nothing")
		_, isDir, err6 := a.Text("a")
		link, _ := a.Entry("link.js")
		below, err := a.Sub("a")
		if err != nil {
			t.Fatal(err)
		}
		inner, err7 := below.Glob([]string{"**/*.js"}, GlobOptions{})
		_, err8 := a.Sub("d.js")
		return []any{js, dirs, top, text, ok, missing, isDir, link.Mode().Type(), inner, err8 != nil, err1, err2, err3, err4, err5, err6, err7}
	}
	there := FromFS(os.DirFS(here.Dir()), here.Dir())
	if want, got := look(here), look(there); !reflect.DeepEqual(want, got) {
		t.Errorf("a directory gives\n%v\nand a file system\n%v", want, got)
	}
}
