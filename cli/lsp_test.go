package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// lspClient speaks to a language server over its standard input and output.
type lspClient struct {
	t     *testing.T
	to    io.WriteCloser
	from  *bufio.Reader
	calls int
}

type lspMessage struct {
	ID     any             `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

func (c *lspClient) send(message map[string]any) {
	c.t.Helper()
	message["jsonrpc"] = "2.0"
	body, err := json.Marshal(message)
	must(c.t, err)
	_, err = fmt.Fprintf(c.to, "Content-Length: %d\r\n\r\n%s", len(body), body)
	must(c.t, err)
}

// until reads messages until one is wanted. It answers requests of the server with an empty result.
func (c *lspClient) until(wanted func(lspMessage) bool) lspMessage {
	c.t.Helper()
	for {
		head, err := textproto.NewReader(c.from).ReadMIMEHeader()
		must(c.t, err)
		n, err := strconv.Atoi(head.Get("Content-Length"))
		must(c.t, err)
		body := make([]byte, n)
		_, err = io.ReadFull(c.from, body)
		must(c.t, err)
		var m lspMessage
		must(c.t, json.Unmarshal(body, &m))
		if wanted(m) {
			return m
		}
		if m.Method != "" && m.ID != nil {
			c.send(map[string]any{"id": m.ID, "result": nil})
		}
	}
}

// call returns the result of a method, as JSON.
func (c *lspClient) call(method string, params any) string {
	c.t.Helper()
	c.calls++
	id := float64(c.calls)
	c.send(map[string]any{"id": id, "method": method, "params": params})
	m := c.until(func(m lspMessage) bool { return m.Method == "" && m.ID == id })
	if m.Error != nil {
		c.t.Fatalf("%s: %s", method, m.Error)
	}
	return string(m.Result)
}

// newLSP starts the standard cue lsp in a folder.
func newLSP(t *testing.T, dir string) *lspClient {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "cue", "lsp")
	cmd.Dir = dir
	to, err := cmd.StdinPipe()
	must(t, err)
	from, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		to.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	c := &lspClient{t: t, to: to, from: bufio.NewReader(from)}
	folder := map[string]any{"uri": "file://" + dir, "name": "app"}
	c.call("initialize", map[string]any{"rootUri": "file://" + dir, "workspaceFolders": []any{folder}, "capabilities": map[string]any{
		"textDocument": map[string]any{"hover": map[string]any{"contentFormat": []string{"markdown"}}, "publishDiagnostics": map[string]any{}}}})
	c.send(map[string]any{"method": "initialized", "params": map[string]any{}})
	return c
}

// TestEditor checks that an editor with the standard cue lsp knows the fields of nixpacks.cue if the schema is next to it,
// as in docs/configuration.md.
func TestEditor(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "package.json"), []byte(`{"scripts": {"start": "node ."}, "engines": {"node": "22"}}`))
	_, blocks := readPage(t, "../docs/configuration.md")
	w := newWalk(t, nil)
	w.dir = dir
	put(t, filepath.Join(w.shell, "cwd"), []byte(dir))
	for _, b := range blocks {
		if strings.Contains(b.body, "cue mod init") {
			b.marks = nil // the folder exists already
			w.perform(t, []docBlock{b})
		}
	}
	file := filepath.Join(dir, "nixpacks.cue")
	const good = "package shop\n\nstart: cmd: \"node .\"\nstart: x: \"\"\nphases: build: cmds: []\nphases: build: x: \"\"\n"
	put(t, file, []byte(good))

	c, uri := newLSP(t, dir), "file://"+file
	c.send(map[string]any{"method": "textDocument/didOpen", "params": map[string]any{"textDocument": map[string]any{"uri": uri, "languageId": "cue", "version": 1, "text": good}}})
	at := func(line, column int) any {
		return map[string]any{"textDocument": map[string]any{"uri": uri}, "position": map[string]any{"line": line, "character": column}}
	}
	if got := c.call("textDocument/hover", at(2, 8)); !strings.Contains(got, "The command, run in a login bash in /app.") {
		t.Errorf("hover: %s", got)
	}
	if got := c.call("textDocument/definition", at(2, 8)); !strings.Contains(got, "nixpacks_schema.cue") {
		t.Errorf("definition: %s", got)
	}
	if got := c.call("textDocument/completion", at(3, 8)); !strings.Contains(got, `"stopSignal"`) {
		t.Errorf("completion: %s", got)
	}
	if got := c.call("textDocument/hover", at(4, 17)); !strings.Contains(got, "Commands") {
		t.Errorf("hover in a phase: %s", got)
	}
	if got := c.call("textDocument/completion", at(5, 16)); !strings.Contains(got, `"aptPkgs"`) {
		t.Errorf("completion in a phase: %s", got)
	}
	c.send(map[string]any{"method": "textDocument/didChange", "params": map[string]any{"textDocument": map[string]any{"uri": uri, "version": 2},
		"contentChanges": []any{map[string]any{"text": "package shop\n\nstart: cmd: \"node .\n"}}}})
	m := c.until(func(m lspMessage) bool {
		return m.Method == "textDocument/publishDiagnostics" && strings.Contains(string(m.Params), `"message"`)
	})
	if !strings.Contains(string(m.Params), "string literal not terminated") {
		t.Errorf("diagnostics: %s", m.Params)
	}
}
