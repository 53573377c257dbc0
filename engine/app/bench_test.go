package app

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// tree creates 10,000 files in 1,111 directories, four levels deep.
func tree(b *testing.B) string {
	dir := b.TempDir()
	var fill func(dir string, level int)
	fill = func(dir string, level int) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range 9 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%d.txt", i)), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		for i := 0; i < 10 && level < 3; i++ {
			fill(filepath.Join(dir, fmt.Sprintf("dir%d", i)), level+1)
		}
	}
	fill(dir, 0)
	if err := os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("node_modules\n*.log\n/dist\n.env*\nbuild/\n!x\n*.tmp\n"), 0o644); err != nil {
		b.Fatal(err)
	}
	return dir
}

func BenchmarkGlob(b *testing.B) {
	dir := tree(b)
	for name, q := range map[string]struct {
		patterns []string
		GlobOptions
	}{
		"nothing": {patterns: []string{"**/*.go"}},
		"braces":  {patterns: []string{"**/*.{ts,tsx,js,jsx}"}},
		"middle":  {patterns: []string{"dir1/**/file[5-7].t*"}},
		"top":     {patterns: []string{"*.txt"}, GlobOptions: GlobOptions{Depth: 1}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				a, err := Open(dir)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := a.Glob(q.patterns, q.GlobOptions); err != nil {
					b.Fatal(err)
				}
				a.Close()
			}
		})
	}
}
