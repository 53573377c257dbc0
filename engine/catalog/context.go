package catalog

import (
	stderrors "errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"

	// What a provider may import. Each is linked by name: cuecontext would link all of CUE's library, which
	// costs a millisecond at every start of the process.
	_ "cuelang.org/go/pkg/list"
	_ "cuelang.org/go/pkg/regexp"
	_ "cuelang.org/go/pkg/strconv"
	_ "cuelang.org/go/pkg/strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Imports are the packages that a provider may import: all that can be had without the network, the clock
// and the file system, so that a plan is a function of its facts.
var Imports = []string{"list", "regexp", "strconv", "strings"}

// NewContext makes an evaluator. cue.Runtime and cue.Context are one type, and a zero Runtime fills itself at
// its first use; so this is cuecontext.New() without its imports.
//
// CUE reads CUE_DEBUG and CUE_EXPERIMENT from the process environment at that moment, and one of them
// switches closedness off. Package cli removes both before it calls anything here.
func NewContext() *cue.Context {
	//lint:ignore SA1019 as below
	r := new(cue.Runtime)
	//lint:ignore SA1019 the only way to a context that does not link all of CUE's library
	_, _ = r.Compile("", "")
	return (*cue.Context)(r)
}

// providerContext makes an evaluator that has compiled what of CUE's library nearly every provider uses. It would do so at
// the first use, for a tenth of the time that evaluating a small provider takes.
func providerContext() *cue.Context {
	ctx := NewContext()
	ctx.CompileString(`import ("list", "strings"), x: [list.Contains, strings.Join]`)
	return ctx
}

// BuildFiles evaluates files of one package that import nothing but Imports and the schema.
func BuildFiles(ctx *cue.Context, files []*ast.File) (cue.Value, error) {
	bctx := build.NewContext()
	inst := bctx.NewInstance("", schemaOf(bctx))
	inst.CanonicalImportPath = canonical
	if err := add(inst, files); err != nil {
		return cue.Value{}, err
	}
	return ctx.BuildInstance(inst), nil
}

// add makes files the package that an instance is.
func add(inst *build.Instance, files []*ast.File) error {
	for _, f := range files {
		if err := inst.AddSyntax(f); err != nil {
			return err
		}
	}
	return inst.Complete()
}

// CheckImports refuses any other import than Imports in CUE that others wrote, called what; but for those of which also is true.
func CheckImports(f *ast.File, what string, also func(path string) bool) error {
	var faults []error
	for spec := range f.ImportSpecs() {
		name, err := strconv.Unquote(spec.Path.Value)
		if err == nil && (slices.Contains(Imports, name) || also != nil && also(name)) {
			continue
		}
		if f := otherSchema(name); f != nil && also != nil {
			faults = append(faults, f.WithPos(position(spec.Path)))
			continue
		}
		faults = append(faults, fault.New(fault.Refused, "%s cannot import %s", what, spec.Path.Value).
			WithPos(position(spec.Path)).WithHint("it can import %s", strings.Join(Imports, ", ")))
	}
	return stderrors.Join(faults...)
}

// Pos is a place in CUE as faults have it.
func Pos(p token.Pos) fault.Pos {
	return fault.Pos{File: p.Filename(), Line: p.Line(), Col: p.Column()}
}

// position is where a piece of CUE stands.
func position(n ast.Node) fault.Pos { return Pos(n.Pos()) }

// SyntaxFault is the fault for CUE that does not parse or compile.
func SyntaxFault(err error, what string) error {
	var out []error
	for _, e := range errors.Errors(err) {
		out = append(out, cueFault(e, what))
	}
	return stderrors.Join(out...)
}

// cueFault is the fault for one error of CUE, at its places in files.
func cueFault(e errors.Error, what string) *fault.Fault {
	format, args := e.Msg()
	f := fault.New(fault.Refused, "%s: %s", what, fmt.Sprintf(format, args...))
	for _, p := range errors.Positions(e) {
		at := Pos(p)
		if at.File != "" && !strings.HasPrefix(at.File, schemaLabel+"/") && !slices.Contains(f.At, at) {
			f.At = append(f.At, at)
		}
	}
	return f
}
