package console

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/go-chi/chi/v5"

	"mallbots/docs/runbooks"
	"mallbots/internal/web"
)

// runbook shows what to do when an alarm rings.
func (c *console) runbook(w http.ResponseWriter, r *http.Request) {
	text, ok := runbooks.Text(chi.URLParam(r, "alert"))
	if !ok {
		c.show(w, r, web.Page{Status: http.StatusNotFound, Name: "sorry", Title: "No runbook", Data: sorry{"There is no such runbook", chi.URLParam(r, "alert")}})
		return
	}
	blocks := blocksOf(text)
	c.show(w, r, web.Page{Name: "runbook", Title: blocks[0].Text(), Data: blocks})
}

// block is a paragraph, a heading, an item of a list, or some code.
type block struct {
	Kind  string // title, heading, item, code or paragraph
	Spans []span
}

// span is a stretch of text, as it is or as code.
type span struct {
	Text string
	Code bool
}

// Text is all of the block's text.
func (b block) Text() string {
	var all strings.Builder
	for _, s := range b.Spans {
		all.WriteString(s.Text)
	}
	return all.String()
}

var mdLink = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)

// blocksOf reads as much of Markdown as a runbook uses.
func blocksOf(text string) []block {
	var blocks []block
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		switch {
		case strings.HasPrefix(part, "# "):
			blocks = append(blocks, block{"title", spansOf(part[2:])})
		case strings.HasPrefix(part, "## "):
			blocks = append(blocks, block{"heading", spansOf(part[3:])})
		case strings.HasPrefix(part, "```"):
			_, code, _ := strings.Cut(part, "\n")
			blocks = append(blocks, block{"code", []span{{Text: strings.TrimSuffix(strings.TrimSpace(code), "\n```")}}})
		case strings.HasPrefix(part, "- "):
			for item := range strings.SplitSeq(part[2:], "\n- ") {
				blocks = append(blocks, block{"item", spansOf(item)})
			}
		default:
			blocks = append(blocks, block{"paragraph", spansOf(part)})
		}
	}
	return blocks
}

func spansOf(text string) []span {
	var spans []span
	for i, piece := range strings.Split(mdLink.ReplaceAllString(text, "$1"), "`") {
		if piece != "" {
			spans = append(spans, span{piece, i%2 == 1})
		}
	}
	return spans
}
