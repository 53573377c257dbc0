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

	// The packages that a provider may import. They are linked by name: cuecontext would link all of CUE's standard library,
	// which costs a millisecond at every process start.
	_ "cuelang.org/go/pkg/list"
	_ "cuelang.org/go/pkg/regexp"
	_ "cuelang.org/go/pkg/strconv"
	_ "cuelang.org/go/pkg/strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Imports are the packages that a provider may import. None of them needs the network, the clock
// or the file system, so a plan is a function of its facts.
var Imports = []string{"list", "regexp", "strconv", "strings"}

// NewContext creates a CUE context. cue.Runtime and cue.Context are the same type, and a zero Runtime initializes itself on
// first use, so this is cuecontext.New() without its imports.
//
// CUE reads CUE_DEBUG and CUE_EXPERIMENT from the process environment at that moment, and CUE_DEBUG can disable
// closedness checks. Package cli removes both variables before it calls this package.
func NewContext() *cue.Context {
	//lint:ignore SA1019 as below
	r := new(cue.Runtime)
	//lint:ignore SA1019 the only way to a context that does not link all of CUE's library
	_, _ = r.Compile("", "")
	return (*cue.Context)(r)
}

// providerContext creates a context that has already compiled the parts of CUE's standard library that nearly every provider
// uses. Compiling them on first use would take a tenth of the time that a small provider takes to evaluate.
func providerContext() *cue.Context {
	ctx := NewContext()
	ctx.CompileString(`import ("list", "strings"), x: [list.Contains, strings.Join]`)
	return ctx
}

// BuildFiles evaluates the files of one package. They may import only Imports and the schema.
func BuildFiles(ctx *cue.Context, files []*ast.File) (cue.Value, error) {
	bctx := build.NewContext()
	inst := bctx.NewInstance("", schemaOf(bctx))
	inst.CanonicalImportPath = canonical
	if err := add(inst, files); err != nil {
		return cue.Value{}, err
	}
	return ctx.BuildInstance(inst), nil
}

// add adds files to an instance and completes it.
func add(inst *build.Instance, files []*ast.File) error {
	for _, f := range files {
		if err := inst.AddSyntax(f); err != nil {
			return err
		}
	}
	return inst.Complete()
}

// CheckImports refuses imports other than Imports, and those for which also returns true. what names the CUE in messages.
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

// Pos converts a CUE position to a fault's position.
func Pos(p token.Pos) fault.Pos {
	return fault.Pos{File: p.Filename(), Line: p.Line(), Col: p.Column()}
}

// position returns the position of a syntax node.
func position(n ast.Node) fault.Pos { return Pos(n.Pos()) }

// SyntaxFault returns the fault for CUE that does not parse or compile.
func SyntaxFault(err error, what string) error {
	var out []error
	for _, e := range errors.Errors(err) {
		out = append(out, cueFault(e, what))
	}
	return stderrors.Join(out...)
}

// cueFault returns the fault for one CUE error, with its positions in files.
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
