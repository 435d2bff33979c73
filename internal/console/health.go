package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"mallbots/docs/runbooks"
	"mallbots/internal/web"
)

// part is one thing that must work.
type part struct {
	Name, Detail string
	OK           bool
}

// Kind is what the part is, such as relay or database.
func (p part) Kind() string { return p.Name[strings.LastIndexByte(p.Name, '.')+1:] }

// processHealth is how one process is.
type processHealth struct {
	Name    string
	Ready   bool
	Trouble string // why it cannot say
	Modules []string
	Parts   []part
}

// moduleHealth is a module in numbers.
type moduleHealth struct {
	Module      string
	Outbox      int64
	Lag         int64
	Failed      int64
	DeadLetters int64
}

// alarm is something that is not as it should be, and whose runbook helps.
type alarm struct{ Alert, Of, Says string }

type healthPage struct {
	Processes []processHealth
	Modules   []moduleHealth
	Alarms    []alarm
	Runbooks  []string
}

// Well reports whether there is no alarm anywhere.
func (h healthPage) Well() bool {
	return len(h.Alarms) == 0 && !slices.ContainsFunc(h.Processes, func(p processHealth) bool { return !p.Ready })
}

func (c *console) health(w http.ResponseWriter, r *http.Request) {
	page, err := c.healthNow(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, web.Page{Name: "health", Title: "Health", Data: page})
}

func (c *console) healthLive(w http.ResponseWriter, r *http.Request) {
	c.live(w, r, "health", "health", func(ctx context.Context) (any, error) { return c.healthNow(ctx) })
}

// healthNow asks every process how it is.
func (c *console) healthNow(ctx context.Context) (healthPage, error) {
	page := healthPage{Runbooks: runbooks.Names()}
	for _, p := range c.mall.Processes() {
		h := processHealth{Name: p.Name}
		var answer struct {
			Ready bool
			Parts []part
		}
		var err error
		if h.Modules, err = p.Modules(ctx); err == nil {
			err = p.Get(ctx, "/readyz", nil, &answer)
		}
		var ringing struct{ Alarms []alarm }
		if err == nil {
			err = p.Get(ctx, "/alarms", nil, &ringing)
		}
		if err != nil {
			h.Trouble = err.Error()
			ringing.Alarms = append(ringing.Alarms, alarm{"ProcessDown", p.Name, "it does not answer"})
		}
		for _, a := range ringing.Alarms {
			if !slices.Contains(page.Alarms, a) { // replicas tell the same
				page.Alarms = append(page.Alarms, a)
			}
		}
		h.Ready, h.Parts = answer.Ready, answer.Parts
		page.Processes = append(page.Processes, h)
	}
	now, err := c.samples.now(ctx, c.mall)
	if err != nil {
		return page, nil // the processes say why
	}
	for _, module := range now.modules() {
		page.Modules = append(page.Modules, now.of(module).health())
	}
	return page, nil
}

// health is what the counters of a module say.
func (t traffic) health() moduleHealth {
	h := moduleHealth{Module: t.Module, Outbox: int64(t.Outbox)}
	for _, n := range t.Lag {
		h.Lag += int64(n)
	}
	for _, n := range t.DeadLetters {
		h.DeadLetters += int64(n)
	}
	for _, heard := range t.Hears {
		h.Failed += int64(heard.Failed)
	}
	return h
}

// badges say what needs attention, beside the navigation.
func (c *console) badges(ctx context.Context) map[string]string {
	badges := map[string]string{}
	now, err := c.samples.now(ctx, c.mall)
	if err != nil {
		return badges
	}
	var dead int64
	for _, module := range now.modules() {
		dead += now.of(module).health().DeadLetters
	}
	if dead > 0 {
		badges["/console/letters"] = strconv.FormatInt(dead, 10)
	}
	return badges
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
