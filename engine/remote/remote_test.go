package remote

import (
	"errors"
	"testing"
)

func TestCause(t *testing.T) {
	for in, want := range map[string]string{
		`failed to solve: rpc error: code = Unknown desc = failed to do request: Head "https://x/v2/": dial tcp: lookup x: no such host`: "dial tcp: lookup x: no such host",
		`failed to call info: Unavailable: "Error while dialing: dial unix /x: connect: refused"`:                                        "dial unix /x: connect: refused",
		"\x1b[31mred\x1b[0m \x1b]0;title\x07text": "red text",
		`rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /x: connect: no such file or directory"`: "dial unix /x: connect: no such file or directory",
	} {
		if got := Cause(errors.New(in)); got != want {
			t.Errorf("%q\n gives %q\nwanted %q", in, got, want)
		}
	}
}
