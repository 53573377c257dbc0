package cli

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestNetworksCommands runs the commands of docs/networks.md in an empty folder: each is understood, and finds no app there.
func TestNetworksCommands(t *testing.T) {
	text, err := os.ReadFile("../docs/networks.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, block := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if block[1] != "" { // a file
			continue
		}
		for line := range strings.Lines(block[2]) {
			n++
			cmd := exec.Command("bash", "-c", line)
			cmd.Dir = t.TempDir()
			cmd.Env = append(os.Environ(), "HOME="+cmd.Dir)
			if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 20 {
				t.Errorf("%sexit %d\n%s", line, cmd.ProcessState.ExitCode(), out)
			}
		}
	}
	if n < 5 {
		t.Errorf("%d commands", n)
	}
}
