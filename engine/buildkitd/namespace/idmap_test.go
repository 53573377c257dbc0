//go:build linux

package namespace

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func TestRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	const text = "# comment\nann:100000:65536\nbob:200000:10\n1000:300000:5\nbob:400000:20\nbob:bad:1\nbob:1:0\nbobby:500000:9\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := ranges(file, []string{"1000", "bob"}) // by number and by name
	want := []extent{{0, 200000, 10}, {0, 300000, 5}, {0, 400000, 20}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	chained := chain(1000, got)
	if want := []extent{{0, 1000, 1}, {1, 200000, 10}, {11, 300000, 5}, {16, 400000, 20}}; !reflect.DeepEqual(chained, want) {
		t.Errorf("chained: got %v, want %v", chained, want)
	}
	if got := ranges(file, []string{"1001"}); got != nil { // a user without a name
		t.Errorf("got %v for nobody", got)
	}
	args := []string{"7", "0", "1000", "1", "1", "200000", "10"}
	if got := arguments(7, chained[:2]); !reflect.DeepEqual(got, args) {
		t.Errorf("arguments: %v", got)
	}
}

func TestInherited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "uid_map")
	if err := os.WriteFile(file, []byte("         0       1000          1\n         1     100000      65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := inherited(file), []extent{{0, 0, 1}, {1, 1, 65536}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
