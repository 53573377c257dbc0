package plan

import (
	"bytes"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Saved is a finished plan as stored in a file, with properties of the build that are not part of the plan.
type Saved struct {
	Plan *Plan
	// Syntax is the frontend image that BuildKit passes the file to. This program ignores it.
	Syntax string
	// CacheKey tells a frontend which cache directories belong to the app; "" if the file has none. The command line
	// ignores it.
	CacheKey string
	// Origins are where the plan's values were set: in the file, or in the sources that it was planned from.
	Origins *Origins
}

// DecodeSaved reads a saved plan. It skips comment lines before the plan: BuildKit looks for a frontend's name in them.
// If buildImage is not "", it replaces the plan's own; it alone may name files of this machine.
func DecodeSaved(data []byte, file, buildImage string) (*Saved, error) {
	s, err := ReadSaved(data, file)
	if err != nil {
		return nil, err
	}
	if f := s.images(buildImage); f != nil {
		return nil, f.WithPos(fault.Pos{File: file})
	}
	return s, nil
}

// MaxSaved is the maximum size of a plan file in bytes. In memory a plan is about a hundred times as large.
const MaxSaved = 4 << 20

// ReadSaved reads a saved plan for inspection: its images may name files of any machine.
func ReadSaved(data []byte, file string) (*Saved, error) {
	if len(data) > MaxSaved {
		return nil, fault.New(fault.Refused, "%s is too large for a plan: the limit is %d MB", file, MaxSaved>>20).WithPos(fault.Pos{File: file})
	}
	root, err := ParseJSON(WithoutHead(data), file)
	if err != nil {
		return nil, err
	}
	d, err := Read(root, data)
	if err != nil {
		return nil, err
	}
	if len(d.Unknown) > 0 {
		return nil, joined(d.Unknown)
	}
	s := &Saved{Plan: d.Plan, Origins: d.Origins(data)}
	for name, into := range map[string]*string{"syntax": &s.Syntax, "cacheKey": &s.CacheKey} {
		if n := d.At(name); n != nil && n.Kind == String {
			*into = n.Text
		}
	}
	return s, nil
}

// images replaces the plan's build image by the command line's, and refuses images that a plan may not name.
func (s *Saved) images(buildImage string) *fault.Fault {
	start := s.Plan.Start
	if buildImage == "" && s.Plan.BuildImage == "" {
		return fault.New(fault.Refused, "the plan has no buildImage").WithHint("use a plan printed by nixpacks plan, or --build-image REF")
	}
	if buildImage != "" {
		if start != nil && start.RunImage == s.Plan.BuildImage { // planning used one image for both
			start.RunImage = buildImage
		}
		s.Plan.BuildImage = buildImage
	} else if f := RefuseImage(s.Plan.BuildImage, "buildImage"); f != nil {
		return f
	}
	if start == nil || start.RunImage == buildImage {
		return nil
	}
	return RefuseImage(start.RunImage, "start", "runImage")
}

// WithoutHead blanks the leading empty and comment lines of a file. Line numbers stay the same.
func WithoutHead(data []byte) []byte {
	rest := data
	var lines []byte
	for {
		line, after, more := bytes.Cut(rest, []byte("\n"))
		if t := bytes.TrimSpace(line); len(t) > 0 && t[0] != '#' && !bytes.HasPrefix(t, []byte("//")) {
			return append(lines, rest...)
		}
		if !more {
			return lines
		}
		rest, lines = after, append(lines, '\n')
	}
}

// JSON returns the content of the file.
func (s Saved) JSON() []byte {
	return encode(struct {
		Syntax   string `json:"syntax,omitempty"`
		CacheKey string `json:"cacheKey,omitempty"`
		*Plan
	}{s.Syntax, s.CacheKey, s.Plan})
}
