package page

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// Dimensions of the graph in its own units, about a pixel each.
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
	mostLines  = 2 // lines of commands in a node
)

// graph is the drawing of the phases.
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
	Link                string // "" if the node has no row in the table
	Label               string // for screen readers

	rank   int
	after  []*node
	reads  bool
	number int     // index among all nodes
	above  big.Int // a bit for the number of each node that comes before this one
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

// graph lays out the phases in rows, each below the phases that it depends on, next to the app that they read. It returns
// nil if there are no phases.
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

// nodes returns the nodes of the phases in order, followed by the node of the image.
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

// startNode returns the node of the image, which follows all phases.
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

// under returns the average position of the nodes before this one, which have been placed already.
func (n *node) under() int {
	sum := 0
	for _, a := range n.after {
		sum += a.X
	}
	return sum / max(len(n.after), 1)
}

// ranked puts nodes into rows, each below all nodes that it depends on.
func ranked(nodes []*node) [][]*node {
	for range nodes { // no path is longer than the number of nodes; cycles have been refused before
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

// connect draws the edges: the order of phases, without edges that others imply, and which phases read the app.
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
			default: // pass above the other nodes of the row
				y = n.Y - gapDown/3
				g.Edges = append(g.Edges, edge{fmt.Sprintf("M%d %dV%dH%dV%d", lane, app.Y+app.Height, max(y, 2), n.X+nodePad*2, n.Y), "files"})
			}
		}
	}
}

// curve returns an edge that runs straight down to the previous row, and then across to its target.
func curve(from, to *node) edge {
	x, y := from.X+nodeWidth/2, max(from.Y+from.Height, to.Y-gapDown)
	u, v := to.X+nodeWidth/2, to.Y
	half := (v - y) / 2
	return edge{fmt.Sprintf("M%d %dV%dC%d %d %d %d %d %d", x, from.Y+from.Height, y, x, y+half, u, v-half, u, v), "order"}
}
