package console

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"mallbots/internal/web"
)

// What an edge of the map can be.
const (
	flowing    = "flowing"
	idle       = "quiet"      // declared, and nothing to say at the moment
	silent     = "silent"     // its source speaks, or does not run, and nothing arrives
	failing    = "failing"    // what arrives cannot be handled
	unexpected = "unexpected" // nobody declared it
)

// worst orders the states of the types of an edge: the edge has the worst.
var worst = []string{idle, flowing, unexpected, silent, failing}

// edge is the events of all types that one module hears of another.
type edge struct {
	From, To string
	State    string
	Types    []kind
	Rate     float64 // a second
	Lag      int64

	Path, Head string // of the drawing
	X, Y       int    // of its label
	Anchor     string // which end of the label is there: start, middle, end
}

// kind is the events of one type.
type kind struct {
	Name, State  string
	Count        int64
	Rate         float64
	Failed, Dead int64
}

// node is a module on the map.
type node struct {
	Name        string
	X, Y        int
	Rate        float64 // published a second
	Outbox      int64
	DeadLetters int64
	Absent      bool // others hear it, and it does not run
}

// Left is the left edge of its box.
func (n node) Left() int { return n.X - halfWidth }

// Top is the upper edge of its box.
func (n node) Top() int { return n.Y - halfHeight }

// NameY is the line of its name.
func (n node) NameY() int { return n.Y - 6 }

// RateY is the line of its rate.
func (n node) RateY() int { return n.Y + 18 }

// DeadY is the line that tells of its dead letters.
func (n node) DeadY() int { return n.Y + 38 }

type mapPage struct {
	Nodes []node
	Edges []edge
}

func (c *console) liveMap(w http.ResponseWriter, r *http.Request) {
	page, err := c.mapNow(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, web.Page{Name: "map", Title: "Live map", Data: page})
}

func (c *console) liveMapLive(w http.ResponseWriter, r *http.Request) {
	c.live(w, r, "map", "map", func(ctx context.Context) (any, error) { return c.mapNow(ctx) })
}

// window is the time over which rates are taken.
const window = 10 * time.Second

// mapNow draws the map of the moment.
func (c *console) mapNow(ctx context.Context) (mapPage, error) {
	now, err := c.samples.now(ctx, c.mall)
	if err != nil {
		return mapPage{}, err
	}
	page := mapOf(now, c.samples.before(window), c.samples.before(sampleKeep))
	page.draw()
	return page, nil
}

// mapOf is what is between the modules now, given how it was a moment ago and a
// minute ago.
func mapOf(now, moment, minute sample) mapPage {
	var page mapPage
	running := now.modules()
	seconds := max(now.at.Sub(moment.at).Seconds(), 0.5)
	rate := func(now, then float64) float64 { return max(0, now-then) / seconds }
	names := slices.Clone(running)
	for _, to := range running {
		here, then, before := now.of(to), moment.of(to), minute.of(to)
		n := node{Name: to, Outbox: int64(here.Outbox)}
		for name, count := range here.Published {
			n.Rate += rate(count, then.Published[name])
		}
		for _, dead := range here.DeadLetters {
			n.DeadLetters += int64(dead)
		}
		page.Nodes = append(page.Nodes, n)
		for _, h := range here.Hears {
			k := kind{Name: lastWord(h.Type), Count: int64(h.heard()), Rate: rate(h.heard(), then.find(h).heard()), Failed: int64(h.Failed), Dead: int64(h.DeadLettered)}
			spoken := now.of(h.Source).Published[h.Type] - minute.of(h.Source).Published[h.Type]
			switch {
			case h.Type == "unknown" && h.heard() == 0 || !h.Handled && h.Type != "unknown":
				continue
			case !h.Handled:
				k.State, k.Name = unexpected, "a type that "+to+" does not know"
			case h.Failed > before.find(h).Failed || h.DeadLettered > before.find(h).DeadLettered:
				k.State = failing
			case !slices.Contains(running, h.Source), spoken > 0 && h.heard() == before.find(h).heard() && here.Lag[h.Source] > 0:
				k.State = silent
			case k.Rate > 0:
				k.State = flowing
			default:
				k.State = idle
			}
			page.add(h.Source, to, int64(here.Lag[h.Source]), k)
			if !slices.Contains(names, h.Source) {
				names = append(names, h.Source)
				page.Nodes = append(page.Nodes, node{Name: h.Source, Absent: true})
			}
		}
	}
	return page
}

// find is the same hearing in another sample, a blank one if it is not there.
func (t traffic) find(like hearing) hearing {
	for _, h := range t.Hears {
		if h.Source == like.Source && h.Type == like.Type {
			return h
		}
	}
	return hearing{}
}

// add adds a type to the edge between two modules.
func (p *mapPage) add(from, to string, lag int64, k kind) {
	i := slices.IndexFunc(p.Edges, func(e edge) bool { return e.From == from && e.To == to })
	if i < 0 {
		i, p.Edges = len(p.Edges), append(p.Edges, edge{From: from, To: to, State: idle, Lag: lag})
	}
	e := &p.Edges[i]
	e.Types, e.Rate = append(e.Types, k), e.Rate+k.Rate
	if slices.Index(worst, k.State) > slices.Index(worst, e.State) {
		e.State = k.State
	}
}

// The drawing: nodes of halfWidth and halfHeight on an ellipse.
const (
	centerX, centerY      = 550, 205
	radiusX, radiusY      = 580.0, 190.0
	halfWidth, halfHeight = 104.0, 46.0
	apart                 = 20.0 // of the two directions
)

// draw places nodes and edges.
func (p *mapPage) draw() {
	at := map[string][2]float64{}
	for i := range p.Nodes {
		angle := -0.75*math.Pi + 2*math.Pi*float64(i)/float64(len(p.Nodes))
		x, y := centerX+radiusX*math.Cos(angle), centerY+radiusY*math.Sin(angle)
		p.Nodes[i].X, p.Nodes[i].Y = int(x), int(y)
		at[p.Nodes[i].Name] = [2]float64{x, y}
	}
	for i := range p.Edges {
		e := &p.Edges[i]
		from, to := at[e.From], at[e.To]
		dx, dy := to[0]-from[0], to[1]-from[1]
		length := math.Hypot(dx, dy)
		if length == 0 {
			continue
		}
		dx, dy = dx/length, dy/length
		sideX, sideY := -dy*apart, dx*apart // to the right of who goes along
		gap := border(dx, dy) + 6
		x1, y1 := from[0]+dx*gap+sideX, from[1]+dy*gap+sideY
		x2, y2 := to[0]-dx*(gap+10)+sideX, to[1]-dy*(gap+10)+sideY
		e.Path = fmt.Sprintf("M%.0f %.0f L%.0f %.0f", x1, y1, x2, y2)
		e.Head = fmt.Sprintf("%.0f,%.0f %.0f,%.0f %.0f,%.0f", x2+dx*12, y2+dy*12, x2-dy*7, y2+dx*7, x2+dy*7, y2-dx*7)
		e.X, e.Y, e.Anchor = int((x1+x2)/2+sideX*0.6), int((y1+y2)/2+sideY*1.1)+5, "middle"
		switch {
		case sideX > apart/2:
			e.Anchor = "start"
		case sideX < -apart/2:
			e.Anchor = "end"
		}
	}
}

// border is how far it is from the middle of a node to its edge in a direction.
func border(dx, dy float64) float64 {
	return min(halfWidth/max(math.Abs(dx), 1e-9), halfHeight/max(math.Abs(dy), 1e-9))
}
