package catalog

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cuelang.org/go/cue/parser"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Expressions that allocate without bound in one step are refused. Similar harmless ones are not.
func TestHostileSteps(t *testing.T) {
	const all = "import (\"strings\", \"list\", \"strconv\")\n_u: [strings.Split, list.Max, strconv.Atoi]\n"
	doubled := "_s0: \"" + strings.Repeat("x", 5000) + "\"\n"
	for i := 1; i <= 10; i++ {
		doubled += fmt.Sprintf("_s%d: _s%d+_s%d\n", i, i-1, i-1)
	}
	for text, want := range map[string]string{
		"x: strings.Repeat(\"x\", 3)":                "strings.Repeat cannot be used in x.cue",
		"x: list.Repeat([1], 3)":                     "list.Repeat cannot be used in x.cue",
		"x: \"x\" * 3":                               "strings cannot be multiplied in x.cue",
		"x: 3 * \"x\" * 3":                           "strings cannot be multiplied in x.cue",
		"_y: \"x\", x: _y * 3":                       "mismatched types number and string",
		"let s = strings, x: s.Repeat(\"x\", 3)":     "package strings is not a value",
		"x: strings[\"Repeat\"](\"x\", 3)":           "package strings is not a value",
		"x: (strings.Join)([\"x\"], \"\")":           "strings.Join can only be called",
		"_f: strings.Join, x: _f([\"x\"], \"\")":     "strings.Join can only be called",
		"x: strings.\"Repeat\"(\"x\", 3)":            "strings.Repeat cannot be used in x.cue",
		"x: [for nixpacks_value in [1] {2}]":         "nixpacks_value cannot be used in x.cue",
		"x: strings.Join([_s10], \"\")":              "index out of range",
		"x: strings.Join([\"a\"], _s10)":             "index out of range",
		"x: strings.Replace(\"a\", \"a\", _s10, 1)":  "index out of range",
		"x: strings.Replace(_s10, \"x\", \"y\", 1)":  "index out of range",
		"x: strconv.FormatFloat(1.5, 102, 5000, 64)": "invalid value 5000 (out of bound <=1000)",
		"x: 1 @embed(file=x.json)":                   "@embed is not supported",
		"x: {y: string @tag(y)}":                     "@tag is not supported",

		"x: strings.Join([for a in [\"a\", \"b\"] {a}], \",\")":        "",
		"x: strings.Join([\"a\", strings.Join([\"b\"], \"\")], \",\")": "",
		"x: strings.Replace(\"abc\", \"b\", \"xx\", -1)":               "",
		"x: strconv.FormatFloat(1.5, 102, 3, 64)":                      "",
		"_n: 3, x: _n*4 + (*1 | 2)*3 + 2*_n":                           "",
	} {
		f, err := parser.ParseFile("x.cue", all+doubled+text)
		if err != nil {
			t.Fatal(err)
		}
		err = Tame(f, "x.cue", "")
		if err == nil {
			if err = NewContext().BuildFile(f).Validate(); err != nil {
				err = fault.New(fault.Refused, "%v", err)
			}
		}
		got := ""
		if err != nil {
			got = fault.All(err)[0].Msg
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// Any CUE text is either refused or evaluates within its limits. None crashes the program.
func FuzzTame(f *testing.F) {
	for _, s := range []string{
		"import \"strings\"\nx: strings.Join([\"a\"], \"b\")", "x: 2*3", "import l \"list\"\nx: l.Repeat([1], 9)", "x: \"\\(x)\"", "#f: {n: int, out: (#f & {n: 1}).out}",
		"import \"list\"\nx: [for a in list.Range(0, 99, 1) for b in list.Range(0, 99, 1) {a*b}]", "x: {a: 1} | {a: 2} & {b: x}", "x: 1e9999999 * 1e9999999", "x: _ @if(y)",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parser.ParseFile("x.cue", text)
		if err != nil || CheckImports(file, "x.cue", isSchema) != nil || Tame(file, "x.cue", "") != nil {
			return
		}
		b := budget.Budget{Time: time.Second / 2, Memory: 256 << 20}
		err = b.Run(budget.Evaluation("x.cue"), func() error {
			_ = NewContext().BuildFile(file).Validate()
			return nil
		})
		if err != nil && fault.CodeOf(err) != fault.Refused {
			t.Errorf("%v", err)
		}
	})
}
