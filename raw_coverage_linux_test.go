package metalio_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"runtime"
	"testing"
)

// TestEveryWrapperIsExercised reads the generated file and the tests: a wrapper
// that no test mentions has never run.
func TestEveryWrapperIsExercised(t *testing.T) {
	generated := parse(t, "zsys_"+runtime.GOOS+"_"+runtime.GOARCH+".go")
	used := map[string]bool{}
	tests, err := filepath.Glob("raw*_test.go")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no raw tests found: %v", err)
	}
	for _, file := range tests {
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				used[sel.Sel.Name] = true
			}
			return true
		})
	}
	wrappers := 0
	for _, decl := range generated.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !fn.Name.IsExported() {
			continue
		}
		wrappers++
		if !used[fn.Name.Name] {
			t.Errorf("no test calls %s", fn.Name.Name)
		}
	}
	if wrappers == 0 {
		t.Error("found no wrapper at all")
	}
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
