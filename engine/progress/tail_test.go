package progress

import (
	"strings"
	"testing"
)

func TestTail(t *testing.T) {
	var l tail
	for _, p := range []string{"one\ntw", "o\n10%\r20%\r", "30%\r\ncol\x1b[1mour\x1b[m \n", strings.Repeat("x", 3*tailWidth)} {
		l.Write([]byte(p))
	}
	want := "one\ntwo\n30%\ncolour\n" + strings.Repeat("x", tailWidth)
	if l.String() != want {
		t.Errorf("got %q", l.String())
	}
}
