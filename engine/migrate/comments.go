package migrate

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
)

// comment is a comment in a source file, or one that migration adds.
type comment struct {
	line int    // line number
	own  bool   // alone on its line
	text string // without comment markers
	of   string // the path of the value it is about, if known
}

// tomlComments returns the comments of a TOML document.
func tomlComments(text []byte) (out []comment) {
	p := unstable.Parser{KeepComments: true}
	p.Reset(text)
	var walk func(n *unstable.Node)
	walk = func(n *unstable.Node) {
		if n.Kind == unstable.Comment && !bytes.HasPrefix(n.Data, []byte("#:")) { // #: is a directive for TOML editors
			out = append(out, commentAt(text, int(n.Raw.Offset), strings.TrimLeft(string(n.Data), "#")))
		}
		for it := n.Children(); it.Next(); {
			walk(it.Node())
		}
	}
	for p.NextExpression() {
		for n := p.Expression(); n != nil; n = n.Next() {
			walk(n)
		}
	}
	slices.SortStableFunc(out, func(a, b comment) int { return cmp.Compare(a.line, b.line) })
	return out
}

// jsonComments returns the comments of a JSON text. They are blank in plain.
func jsonComments(text, plain []byte) (out []comment) {
	for i := 0; i+1 < len(text); i++ {
		if text[i] != '/' || plain[i] == '/' {
			continue
		}
		end := i + 2
		for end < len(text) && (text[i+1] == '/' && text[end] != '\n' || text[i+1] == '*' && !bytes.HasSuffix(text[i+2:end], []byte("*/"))) {
			end++
		}
		for n, line := range strings.Split(strings.TrimSuffix(string(text[i+2:end]), "*/"), "\n") {
			c := commentAt(text, i, strings.TrimLeft(strings.TrimLeft(line, " \t"), "*"))
			c.line += n
			out = append(out, c)
		}
		i = end - 1
	}
	return out
}

func commentAt(text []byte, offset int, words string) comment {
	before := text[:offset]
	return comment{
		line: 1 + bytes.Count(before, []byte("\n")),
		own:  len(bytes.TrimSpace(before[bytes.LastIndexByte(before, '\n')+1:])) == 0,
		text: strings.TrimSpace(words),
	}
}

// beside holds the comments of a draft's values: those above each value, and the one on its line.
type beside struct {
	above map[string][]string
	line  map[string]string
	end   []string // comments after all values
}

// place assigns each comment to the value on its line, or else to the next one.
func (d *draft) place() beside {
	b := beside{map[string][]string{}, map[string]string{}, nil}
	type anchor struct {
		line int
		key  string
	}
	var anchors []anchor
	for key, at := range d.at {
		anchors = append(anchors, anchor{at.Line, key})
	}
	slices.SortFunc(anchors, func(x, y anchor) int { // if a line has several, a list comes before its elements
		return cmp.Or(cmp.Compare(x.line, y.line), cmp.Compare(len(x.key), len(y.key)), cmp.Compare(x.key, y.key))
	})
	for _, c := range d.comments {
		here := slices.IndexFunc(anchors, func(a anchor) bool { return a.line == c.line })
		next := slices.IndexFunc(anchors, func(a anchor) bool { return a.line > c.line })
		switch {
		case c.of != "":
			b.above[c.of] = append(b.above[c.of], c.text)
		case !c.own && here >= 0 && b.line[anchors[here].key] == "":
			b.line[anchors[here].key] = c.text
		case next >= 0:
			b.above[anchors[next].key] = append(b.above[anchors[next].key], c.text)
		default:
			b.end = append(b.end, c.text)
		}
	}
	return b
}
