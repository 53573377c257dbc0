package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/cli/page"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/ignore"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

func reportFlags() []ucli.Flag {
	return []ucli.Flag{&ucli.StringFlag{Name: "report", Category: aboutWords,
		Usage: "write an HTML report of the build to `FILE`, even if the build fails"}}
}

// course is what a report contains besides the build.
type course struct {
	notes    []unify.Note
	versions []catalog.Version
}

// reported builds, and writes the report whether the build succeeds or fails. A wrong command line builds nothing and gets
// no report.
func reported(c *ucli.Context, h Host) error {
	file := c.String("report")
	if file == "" || c.IsSet("out") {
		return fault.New(fault.Usage, "--report needs a FILE, and cannot be combined with --out").WithHint("write nixpacks build --report report.html; --out does not build")
	}
	if dir := filepath.Dir(file); !isDir(dir) { // before minutes of building
		return fault.New(fault.Usage, "--report %s: directory %s does not exist", file, dir)
	}
	h.course = &course{}
	began := time.Now()
	b, err := newBuild(c, &h)
	var made *solve.Report
	if err == nil {
		b.request.Progress.Trace = &progress.Trace{}
		b.excludeReport(file)
		made, err = b.run(c, &h)
	}
	if b == nil && fault.CodeOf(err) == fault.Usage {
		return err
	}
	if b == nil {
		path, _ := appPath(c)
		b = &theBuild{path: path}
	}
	return errors.Join(err, writePage(file, b.page(h, began, made, err)))
}

// writePage writes a page completely or not at all.
func writePage(file string, p *page.Page) error {
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		return fault.Wrap(fault.Bug, err, "the page cannot be made")
	}
	return writeFile(file, out.String())
}

// excludeReport keeps the report out of the build context. A report in the app directory would differ with each build.
func (b *theBuild) excludeReport(file string) {
	app, err1 := realPath(b.request.AppDir)
	dir, err2 := realPath(filepath.Dir(file))
	if err1 != nil || err2 != nil {
		return
	}
	in, err := filepath.Rel(app, filepath.Join(dir, filepath.Base(file)))
	if err != nil || !filepath.IsLocal(in) {
		return
	}
	b.request.Lower.Ignore = append(b.request.Lower.Ignore, ignore.Exactly(filepath.ToSlash(in)))
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// realPath returns an absolute path without symlinks.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// page returns the report of a build that started at began. made is nil if the build failed.
func (b *theBuild) page(h Host, began time.Time, made *solve.Report, failure error) *page.Page {
	trace := b.request.Progress.Trace
	p := &page.Page{
		Title: "Build of " + cmp.Or(b.called(), "an app"), OK: failure == nil, Result: "built", App: b.path,
		Note: "Written by nixpacks " + version() + ". The times are from one build on one machine, so unlike the image, this page is not reproducible.",
	}
	if failure != nil {
		p.Result = "failed"
		p.Failures = failuresOf(hide(failure, proxyPasswords(h.Environ)), trace)
	}
	p.Facts = b.facts(began, made)
	p.Warnings = pageWarnings(h.course.notes)
	p.Versions = pageVersions(versionSources(h.course.versions))
	if pl := b.request.Lower.Plan; pl != nil {
		p.Phases, p.Start = pagePhases(pl), pageStart(pl)
	}
	if trace == nil {
		return p
	}
	for i := range p.Phases {
		addOutcome(&p.Phases[i], trace, failure != nil)
	}
	p.Spans = spans(trace)
	if made != nil {
		p.Layers = layersOf(made, trace)
	}
	return p
}

// facts returns what is shown at the top.
func (b *theBuild) facts(began time.Time, made *solve.Report) []page.Row {
	var out []page.Row
	add := func(name, value string, code bool) {
		if value != "" {
			out = append(out, page.Row{Name: name, Value: value, Code: code})
		}
	}
	if made != nil {
		for _, o := range made.Outputs {
			where := o.Dest
			if b.kept != "" || where == "" {
				where = b.called()
			}
			add("image", where, false)
			add("digest", o.Digest.String(), true)
		}
		add("took", fmt.Sprintf("%v, with %d of %d steps from the cache", made.Duration.Round(10*time.Millisecond), made.Cached, made.Steps), false)
	}
	add("began", began.UTC().Format("2006-01-02 15:04:05 MST"), false)
	add("built by", b.engine, false)
	if p := b.request.Lower.Plan; p != nil {
		add("build image", p.BuildImage, false)
	}
	return out
}

// failuresOf returns the faults, and the last lines of each failed step that no fault mentions.
func failuresOf(err error, trace *progress.Trace) (out []page.Failure) {
	told := ""
	for _, f := range fault.All(err) {
		out = append(out, page.Failure{Text: f.Msg, Hint: f.Hint, Log: f.Detail, At: strs(f.At)})
		told += f.Msg + f.Detail
	}
	if trace == nil {
		return out
	}
	for _, s := range trace.Failed() {
		if s.Log != "" && !strings.Contains(told, s.Log) {
			out = append(out, page.Failure{Text: s.Name, Hint: s.Error, Log: s.Log})
		}
	}
	return out
}

// layersOf returns the layers of the first output that is an image in a file on this machine.
func layersOf(made *solve.Report, trace *progress.Trace) (out []page.Layer) {
	for _, o := range made.Outputs {
		if o.Digest == "" || o.Dest == "" || o.Dest == "-" {
			continue
		}
		img, err := image.Open(o.Dest, image.Select{Digest: o.Digest})
		if err != nil {
			continue // not an image
		}
		defer img.Close()
		layers, err := img.Layers()
		if err != nil {
			layers = img.PackedLayers()
		}
		for _, l := range layers {
			out = append(out, page.Layer{By: trace.MadeBy(l.By), Size: l.Size, Unpacked: l.Unpacked})
		}
		return out
	}
	return nil
}

func strs[T fmt.Stringer](list []T) (out []string) {
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}
