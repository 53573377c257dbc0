//go:build linux

package page

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a Chromium with one tab, controlled over two pipes.
type browser struct {
	*testing.T
	in      io.Writer
	session string
	last    int
	news    chan message
	seen    []message // events
}

type message struct {
	ID        int             `json:"id,omitempty"`
	Method    string          `json:"method,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Params    any             `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     json.RawMessage `json:"error,omitempty"`
}

// open starts a Chromium. It skips the test if real builds are not enabled, or if there is no Chromium and NIXPACKS_E2E
// does not require one.
func open(t *testing.T) *browser {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for a real browser: half a minute")
	}
	program, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("NIXPACKS_E2E") == "require" {
			t.Fatal("chromium is missing: apt-get install chromium")
		}
		t.Skip("there is no chromium")
	}
	home, err := os.MkdirTemp("", "nixpacks-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--user-data-dir="+home, "about:blank")
	theirs, ours, err1 := os.Pipe()
	answers, theirs2, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cmd.ExtraFiles = []*os.File{theirs, theirs2}
	cmd.Env = append(os.Environ(), "HOME="+home, "DBUS_SESSION_BUS_ADDRESS=disabled:")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirs2.Close()
	b := &browser{T: t, in: ours, news: make(chan message, 100)}
	go b.read(answers)
	t.Cleanup(func() {
		ours.Close() // makes Chromium exit
		timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		answers.Close()
		os.RemoveAll(home)
	})
	var made struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &made)
	b.call("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &made)
	b.session = made.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) read(from io.Reader) {
	defer close(b.news)
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(text[:len(text)-1], &m) == nil {
			b.news <- m
		}
	}
}

// next returns the next message, and keeps events.
func (b *browser) next() message {
	b.Helper()
	select {
	case m, ok := <-b.news:
		if !ok {
			b.Fatal("chromium is gone")
		}
		if m.Method != "" {
			b.seen = append(b.seen, m)
		}
		return m
	case <-time.After(time.Minute):
		b.Fatal("chromium does not answer")
	}
	return message{}
}

// call sends a request and waits for the answer.
func (b *browser) call(method string, params any, into any) {
	b.Helper()
	b.last++
	text, err := json.Marshal(message{ID: b.last, Method: method, SessionID: b.session, Params: params})
	if err == nil {
		_, err = b.in.Write(append(text, 0))
	}
	if err != nil {
		b.Fatal(err)
	}
	for {
		m := b.next()
		if m.ID != b.last {
			continue
		}
		if m.Error != nil {
			b.Fatalf("%s: %s", method, m.Error)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				b.Fatal(err)
			}
		}
		return
	}
}

// show opens a file with a given window width, in light or dark mode, for screen or print.
func (b *browser) show(file string, width int, scheme, media string) {
	b.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.seen = nil
	b.call("Page.navigate", map[string]any{"url": "file://" + file}, nil)
	for !b.saw("Page.loadEventFired") {
		b.next()
	}
}

func (b *browser) saw(event string) bool {
	for _, m := range b.seen {
		if m.Method == event {
			return true
		}
	}
	return false
}

// eval runs a script in the page.
func (b *browser) eval(script string, into any) {
	b.Helper()
	var got struct {
		Result struct {
			Value       json.RawMessage
			Description string
		}
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &got)
	if got.ExceptionDetails != nil {
		b.Fatalf("%s: %s", script, got.ExceptionDetails)
	}
	if err := json.Unmarshal(got.Result.Value, into); err != nil {
		b.Fatalf("%s: %v", script, err)
	}
}

// picture saves a picture of the whole page in the folder that NIXPACKS_PICTURES names, for people to look at.
func (b *browser) picture(name string) {
	dir := os.Getenv("NIXPACKS_PICTURES")
	if dir == "" {
		return
	}
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true}, &got)
	raw, err := base64.StdEncoding.DecodeString(got.Data)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}
