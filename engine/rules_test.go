package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/nixpacks-cue/nixpacks/"

// mayImport lists, for every package of this module, the packages of this module that it may import. A subdirectory
// belongs to the listed package above it.
var mayImport = map[string][]string{
	"schema":           {},
	"docs":             {},
	"providers":        {},
	"engine":           {},
	"engine/fault":     {"engine/lazy"},
	"engine/lazy":      {},
	"engine/budget":    {"engine/fault"},
	"engine/stall":     {},
	"engine/plan":      {"engine/fault", "engine/lazy"},
	"engine/app":       {"engine/fault"},
	"engine/facts":     {"engine/fault", "engine/lazy", "engine/app"},
	"engine/catalog":   {"engine/fault", "engine/budget", "engine/plan", "engine/app", "engine/facts", "schema", "providers"},
	"engine/cases":     {"engine/fault", "engine/plan", "engine/app", "engine/catalog"},
	"engine/detect":    {"engine/fault", "engine/app", "engine/facts", "engine/catalog"},
	"engine/unify":     {"engine/fault", "engine/lazy", "engine/budget", "engine/plan", "engine/app", "engine/facts", "engine/catalog", "engine/detect", "schema"},
	"engine/policy":    {"engine/fault", "engine/budget", "engine/plan", "engine/app", "engine/catalog", "engine/unify"},
	"engine/migrate":   {"engine/fault", "engine/lazy", "engine/plan", "engine/app", "engine/facts", "engine/catalog", "engine/unify"},
	"engine/ignore":    {"engine/fault", "engine/lazy", "engine/plan", "engine/app"},
	"engine/lock":      {"engine/fault", "engine/lazy", "engine/plan", "engine/app"},
	"engine/modules":   {"engine/fault", "engine/budget", "engine/stall", "engine/plan", "engine/app", "engine/lock", "schema"},
	"engine/plan2llb":  {"engine/fault", "engine/lazy", "engine/plan"},
	"engine/image":     {"engine/fault"},
	"engine/base":      {"engine/fault", "engine/lazy", "engine/stall", "engine/image"},
	"engine/buildkitd": {"engine/fault", "engine/stall"},
	"engine/remote":    {"engine/fault", "engine/lazy"},
	"engine/docker":    {"engine/fault", "engine/lazy", "engine/remote"},
	"engine/progress":  {"engine/fault", "engine/lazy", "engine/plan2llb"},
	"engine/solve":     {"engine/fault", "engine/lazy", "engine/stall", "engine/plan", "engine/plan2llb", "engine/image", "engine/base", "engine/buildkitd", "engine/progress", "engine/docker", "engine/remote"},
	"engine/frontend":  {"engine/fault", "engine/plan", "engine/app", "engine/catalog", "engine/lock", "engine/unify", "engine/policy", "engine/ignore", "engine/plan2llb", "engine/solve", "engine/image"},
	"cli": {"engine/frontend", "engine/fault", "engine/lazy", "engine/budget", "engine/plan", "engine/app", "engine/facts", "engine/catalog", "engine/cases", "engine/detect", "engine/unify", "engine/policy", "engine/migrate",
		"engine/ignore", "engine/lock", "engine/modules", "engine/plan2llb", "engine/solve", "engine/progress", "engine/docker", "engine/image", "engine/base", "engine/buildkitd", "schema", "providers", "docs"},
}

