package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// dark makes the browser prefer dark pages.
var dark = chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
	_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}},
	})
	return err
})

// pages are all pages that there are.
func pages(m *mall, order string) []string {
	return []string{
		m.URL + "/", m.URL + "/shop/stores/" + m.stores[0], m.URL + "/shop/basket", m.URL + "/shop/orders/" + order,
		m.OpsURL + "/console", m.OpsURL + "/console/orders", m.OpsURL + "/console/orders/" + order,
		m.OpsURL + "/console/letters", m.OpsURL + "/console/depot", m.OpsURL + "/console/health",
	}
}

// faults finds what keeps people from using a page: things to press or to fill
// in without a name, headings that skip a level, pictures without words, ids
// that are there twice, and text that is too pale.
const faults = `(() => {
	const found = []
	const tell = (what, e) => found.push(what + ": " + e.outerHTML.slice(0, 160))
	const name = e => (e.getAttribute("aria-label") || (e.labels && [...e.labels].map(l => l.textContent).join(" ")) || e.textContent || e.title || "").trim()
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, meter"))
		if (!name(e) && !e.querySelector("img[alt]:not([alt=''])")) tell("has no name", e)
	for (const e of document.querySelectorAll("img, svg"))
		if (!e.hasAttribute("alt") && !e.getAttribute("aria-label")) tell("has no words", e)
	let level = 0
	for (const e of document.querySelectorAll("h1, h2, h3, h4")) {
		const now = Number(e.tagName[1])
		if (now > level + 1) tell("skips a level", e)
		level = now
	}
	if (document.querySelectorAll("h1").length !== 1) found.push("there must be one h1")
	if (document.querySelectorAll("main").length !== 1) found.push("there must be one main")
	if (!document.documentElement.lang || !document.title) found.push("no language or title")
	const ids = new Set()
	for (const e of document.querySelectorAll("[id]")) ids.has(e.id) ? tell("twice", e) : ids.add(e.id)
	for (const e of document.querySelectorAll("th")) if (!e.scope) tell("has no scope", e)
	for (const e of document.querySelectorAll("[aria-labelledby], [aria-describedby]"))
		for (const id of ((e.getAttribute("aria-labelledby") || "") + " " + (e.getAttribute("aria-describedby") || "")).trim().split(/\s+/))
			if (!document.getElementById(id)) tell("refers to nothing", e)

	const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true})
	const rgba = color => { paint.clearRect(0, 0, 1, 1); paint.fillStyle = color; paint.fillRect(0, 0, 1, 1); return [...paint.getImageData(0, 0, 1, 1).data] }
	const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0)
	const behind = e => {
		for (; e; e = e.parentElement) {
			const style = getComputedStyle(e)
			if (style.backgroundImage !== "none") return null // a picture; looked at by people
			const c = rgba(style.backgroundColor)
			if (c[3] === 255) return c
			if (c[3] > 0) return null
		}
		return [255, 255, 255, 255]
	}
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
	for (let node; node = walker.nextNode();) {
		const e = node.parentElement
		if (!node.textContent.trim() || !e.checkVisibility() || e.closest("svg, .unseen, .skip, noscript, option")) continue
		const back = behind(e)
		if (!back) continue
		const [a, b] = [light(rgba(getComputedStyle(e).color)), light(back)]
		const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05)
		if (contrast < 4.5) tell("contrast " + contrast.toFixed(2), e)
	}
	return found
})()`

func TestEveryPageCanBeUsedByEverybody(t *testing.T) {
	m, p := start(t), open(t)
	order := m.order(t, "Ada", m.products[0])
	for _, look := range []string{"light", "dark"} {
		if look == "dark" {
			p.do(t, dark)
		}
		for _, page := range pages(m, order) {
			p.visit(t, page)
			require.Empty(t, value[[]string](t, p, faults), "%s, %s", page, look)
		}
	}
	p.visit(t, m.URL+"/")
	p.do(t, chromedp.Evaluate[chromedp.Void](`document.querySelector("h1").outerHTML = "<h4 class='faint'>pale</h4>", document.querySelector("h4").style = "color: rgb(100,120,110)"; ({})`))
	require.NotEmpty(t, value[[]string](t, p, faults), "the test must be able to fail")
}
