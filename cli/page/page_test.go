package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// wicked is a name that a malicious app may use.
const wicked = `</script></style></title><script>document.title="taken"</script><img src="https://example.com/x" onerror=alert(1)>` +
	`"' onload=alert(2) x='{{.Title}} ` + "\u202egnp.exe\u2066 \x1b[31m\x00\xff"

// everywhere returns a page with a text in every field that holds one.
func everywhere(text string) *Page {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	list := []string{text, text + " again"}
	phase := func(name string, state State) Phase {
		return Phase{Name: name, After: list, Packages: list, Commands: []string{text, "one\n" + text, text, text}, Reads: list, State: state, Took: time.Second,
			More: []Row{{Name: "keeps", Value: text}}}
	}
	start := phase("", Unknown)
	return &Page{
		Title: text, Result: "failed", Note: text, App: text,
		Facts:    []Row{{"image", text, false}, {"digest", text, true}},
		Failures: []Failure{{Text: text, Hint: text, Log: text + "\n" + text, At: list}},
		Warnings: []Warning{{Text: text, Hint: text, At: list}},
		Phases:   []Phase{phase("setup", Cached), {Name: text, State: Ran}, phase(text+" again", Failed), phase("never", NotRun)},
		Start:    &start,
		Spans: []Span{{Name: text, Started: at, Completed: at.Add(time.Second), State: Ran, Parts: list}, {Name: "c", Started: at, Completed: at, State: Cached},
			{Name: "f", Started: at.Add(time.Second), Completed: at.Add(3 * time.Second), State: Failed}, {Name: "n", State: NotRun}},
		Layers:   []Layer{{By: text, Size: 1e6, Unpacked: 3e6}, {Size: 10}},
		Versions: []Version{{Of: text, Version: text, Because: text, At: list}},
		Values: []Value{{Path: text, Value: text, Said: []Said{{By: text, Value: text, Because: []Because{{Fact: text, Value: text, At: list}}, Absent: list}}},
			{Path: "default", Value: "1"}},
		Candidates: []Candidate{{Name: text, Why: text, Plans: true}, {Name: "go", Why: text}},
	}
}

func written(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHostile checks that no text from an app becomes markup, and that invisible characters are shown.
func TestHostile(t *testing.T) {
	bare, full := written(t, everywhere("plain")), written(t, everywhere(wicked))
	tags := regexp.MustCompile(`</?([a-zA-Z!][a-zA-Z0-9]*)`)
	count := func(page string) (out map[string]int) {
		out = map[string]int{}
		for _, m := range tags.FindAllStringSubmatch(page, -1) {
			out[m[1]]++
		}
		return out
	}
	if is, want := fmt.Sprint(count(full)), fmt.Sprint(count(bare)); is != want {
		t.Errorf("the elements are\n%s\nof plain names they are\n%s", is, want)
	}
	for _, r := range full {
		if c := string(r); fault.Visible(c) != c {
			t.Errorf("there is a %U", r)
		}
	}
	if n := strings.Count(html.UnescapeString(full), `\u202egnp.exe\u2066 \u001b[31m\u0000`); n < 20 {
		t.Errorf("the text is there %d times", n)
	}
}

// TestPolicy checks that the style hash in the page's policy matches the page's style.
func TestPolicy(t *testing.T) {
	page := written(t, everywhere("plain"))
	_, rest, _ := strings.Cut(page, "<style>")
	own, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(own))
	want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if !strings.Contains(html.UnescapeString(page), `http-equiv="Content-Security-Policy" content="`+want) {
		t.Errorf("the policy is not %s", want)
	}
	for _, m := range regexp.MustCompile(` (href|src|style|on[a-z]+)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if m[1] != "href" || !strings.HasPrefix(m[2], "#") {
			t.Errorf("there is%s", m[0])
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(` (?:href="#|aria-labelledby=")([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("nothing has the id %s", m[1])
		}
	}
}

// TestGraph checks that nodes do not overlap, that each node is below those that it depends on, and that edges implied by
// others are not drawn.
func TestGraph(t *testing.T) {
	p := &Page{App: "app", Phases: []Phase{{Name: "setup"}, {Name: "a", After: []string{"setup"}}, {Name: "b", After: []string{"setup"}, Commands: []string{"x", "y", "z"}},
		{Name: "build", After: []string{"a", "b", "setup", "nowhere", "build"}, ReadsAll: true}}, Start: &Phase{}}
	g := p.graph()
	order := 0
	for _, e := range g.Edges {
		if e.Kind == "order" {
			order++
		}
	}
	if order != 5 { // setup-a, setup-b, a-build, b-build, build-image
		t.Errorf("%d edges: %v", order, g.Edges)
	}
	for i, n := range g.Nodes {
		if n.X < 0 || n.Y < 0 || n.X+n.Width > g.Width || n.Y+n.Height > g.Height {
			t.Errorf("%s is not in the picture", n.Title)
		}
		for _, a := range n.after {
			if a.Y+a.Height >= n.Y {
				t.Errorf("%s is not below %s", n.Title, a.Title)
			}
		}
		for _, o := range g.Nodes[:i] {
			if n.X < o.X+o.Width && o.X < n.X+n.Width && n.Y < o.Y+o.Height && o.Y < n.Y+n.Height {
				t.Errorf("%s lies on %s", n.Title, o.Title)
			}
		}
	}
	many := &Page{}
	var before []string
	for i := range 300 { // each depends on all before it, so the number of paths between them is exponential
		name := fmt.Sprint(i)
		many.Phases = append(many.Phases, Phase{Name: name, After: before})
		before = append(before, name)
	}
	if n := len(many.graph().Edges); n != 299 {
		t.Errorf("%d edges", n)
	}
}

func TestBars(t *testing.T) {
	at := time.Unix(1000, 0)
	l := (&Page{Spans: []Span{{Started: at, Completed: at.Add(time.Second)}, {Started: at.Add(4 * time.Second), Completed: at.Add(4 * time.Second)},
		{Started: at.Add(3 * time.Second)}, {}}}).line()
	var got []string
	for _, r := range l.Rows {
		if r.bar == nil {
			got = append(got, "none")
			continue
		}
		got = append(got, fmt.Sprintf("%d+%d", r.X, r.Width))
	}
	if s := strings.Join(got, " "); l.Took != 4*time.Second || s != "0+250 996+4 750+250 none" {
		t.Errorf("in %v: %s", l.Took, s)
	}
}
