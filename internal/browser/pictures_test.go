package browser

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// TestScreenshots takes the pictures of the README. With UPDATE_SCREENSHOTS it
// writes them to docs/pictures; without, it makes sure that they can be taken
// and that each is there.
func TestScreenshots(t *testing.T) {
	m, p := start(t), open(t)
	for _, name := range []string{"Bender", "Marvin"} {
		m.OK(t, "POST", "/api/depot/bots", object{"name": name})
	}
	var order string
	for i, customer := range []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Barbara Liskov", "Edsger Dijkstra", "Frances Allen"} {
		id := m.order(t, customer, m.products[i], m.products[i+2])
		if i < 2 {
			m.pick(t, id)
			m.OK(t, "PUT", "/api/ordering/"+id+"/complete", object{"invoiceId": "i1"})
		}
		if i == 3 {
			m.pick(t, id)
			order = id
		}
		if i == 4 {
			bots := m.OK(t, "GET", "/api/depot/bots", nil)["bots"].([]any)
			m.OK(t, "PUT", "/api/depot/shopping/"+id+"/assign", object{"botId": id0(bots)})
		}
	}
	m.Settle(t)

	picture := func(name string, width, height int64, page string, ready ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		p.do(t, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(1)), chromedp.Navigate(page))
		p.do(t, ready...)
		shot := p.picture(t)
		decoded, err := png.Decode(bytes.NewReader(shot))
		require.NoError(t, err)
		require.Equal(t, int(width), decoded.Bounds().Dx())
		file := filepath.Join("..", "..", "docs", "pictures", name+".png")
		if os.Getenv("UPDATE_SCREENSHOTS") != "" {
			require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
			require.NoError(t, os.WriteFile(file, shot, 0o644))
		}
		require.FileExists(t, file, "UPDATE_SCREENSHOTS=1 go test ./internal/browser -run Screenshots takes it")
	}
	seen := func(selector string) chromedp.Action[chromedp.Void] {
		return chromedp.WaitVisible(chromedp.CSS(selector))
	}
	picture("storefront", 1280, 860, m.URL+"/", seen(".store"))
	picture("order", 1280, 760, m.URL+"/shop/orders/"+order, seen(".stages"))
	picture("phone", 390, 844, m.URL+"/shop/stores/"+m.stores[1], seen(".product"))
	picture("life", 1280, 1000, m.OpsURL+"/console/orders/"+order+"?step=14", seen(".timeline"))
	picture("orders", 1280, 800, m.OpsURL+"/console/orders", seen("table"))
	picture("depot", 1280, 1000, m.OpsURL+"/console/depot", seen(".board"))
	p.do(t, dark)
	p.do(t, chromedp.Navigate(m.OpsURL+"/console"))
	p.sees(t, "BasketCheckedOut") // from here on there are rates
	for range 4 {
		m.pick(t, m.order(t, "Ada", m.products[0]))
	}
	picture("map", 1280, 760, m.OpsURL+"/console", seen(".edge-flowing"))
}

func id0(list []any) string { return list[0].(object)["id"].(string) }

// picture is what the page looks like.
func (p *tab) picture(t *testing.T) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(p, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	return shot
}
