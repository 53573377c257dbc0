package page

import "time"

// scale is the length of a bar that takes the whole width, in units of a bar.
const scale = 1000

// bar is a part of the width of a table cell.
type bar struct{ X, Width int }

// line is the timeline of a build.
type line struct {
	Took time.Duration
	Rows []lineRow
}

type lineRow struct {
	Span
	*bar  // nil if the step never started
	After time.Duration
	Took  time.Duration
}

// line lays out the steps over the duration of the build. It returns nil if there are none.
func (p *Page) line() *line {
	var first, last time.Time
	for _, s := range p.Spans {
		if !s.Started.IsZero() && (first.IsZero() || s.Started.Before(first)) {
			first = s.Started
		}
		if s.Completed.After(last) {
			last = s.Completed
		}
		if s.Started.After(last) {
			last = s.Started
		}
	}
	if first.IsZero() {
		return nil
	}
	l := &line{Took: last.Sub(first)}
	for _, s := range p.Spans {
		row := lineRow{Span: s}
		if !s.Started.IsZero() {
			end := s.Completed
			if end.IsZero() {
				end = last
			}
			row.After, row.Took = s.Started.Sub(first), end.Sub(s.Started)
			row.bar = part(int64(row.After), int64(row.Took), int64(l.Took))
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

// part returns a bar that is at least wide enough to be visible.
func part(from, length, whole int64) *bar {
	if whole <= 0 {
		return &bar{0, scale}
	}
	b := &bar{int(scale * from / whole), max(int(scale*length/whole), 4)}
	b.X = min(b.X, scale-b.Width)
	return b
}

// bars returns the bars of the layers, scaled by size.
func (p *Page) bars() []bar {
	var largest int64
	for _, l := range p.Layers {
		largest = max(largest, l.Size)
	}
	var out []bar
	for _, l := range p.Layers {
		out = append(out, *part(0, l.Size, largest))
	}
	return out
}