// doors lists the packages that may import a dependency. The longest matching prefix wins.
var doors = map[string][]string{
	"cuelang.org/go/":                    {"engine/catalog", "engine/facts", "engine/detect", "engine/unify", "engine/policy", "engine/plan", "engine/migrate"},
	"cuelang.org/go/mod/":                {"engine/modules"}, // the network
	"cuelabs.dev/go/oci/":                {"engine/modules"},
	"github.com/moby/buildkit/":          {"engine/solve", "engine/progress", "engine/buildkitd", "engine/frontend"},
	"github.com/moby/buildkit/client/":   {"engine/solve", "engine/progress", "engine/buildkitd", "engine/frontend", "engine/plan2llb"},
	"github.com/moby/buildkit/solver/":   {"engine/solve", "engine/buildkitd", "engine/frontend", "engine/plan2llb"},
	"github.com/moby/moby/":              {"engine/docker"},
	"github.com/docker/cli/cli/context/": {"engine/docker"},
	"github.com/urfave/cli/":             {"cli"},
	"github.com/opencontainers/runc/":    {"engine/buildkitd"},
	"github.com/ProtonMail/go-crypto/":   {"engine/base"},
	"github.com/containerd/containerd/":  {"engine/solve", "engine/buildkitd", "engine/image", "engine/base"},
}

// hermetic packages use no network, clock, environment or other programs.
var hermetic = []string{"engine/fault", "engine/budget", "engine/plan", "engine/app", "engine/facts", "engine/catalog", "engine/cases", "engine/detect",
	"engine/unify", "engine/policy", "engine/migrate", "engine/ignore", "engine/lock", "engine/plan2llb", "schema", "providers"}

var outside = map[string][]string{
	"net": nil, "net/http": nil, "os/exec": nil, "os/user": nil, "math/rand": nil, "math/rand/v2": nil, "crypto/rand": nil,
	"os":   {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Hostname", "Getwd", "UserHomeDir", "TempDir", "Getuid", "Getpid"},
	"time": {"Now", "Since", "Until"},
	// A plan and its graph do not depend on the machine that computes them.
	"runtime":                         {"GOARCH"},
	"github.com/containerd/platforms": {"Default", "DefaultSpec", "DefaultString", "DefaultStrict"},
}

type source struct {
	path string // relative to the module root
	pkg  string // the longest matching package in mayImport
	file *ast.File
}

// sources parses the module's Go files, except tests.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(p, "../"))
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(rel, ".") && rel != ".." || rel == "examples") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, 0)
		if err != nil {
			return err
		}
		out = append(out, source{rel, owner(path.Dir(rel)), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func owner(dir string) string {
	for ; dir != "." && dir != "/"; dir = path.Dir(dir) {
		if _, ok := mayImport[dir]; ok {
			return dir
		}
	}
	return ""
}

func TestImports(t *testing.T) {
	for _, s := range sources(t) {
		if s.pkg == "" {
			t.Errorf("%s: its package is not in the list of this test", s.path)
			continue
		}
		for _, im := range s.file.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			if inner, ok := strings.CutPrefix(p, module); ok {
				if o := owner(inner); o != s.pkg && !slices.Contains(mayImport[s.pkg], o) {
					t.Errorf("%s: %s may not import %s", s.path, s.pkg, inner)
				}
				continue
			}
			if d := door(p); d != "" && !slices.Contains(doors[d], s.pkg) {
				t.Errorf("%s: %s comes in through %v only", s.path, d, doors[d])
			}
		}
	}
}

func door(p string) string {
	best := ""
	for prefix := range doors {
		if strings.HasPrefix(p+"/", prefix) && len(prefix) > len(best) {
			best = prefix
		}
	}
	return best
}

func TestHermetic(t *testing.T) {
	for _, s := range sources(t) {
		if !slices.Contains(hermetic, s.pkg) {
			continue
		}
		names := map[string]string{} // local name of an import → its path
		for _, im := range s.file.Imports {
			p, _ := strconv.Unquote(im.Path.Value)
			if banned, ok := outside[p]; ok && banned == nil {
				t.Errorf("%s imports %s", s.path, p)
			}
			names[path.Base(p)] = p
			if im.Name != nil {
				names[im.Name.Name] = p
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(outside[names[x.Name]], sel.Sel.Name) {
				t.Errorf("%s uses %s.%s", s.path, x.Name, sel.Sel.Name)
			}
			return true
		})
	}
}
