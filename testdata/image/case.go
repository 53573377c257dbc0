// Package imagetest is for comparing images: of one app, the image that this program builds with what is on record of
// the image that Nixpacks builds. The records are beside this file, one app each; a record was made by running Nixpacks
// and building the Dockerfile that it wrote, on the same stand-in for its base.
package imagetest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/testdata/apptar"
)

// Case is an app and what is known of its images: a txtar file. Its comment says what the app is there for, in lines
// that begin with #, and then what a txtar cannot hold, in lines of a word and what belongs to it (see directive).
type Case struct {
	Name  string
	Flags []string // of build and plan, for both programs
	Build []string // flags of build alone
	Gets  []string // paths that the running app is asked for
	Ready string   // what the running app prints once it runs; without it and Gets it ends by itself
	Made  []string // patterns of files whose content is of no interest: compilers' output
	Shut  []string // directories whose inside is of no interest: what package managers fill
	Mute  bool     // what the app prints is of no interest: dates
	Races bool     // it ends with the code of whichever of its processes hears of the end first
	Plan  []byte   // Nixpacks' plan, of static assets the names only
	Steps string   // a digest of the build steps that Nixpacks makes of the plan
	Facts Facts    // of Nixpacks' image
	// Differences are the lines of this program's image that differ, each with the name of its reason.
	Differences string

	comment []byte
	app     apptar.App
}

// The files of a case that are no part of the app.
const (
	planFile        = "plan.json"
	stepsFile       = "steps.digest"
	factsFile       = "nixpacks.facts"
	differencesFile = "differences"
)

// Read reads the case in a file.
func Read(file string) (*Case, error) {
	ar, err := txtar.ParseFile(file)
	if err != nil {
		return nil, err
	}
	c := &Case{Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), comment: ar.Comment}
	for i, line := range strings.Split(string(ar.Comment), "\n") {
		word, rest, _ := strings.Cut(line, " ")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := c.directive(word, rest); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	for _, f := range ar.Files {
		switch {
		case c.app.Add(f):
		case f.Name == planFile:
			c.Plan = f.Data
		case f.Name == stepsFile:
			c.Steps = strings.TrimSpace(string(f.Data))
		case f.Name == factsFile:
			if c.Facts, err = parseFacts(f.Data); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		case f.Name == differencesFile:
			c.Differences = string(f.Data)
		default:
			return nil, fmt.Errorf("%s: what is %s?", file, f.Name)
		}
	}
	return c, nil
}

// directive reads one line of the comment.
func (c *Case) directive(word, rest string) error {
	switch word {
	case "flag": // one argument of the command line
		c.Flags = append(c.Flags, rest)
	case "build": // one that plan does not have
		c.Build = append(c.Build, rest)
	case "get":
		c.Gets = append(c.Gets, rest)
	case "ready":
		c.Ready = rest
	case "made":
		c.Made = append(c.Made, rest)
	case "mute":
		c.Mute = true
	case "races":
		c.Races = true
	case "shut":
		c.Shut = append(c.Shut, rest)
	default:
		return c.app.Directive(word, rest)
	}
	return nil
}

// Unpack writes the app into a new directory below dir, and gives its path.
func (c *Case) Unpack(dir string) (string, error) {
	to := filepath.Join(dir, c.Name)
	return to, c.app.Unpack(to)
}

// Write writes the case to a file.
func (c *Case) Write(file string) error {
	ar := &txtar.Archive{Comment: c.comment, Files: c.app.Files()}
	add := func(name string, text []byte) {
		if len(text) > 0 {
			ar.Files = append(ar.Files, txtar.File{Name: name, Data: text})
		}
	}
	add(planFile, c.Plan)
	add(stepsFile, []byte(c.Steps+"\n"))
	add(factsFile, c.Facts.format())
	add(differencesFile, []byte(c.Differences))
	return os.WriteFile(file, txtar.Format(ar), 0o644)
}
