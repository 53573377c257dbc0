package compare

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// subject is one of examples/, with the edits that builds are measured after.
type subject struct {
	name, example      string
	prepare            func(dir string) error
	source, dependency edit
}

// edit changes one file of an app.
type edit struct {
	file string
	// change returns the text of the file after edit number n.
	change func(text string, n int) string
}

// appended is an edit that adds a line with a comment to the end of a file.
func appended(file, line string) edit {
	return edit{file, func(text string, n int) string { return text + fmt.Sprintf(line, n) + "\n" }}
}

// version is an edit of a package.json that changes only the app's own version. An install cannot tell that nothing else
// has changed.
func version(file string) edit {
	return edit{file, func(text string, n int) string {
		return strings.Replace(text, "{", fmt.Sprintf("{\n  \"description\": \"%d\",", n), 1)
	}}
}

var apps = []subject{
	{name: "node-express", example: "node-express", source: appended("server.js", "// %d"), dependency: version("package.json")},
	{name: "react, 200 files", example: "node-vite-spa", prepare: components,
		source: appended("src/parts/Part7.jsx", "// %d"), dependency: version("package.json")},
	{name: "python-flask", example: "python-flask", source: appended("app.py", "# %d"), dependency: appended("requirements.txt", "# %d")},
	{name: "rust-http", example: "rust-http", source: appended("src/main.rs", "// %d"), dependency: appended("Cargo.toml", "# %d")},
}

// components adds 200 components to a React app, so that its source has a realistic size.
func components(dir string) error {
	parts := filepath.Join(dir, "src", "parts")
	if err := os.MkdirAll(parts, 0o755); err != nil {
		return err
	}
	var imports, uses strings.Builder
	for i := range 200 {
		text := fmt.Sprintf("export default function Part%[1]d({ name }) {\n  return <li className=\"part\">Part %[1]d of {name}</li>;\n}\n", i)
		if err := os.WriteFile(filepath.Join(parts, fmt.Sprintf("Part%d.jsx", i)), []byte(text), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&imports, "import Part%[1]d from \"./parts/Part%[1]d.jsx\";\n", i)
		fmt.Fprintf(&uses, "<Part%d name=\"all\" />", i)
	}
	file := filepath.Join(dir, "src", "main.jsx")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	with := strings.Replace(string(text), "function App", imports.String()+"\nfunction App", 1)
	with = strings.Replace(with, "</h1>", "</h1>"+uses.String(), 1)
	with = strings.Replace(with, "return <h1>", "return <><h1>", 1)
	return os.WriteFile(file, []byte(strings.Replace(with, ";\n}\n\ncreateRoot", "</>;\n}\n\ncreateRoot", 1)), 0o644)
}

// write writes a fresh copy of the app to dir.
func (a subject) write(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("../../examples", a.example))); err != nil {
		return err
	}
	if a.prepare == nil {
		return nil
	}
	return a.prepare(dir)
}

func (a subject) edit(dir string, e edit, n int) error {
	file := filepath.Join(dir, e.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(e.change(string(text), n)), 0o644)
}
