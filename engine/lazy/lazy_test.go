package lazy

import "testing"

func TestRegexp(t *testing.T) {
	words := Regexp(`\w+`)
	first, second := words(), words()
	if got := first.FindString("  some words"); got != "some" || first != second {
		t.Errorf("found %q", got)
	}
	wrong := Regexp(`(`) // does not panic before its first use
	defer func() {
		if recover() == nil {
			t.Error("an expression that is none was compiled")
		}
	}()
	wrong()
}
