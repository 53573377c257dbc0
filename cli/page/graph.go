package page

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Measures of the graph, in its own units, which are about a pixel.
const (
	nodeWidth  = 264
	appWidth   = 120
	lineHeight = 17
	nodePad    = 10
	gapAcross  = 28
	gapDown    = 46
	margin     = 8
	nodeLetter = 33 // characters on a line of a node
	appLetter  = 13
	mostLines  = 2 // lines of a kind in a node
)

// graph is the picture of the phases.
type graph struct {
	Width, Height int
	Nodes         []*node
	Edges         []edge
}

type node struct {
	X, Y, Width, Height int
	Title               string
	State               State
	Lines               []nodeLine
	Link                string // "" for what has no row in the table
	Label               string // for who does not see it

	rank   int
	after  []*node
	reads  bool
	number int     // among all
	above  big.Int // a bit for the number of each that comes before it
}

type nodeLine struct {
	Y    int
	Text string
	Kind string
}

type edge struct {
	Path string
	Kind string // "order" or "files"
}

// graph lays the phases out in rows, each below those that it depends on, beside the app that they read; nil where there are
// none.
func (p *Page) graph() *graph {
	if len(p.Phases) == 0 {
		return nil
	}
	g := &graph{}
	app := &node{Title: "app", Lines: []nodeLine{{Text: cut(p.App, appLetter)}}, Label: "The files of the app"}
	phases := p.nodes()
	rows := ranked(phases)
	app.size()
	app.X, app.Y, app.Width = margin, margin, appWidth
	left, y := margin+appWidth+2*gapAcross, margin
	for _, row := range rows {
		slices.SortStableFunc(row, func(a, b *node) int { return cmp.Compare(a.under(), b.under()) })
		height := 0
		for i, n := range row {
			n.size()
			n.X, n.Y = left+i*(nodeWidth+gapAcross), y
			height = max(height, n.Height)
			g.Width = max(g.Width, n.X+nodeWidth+margin)
		}
		y += height + gapDown
	}
	g.Height = max(y-gapDown, app.Y+app.Height) + margin
	g.Nodes = append([]*node{app}, phases...)
	g.connect(app, rows)
	return g
}

// nodes are those of the phases in their order, and of what runs.
func (p *Page) nodes() []*node {
	var out []*node
	byName := map[string]*node{}
	for i, ph := range p.Phases {
		n := &node{Title: cut(ph.Name, nodeLetter-5), State: ph.State, Link: fmt.Sprintf("#phase-%d", i), reads: ph.ReadsAll || len(ph.Reads) > 0}
		n.Label = "Phase " + ph.Name
		if ph.State != Unknown {
			n.Lines = append(n.Lines, nodeLine{Text: strings.TrimSuffix(string(ph.State)+", "+Took(ph.Took), ", "), Kind: ph.State.Class()})
			n.Label += ", " + n.Lines[0].Text
		}
		if len(ph.Packages) > 0 {
			n.Lines = append(n.Lines, nodeLine{Text: cut(count(len(ph.Packages), "package")+": "+strings.Join(ph.Packages, " "), nodeLetter)})
		}
		n.list(ph.Commands)
		byName[ph.Name] = n
		out = append(out, n)
	}
	for i, ph := range p.Phases {
		for _, name := range ph.After {
			if a := byName[name]; a != nil && a != out[i] {
				out[i].after = append(out[i].after, a)
			}
		}
	}
	if p.Start != nil {
		out = append(out, p.startNode(out))
	}
	return out
}

// startNode is the image, which is made of all.
func (p *Page) startNode(phases []*node) *node {
	n := &node{Title: "image", Link: "#start", Label: "The image"}
	n.list(p.Start.Commands)
	if len(p.Start.Packages) > 0 {
		n.Lines = append(n.Lines, nodeLine{Text: cut(count(len(p.Start.Packages), "package")+": "+strings.Join(p.Start.Packages, " "), nodeLetter)})
	}
	for _, ph := range phases {
		if !slices.ContainsFunc(phases, func(o *node) bool { return slices.Contains(o.after, ph) }) {
			n.after = append(n.after, ph)
		}
	}
	n.reads = true
	return n
}

func count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func (n *node) list(commands []string) {
	for i, c := range commands {
		if i == mostLines && len(commands) > mostLines {
			n.Lines = append(n.Lines, nodeLine{Text: fmt.Sprintf("and %d more", len(commands)-i)})
			break
		}
		n.Lines = append(n.Lines, nodeLine{Text: "$ " + cut(c, nodeLetter-2), Kind: "command"})
	}
}

func (n *node) size() {
	n.Width = nodeWidth
	n.Height = 2*nodePad + lineHeight*(1+len(n.Lines))
	for i := range n.Lines {
		n.Lines[i].Y = nodePad + lineHeight*(i+2) - 4
	}
}

// under is where the nodes before this one stand, on average; those are placed already.
func (n *node) under() int {
	sum := 0
	for _, a := range n.after {
		sum += a.X
	}
	return sum / max(len(n.after), 1)
}

// ranked puts nodes into rows, each below all that it depends on.
func ranked(nodes []*node) [][]*node {
	for range nodes { // a path has no more steps than there are nodes; a circle is refused before
		for _, n := range nodes {
			for _, a := range n.after {
				n.rank = max(n.rank, min(a.rank+1, len(nodes)-1))
			}
		}
	}
	var rows [][]*node
	for i, n := range nodes {
		n.number = i
		for len(rows) <= n.rank {
			rows = append(rows, nil)
		}
		rows[n.rank] = append(rows[n.rank], n)
	}
	for _, row := range rows {
		for _, n := range row {
			for _, a := range n.after {
				n.above.Or(&n.above, &a.above)
				n.above.SetBit(&n.above, a.number, 1)
			}
		}
	}
	return slices.DeleteFunc(rows, func(r []*node) bool { return len(r) == 0 })
}

// connect draws the edges: in which order phases run, without what follows from others, and which read the app.
func (g *graph) connect(app *node, rows [][]*node) {
	lane := app.X + appWidth/2
	for _, row := range rows {
		for i, n := range row {
			for _, a := range n.after {
				if !slices.ContainsFunc(n.after, func(o *node) bool { return o.above.Bit(a.number) == 1 }) {
					g.Edges = append(g.Edges, curve(a, n))
				}
			}
			if !n.reads {
				continue
			}
			y := n.Y + n.Height/2
			switch {
			case n.Y == app.Y && i == 0:
				g.Edges = append(g.Edges, edge{fmt.Sprintf("M%d %dH%d", app.X+appWidth, app.Y+app.Height/2, n.X), "files"})
			case i == 0:
				g.Edges = append(g.Edges, edge{fmt.Sprintf("M%d %dV%dH%d", lane, app.Y+app.Height, y, n.X), "files"})
			default: // over the others of its row
				y = n.Y - gapDown/3
				g.Edges = append(g.Edges, edge{fmt.Sprintf("M%d %dV%dH%dV%d", lane, app.Y+app.Height, max(y, 2), n.X+nodePad*2, n.Y), "files"})
			}
		}
	}
}

// curve leads straight down as far as the row before, and then over.
func curve(from, to *node) edge {
	x, y := from.X+nodeWidth/2, max(from.Y+from.Height, to.Y-gapDown)
	u, v := to.X+nodeWidth/2, to.Y
	half := (v - y) / 2
	return edge{fmt.Sprintf("M%d %dV%dC%d %d %d %d %d %d", x, from.Y+from.Height, y, x, y+half, u, v-half, u, v), "order"}
}
