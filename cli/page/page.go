// Package page writes what a build did, or why a plan is what it is, as a self-contained HTML page: no scripts, and no
// fonts or pictures from elsewhere. Data from an app is always text, never markup.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Page is the content of a page. An empty part gets no section.
type Page struct {
	Title  string // the subject, such as "Build of shop"
	Result string // the result in a few words, such as "failed"
	OK     bool
	Facts  []Row // at the top
	Note   string

	Failures   []Failure
	Warnings   []Warning
	App        string // the node of the graph that phases read from
	Phases     []Phase
	Start      *Phase // what the image runs; its commands are not build steps and have no times
	Spans      []Span
	Layers     []Layer
	Versions   []Version
	Values     []Value
	Candidates []Candidate
}

// Built reports whether the page is about a build, that is, whether it says how any phase went.
func (p *Page) Built() bool {
	return slices.ContainsFunc(p.Phases, func(ph Phase) bool { return ph.State != Unknown })
}

// Row is a name with a value.
type Row struct {
	Name, Value string
	Code        bool // shown in a monospace font, such as a digest
}

// Failure is an error.
type Failure struct {
	Text, Hint, Log string
	At              []string // file:line:column
}

// Warning is something that the user should know.
type Warning struct {
	Text, Hint string
	At         []string
}

// State is the outcome of a phase or step.
type State string

// The states, with the text that the page shows.
const (
	Unknown State = ""
	Ran     State = "ran"
	Cached  State = "from the cache"
	Failed  State = "failed"
	NotRun  State = "not run"
)

// Class returns the state's CSS class.
func (s State) Class() string {
	return map[State]string{Ran: "ran", Cached: "cached", Failed: "failed", NotRun: "notrun"}[s]
}

// Phase is a phase of the plan.
type Phase struct {
	Name     string
	After    []string // the phases that it depends on
	Packages []string
	Commands []string
	Reads    []string // patterns of the app's files that it depends on
	ReadsAll bool     // it may read all of them
	State    State
	Took     time.Duration
	More     []Row
}

// Span is a build step on the timeline. A time is zero if the step has not started or not ended.
type Span struct {
	Name               string
	Started, Completed time.Time
	State              State
	Parts              []string // in words
}

// Layer is a layer of the image.
type Layer struct {
	By             string
	Size, Unpacked int64 // in bytes; 0 in Unpacked means unknown
}

// Version is a version that a provider has chosen.
type Version struct {
	Of, Version, Because string
	At                   []string
}

// Value is a value of the plan.
type Value struct {
	Path, Value string
	Said        []Said // the last one decides; empty for a default
}

// Said is what one source says about a value, and the facts for which it says so.
type Said struct {
	By, Value string
	Because   []Because
	Absent    []string
}

// Because is a fact.
type Because struct {
	Fact, Value string
	At          []string
}

// Candidate is a provider that might plan the app.
type Candidate struct {
	Name, Why string
	Plans     bool
}

//go:embed page.css
var style string

//go:embed page.html
var markup string

// pages is parsed when the first page is written, because parsing takes half a millisecond.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"text": fault.Visible, "bytes": human, "took": Took, "code": inCode,
	}).Parse(markup))
})

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	sum := sha256.Sum256([]byte(style))
	return pages().Execute(w, struct {
		*Page
		Style  template.CSS
		Policy string
		Graph  *graph
		Line   *line
		Bars   []bar
	}{
		p, template.CSS(style),
		"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'",
		p.graph(), p.line(), p.bars(),
	})
}
