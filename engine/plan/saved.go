package plan

import (
	"bytes"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Saved is a finished plan as a file keeps it: with what belongs to the build and not to the plan.
type Saved struct {
	Plan *Plan
	// Syntax names the image of a frontend: BuildKit hands the file to it. It says nothing to this program.
	Syntax string
	// CacheKey tells a frontend the app's cache directories from another's; "" where the file says nothing. It says nothing to
	// this program, either.
	CacheKey string
	// Origins are where the plan's values were set: in the file, or where they were planned from.
	Origins *Origins
}

// DecodeSaved reads a plan that was saved. Lines before it that begin as comments are skipped: BuildKit looks for a
// frontend's name in them. buildImage, unless it is "", replaces the plan's own; it alone may name files of this machine.
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

// MaxSaved is how large a file with a plan may be, in bytes. In memory it is a hundred times as large.
const MaxSaved = 4 << 20

// ReadSaved reads a plan that was saved, to be looked at: it may name files of any machine as its images.
func ReadSaved(data []byte, file string) (*Saved, error) {
	if len(data) > MaxSaved {
		return nil, fault.New(fault.Refused, "%s is larger than a plan can be, %d MB", file, MaxSaved>>20).WithPos(fault.Pos{File: file})
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

// images lays the command line's image over the plan's own, and refuses the plan's that it may not name.
func (s *Saved) images(buildImage string) *fault.Fault {
	start := s.Plan.Start
	if buildImage == "" && s.Plan.BuildImage == "" {
		return fault.New(fault.Refused, "the plan has no buildImage, so there is nothing to build on").WithHint("a plan that nixpacks plan prints has one; or use --build-image REF")
	}
	if buildImage != "" {
		if start != nil && start.RunImage == s.Plan.BuildImage { // so it was planned
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

// WithoutHead is a file with its first lines blank, as far as they are blank or begin as comments do: places in it stay.
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

// JSON is the file.
func (s Saved) JSON() []byte {
	return encode(struct {
		Syntax   string `json:"syntax,omitempty"`
		CacheKey string `json:"cacheKey,omitempty"`
		*Plan
	}{s.Syntax, s.CacheKey, s.Plan})
}
