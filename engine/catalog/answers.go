package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/facts"
)

// answersFile returns the CUE file that the engine adds to a provider's package: the source of packages and the answers
// to its facts. `nixpacks facts` prints the same as JSON.
func answersFile(pkg, packages string, answers map[string]facts.Answer) *ast.File {
	all := &ast.StructLit{}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		a := answers[name]
		fields := &ast.StructLit{Elts: []ast.Decl{field("ok", ast.NewBool(a.OK))}}
		if a.Value != nil {
			fields.Elts = append(fields.Elts, field("value", expr(a.Value)))
		}
		if a.List != nil {
			fields.Elts = append(fields.Elts, field("list", expr(a.List)))
		}
		all.Elts = append(all.Elts, field(name, fields))
	}
	return &ast.File{Decls: []ast.Decl{
		&ast.Package{Name: ast.NewIdent(pkg)},
		field("packages", ast.NewString(packages)),
		field("facts", all),
	}}
}

func field(name string, x ast.Expr) *ast.Field {
	return &ast.Field{Label: ast.NewString(name), Value: x}
}

// expr converts a value from package facts to CUE.
func expr(v any) ast.Expr {
	switch v := v.(type) {
	case bool:
		return ast.NewBool(v)
	case string:
		return ast.NewString(v)
	case json.Number:
		return number(v.String())
	case []string:
		l := &ast.ListLit{}
		for _, x := range v {
			l.Elts = append(l.Elts, ast.NewString(x))
		}
		return l
	case []any:
		l := &ast.ListLit{}
		for _, x := range v {
			l.Elts = append(l.Elts, expr(x))
		}
		return l
	case map[string]any:
		s := &ast.StructLit{}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			s.Elts = append(s.Elts, field(k, expr(v[k])))
		}
		return s
	}
	return ast.NewNull()
}

// number converts a JSON number to CUE, or to a string if CUE cannot represent it.
func number(s string) ast.Expr {
	digits, negative := strings.CutPrefix(s, "-")
	var info literal.NumInfo
	if err := literal.ParseNum(digits, &info); err != nil {
		return ast.NewString(s)
	}
	kind := token.INT
	if strings.ContainsAny(digits, ".eE") {
		kind = token.FLOAT
	}
	var x ast.Expr = &ast.BasicLit{Kind: kind, Value: digits}
	if negative {
		x = &ast.UnaryExpr{Op: token.SUB, X: x}
	}
	return x
}
