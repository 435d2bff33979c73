package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"mallbots/internal/web"
)

// stock is a level as the API answers it, with the product's name.
type stock struct {
	ProductID                          string
	Received, OnHand, Reserved, Picked int64

	Name string `json:"-"`
}

// Low is how much is so little that it is worth a look.
func (s stock) Low() int64 { return s.Received / 10 }

// list is a shopping list as the API answers it.
type list struct {
	ID, OrderID, Status, AssignedBotID string
	Stops                              []struct {
		StoreName string
		Items     []struct {
			Name     string
			Quantity int64
		}
	}

	Bot string `json:"-"` // the name of who picks it
}

// Units is how much there is to pick.
func (l list) Units() (n int64) {
	for _, stop := range l.Stops {
		for _, item := range stop.Items {
			n += item.Quantity
		}
	}
	return n
}

// column is the lists of one status.
type column struct {
	Status string
	Lists  []list
	More   bool
}

type bot struct{ ID, Name, Status, List string }

// depotPage is the depot at work.
type depotPage struct {
	Columns []column
	Bots    []bot
	Stock   []stock
	Next    string
}

func (c *console) depot(w http.ResponseWriter, r *http.Request) {
	page, err := c.depotNow(r.Context(), r.URL.Query().Get("page"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, web.Page{Name: "depot", Title: "Depot", Data: page})
}

// depotLive sends the board and the bots again at each change.
func (c *console) depotLive(w http.ResponseWriter, r *http.Request) {
	page := r.URL.Query().Get("page")
	c.live(w, r, "depot", "depot", func(ctx context.Context) (any, error) { return c.depotNow(ctx, page) })
}

// onBoard is how many lists a column shows.
const onBoard = "8"

func (c *console) depotNow(ctx context.Context, token string) (depotPage, error) {
	var page depotPage
	var bots struct{ Bots []bot }
	if err := c.mall.Get(ctx, "depot", "/api/depot/bots", url.Values{"pageSize": {"100"}}, &bots); err != nil {
		return page, err
	}
	page.Bots = bots.Bots
	for _, status := range []string{"AVAILABLE", "ASSIGNED", "COMPLETED", "CANCELED"} {
		var found struct {
			ShoppingLists []list
			NextPageToken string
		}
		query := url.Values{"pageSize": {onBoard}, "status": {"SHOPPING_LIST_STATUS_" + status}}
		if status == "COMPLETED" || status == "CANCELED" {
			query.Set("newestFirst", "true")
		}
		if err := c.mall.Get(ctx, "depot", "/api/depot/shopping", query, &found); err != nil {
			return page, err
		}
		for i, l := range found.ShoppingLists {
			if b := slices.IndexFunc(page.Bots, func(b bot) bool { return b.ID == l.AssignedBotID }); b >= 0 {
				found.ShoppingLists[i].Bot = page.Bots[b].Name
				if status == "ASSIGNED" {
					page.Bots[b].List = l.ID
				}
			}
		}
		page.Columns = append(page.Columns, column{status, found.ShoppingLists, found.NextPageToken != ""})
	}
	var levels struct {
		Stock         []stock
		NextPageToken string
	}
	query := url.Values{"pageSize": {"50"}}
	if token != "" {
		query.Set("pageToken", token)
	}
	if err := c.mall.Get(ctx, "depot", "/api/depot/stock", query, &levels); err != nil {
		return page, err
	}
	page.Stock, page.Next = levels.Stock, levels.NextPageToken
	c.nameProducts(ctx, page.Stock)
	return page, nil
}

// nameProducts asks for the names of the products, several at a time. One that
// cannot be had is left blank.
func (c *console) nameProducts(ctx context.Context, levels []stock) {
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := worker; i < len(levels); i += 4 {
				var found struct{ Product struct{ Name string } }
				if c.mall.Get(ctx, "stores", "/api/stores/products/"+levels[i].ProductID, nil, &found) == nil {
					levels[i].Name = found.Product.Name
				}
			}
		})
	}
	wait.Wait()
}
