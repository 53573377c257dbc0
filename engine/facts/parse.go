package facts

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/tailscale/hujson"
	"go.yaml.in/yaml/v3"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lazy"
)

var titles = map[string]string{"json": "JSON", "jsonc": "JSON with comments", "toml": "TOML", "yaml": "YAML", "xml": "XML"}

// parsed answers json, jsonc, toml and yaml. The value is that of the file, {} if the file does not exist, or for a
// pattern a map from path to value of all matching files.
func parsed(a *app.App, q Question) (Answer, error) {
	if !app.IsGlob(q.Args[0]) {
		v, ok, err := parseFile(a, q, q.Args[0])
		if !ok || err != nil {
			v = map[string]any{}
		}
		return Answer{OK: ok, Value: v}, err
	}
	files, err := expand(a, q.Args, q)
	if err != nil {
		return Answer{}, err
	}
	all := map[string]any{}
	var faults []error
	for _, name := range files {
		v, ok, err := parseFile(a, q, name)
		if err != nil {
			faults = append(faults, err)
		} else if ok {
			all[name] = v
		}
	}
	return Answer{OK: len(all) > 0, Value: all}, errors.Join(faults...)
}

func parseFile(a *app.App, q Question, name string) (any, bool, error) {
	v, ok, err := parseStrictly(a, q, name)
	if q.Lenient && err != nil {
		return nil, false, nil
	}
	return v, ok, err
}

func parseStrictly(a *app.App, q Question, name string) (any, bool, error) {
	text, ok, err := a.Text(name)
	if !ok || err != nil {
		return nil, false, err
	}
	if len(text) > MaxValue && q.Pick == nil {
		return nil, false, tooLarge(name)
	}
	v, err := parse(q.Kind, text)
	if err != nil {
		return nil, false, malformed(q.Kind, name, text, err)
	}
	if q.Pick != nil {
		v = pick(v, q.Pick)
	}
	n := normal{}
	if v, err = n.value(v, 0); err != nil {
		return nil, false, fault.New(fault.Refused, "%s: %v", name, err).WithPos(fault.Pos{File: name})
	}
	if v == nil { // a file that contains only null counts as empty
		v = map[string]any{}
	}
	return v, true, nil
}

var parsers = map[string]func(string) (any, error){"json": parseJSON, "jsonc": parseJSONC, "toml": parseTOML, "yaml": parseYAML}

// parse turns a parser's panic into an error, because the input is untrusted.
func parse(kind, text string) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the parser failed: %v", r)
		}
	}()
	return parsers[kind](text)
}

// offset is an error at a byte offset of the text.
type offset struct {
	at  int
	err error
}

func (e offset) Error() string { return e.err.Error() }

func parseJSON(text string) (any, error) {
	var v any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, offset{int(syntax.Offset) - 1, err}
		}
		return nil, offset{len(strings.TrimRight(text, " \t\n")), errors.New("unexpected end of file")}
	}
	rest := text[d.InputOffset():]
	if more := strings.TrimLeft(rest, " \t\r\n"); more != "" {
		return nil, offset{len(text) - len(more), errors.New("unexpected text after the value")}
	}
	return v, nil
}

// parseJSONC blanks comments and trailing commas, so that positions do not change.
func parseJSONC(text string) (any, error) {
	plain, err := blankComments(text)
	if err != nil {
		return nil, err
	}
	return parseJSON(plain)
}

// PlainJSON returns the JSON text of a file with comments and trailing commas blanked, so that positions do not change.
// Text that is not such JSON is a fault (Refused).
func PlainJSON(text, file string) (string, error) {
	plain, err := blankComments(text)
	if at := (place{}); errors.As(err, &at) {
		return "", fault.New(fault.Refused, "not valid JSON: %v", at.err).WithPos(fault.Pos{File: file, Line: at.line, Col: at.col}).WithSource([]byte(text))
	}
	return plain, fault.Wrap(fault.Refused, err, "%s is not valid JSON", file)
}

func blankComments(text string) (string, error) {
	plain, err := hujson.Standardize([]byte(text))
	if err == nil {
		return string(plain), nil
	}
	m := hujsonPlace().FindStringSubmatch(err.Error())
	if m == nil {
		return "", err
	}
	line, _ := strconv.Atoi(m[1])
	col, _ := strconv.Atoi(m[2])
	return "", place{line, col, errors.New(m[3])}
}

var hujsonPlace = lazy.Regexp(`line (\d+), column (\d+): (.*)`)

// place is an error at a line and column. 0 means unknown.
type place struct {
	line, col int
	err       error
}

func (e place) Error() string { return e.err.Error() }

func parseTOML(text string) (any, error) {
	var v map[string]any
	err := toml.Unmarshal([]byte(text), &v)
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, col := bad.Position()
		return nil, place{line, col, errors.New(strings.TrimPrefix(bad.Error(), "toml: "))}
	}
	if v == nil {
		v = map[string]any{}
	}
	return v, err
}

var yamlPlace = lazy.Regexp(`^yaml: (?:unmarshal errors:\s+)?(?:line (\d+): )?`)

// yamlWhole matches errors that apply to the whole file rather than to one line.
var yamlWhole = lazy.Regexp(`excessive aliasing|value contains itself`)

func parseYAML(text string) (any, error) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		msg := err.Error()
		m := yamlPlace().FindStringSubmatch(msg)
		if m == nil {
			return nil, err
		}
		line, err := strconv.Atoi(m[1])
		if err != nil && !yamlWhole().MatchString(msg) {
			line = 1 // the parser omits it
		}
		return nil, place{editorLine(text, line), 0, errors.New(msg[len(m[0]):])}
	}
	if v == nil {
		v = map[string]any{}
	}
	return v, nil
}

var yamlBreak = lazy.Regexp(`\r\n|[\r\n\x{85}\x{2028}\x{2029}]`)

// editorLine converts a YAML line number to the one that editors show: YAML recognizes more line breaks than editors do.
func editorLine(text string, line int) int {
	if line < 2 {
		return line
	}
	breaks := yamlBreak().FindAllStringIndex(text, line-1)
	if len(breaks) == 0 {
		return 1
	}
	return 1 + strings.Count(text[:breaks[len(breaks)-1][1]], "\n")
}

// malformed returns the fault for a file that does not parse.
func malformed(kind, name, text string, err error) error {
	at := fault.Pos{File: name}
	var off offset
	var pl place
	switch {
	case errors.As(err, &off):
		at = app.PosAt(name, text, off.at)
	case errors.As(err, &pl):
		at.Line, at.Col = pl.line, pl.col
	}
	return fault.New(fault.Refused, "%s is not %s: %v", name, titles[kind], err).WithPos(at).WithSource([]byte(text))
}

// pick returns only the parts of v at the given paths.
func pick(v any, paths [][]string) any {
	from, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for _, p := range paths {
		pickPath(out, from, p)
	}
	return out
}

func pickPath(out, from map[string]any, path []string) {
	v, ok := from[path[0]]
	if !ok {
		return
	}
	if len(path) == 1 {
		out[path[0]] = v
		return
	}
	below, ok := v.(map[string]any)
	if !ok {
		return
	}
	next, ok := out[path[0]].(map[string]any)
	if !ok {
		next = map[string]any{}
		out[path[0]] = next
	}
	pickPath(next, below, path[1:])
}
