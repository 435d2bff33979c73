package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"mallbots/internal/web"
)

// letter is a dead letter as the operations listener answers it.
type letter struct {
	ID, Consumer, MessageID, Key, Type, Cause, Error, Stack string
	Sequence, Attempts, Held                                int64
	First, Last                                             time.Time
	Original, Closed, Successor                             string
	Headers                                                 map[string]string
	Payload                                                 json.RawMessage

	Module string `json:"-"`
}

// group are dead letters of one module that failed in the same way.
type group struct {
	Module, Type, Cause, Error string
	Letters                    []letter
	Held                       int64
	First, Last                time.Time
}

// deed is what an operator did.
type deed struct {
	At                                                    time.Time
	Module, Actor, Verb, Target, Key, Reason, Outcome, ID string
}

// anyID is whatever differs between two letters that failed alike.
var anyID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d+`)

// letters shows the dead letters of all modules, by what went wrong.
func (c *console) letters(w http.ResponseWriter, r *http.Request) {
	groups, err := c.groups(r.Context())
	var deeds []deed
	if err == nil {
		deeds, err = c.deeds(r.Context(), "", 20)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, web.Page{Name: "letters", Title: "Dead letters", Data: map[string]any{
		"Groups": groups, "Deeds": deeds, "Operator": c.operatorOf(r), "Done": r.URL.Query().Get("done"), "Failed": r.URL.Query().Get("failed"),
	}})
}

func (c *console) groups(ctx context.Context) ([]*group, error) {
	var groups []*group
	err := each(ctx, c, "/deadletters", url.Values{"limit": {"1000"}}, func(module string, answer struct{ DeadLetters []letter }) {
		for _, l := range answer.DeadLetters {
			like, _, _ := strings.Cut(l.Error, "\n")
			like = anyID.ReplaceAllString(like, "…")
			i := slices.IndexFunc(groups, func(g *group) bool {
				return g.Module == module && g.Type == l.Type && g.Cause == l.Cause && g.Error == like
			})
			if i < 0 {
				i, groups = len(groups), append(groups, &group{Module: module, Type: l.Type, Cause: l.Cause, Error: like, First: l.First})
			}
			g := groups[i]
			l.Module = module
			g.Letters, g.Held, g.Last = append(g.Letters, l), g.Held+l.Held, l.Last
		}
	})
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(len(b.Letters), len(a.Letters)) })
	return groups, err
}

// deeds are what operators did about a key, or about anything: the latest first.
func (c *console) deeds(ctx context.Context, key string, limit int) ([]deed, error) {
	var all []deed
	query := url.Values{"limit": {"100"}}
	if key != "" {
		query.Set("key", key)
	}
	err := each(ctx, c, "/actions", query, func(_ string, answer struct{ Actions []deed }) {
		all = append(all, answer.Actions...)
	})
	slices.SortStableFunc(all, func(a, b deed) int { return b.At.Compare(a.At) })
	return all[:min(len(all), limit)], err
}

// preview is what a letter is about, and what can be done about it.
type preview struct {
	Concerns []struct{ Kind, ID string }
	Money    []struct {
		Currency   string
		MinorUnits int64
	}
	Later    int64
	Can      string
	Subjects []struct {
		Module, Kind, State string
		Currency            string
		Money               int64
	}
}

// letterPage is one letter, and what the operator was about to do with it.
type letterPage struct {
	Letter   letter
	Payload  string
	Preview  *preview
	Deeds    []deed
	Operator string
	Reason   string
	Trouble  string
	Done     string
}

// Worth are the amounts of money at stake.
func (p letterPage) Worth() []web.Money {
	var all []web.Money
	if p.Preview == nil {
		return nil
	}
	for _, m := range p.Preview.Money {
		all = append(all, web.Money{CurrencyCode: m.Currency, MinorUnits: m.MinorUnits})
	}
	for _, s := range p.Preview.Subjects {
		if len(all) == 0 && s.Currency != "" {
			all = append(all, web.Money{CurrencyCode: s.Currency, MinorUnits: s.Money})
		}
	}
	return all
}

// letter shows one dead letter, also one that was decided.
func (c *console) letter(w http.ResponseWriter, r *http.Request) {
	c.letterPage(w, r, http.StatusOK, letterPage{Done: r.URL.Query().Get("done")})
}

func (c *console) letterPage(w http.ResponseWriter, r *http.Request, status int, page letterPage) {
	id := chi.URLParam(r, "id")
	err := c.findLetter(r.Context(), id, &page)
	if err == nil {
		page.Deeds, err = c.deeds(r.Context(), page.Letter.Key, 20)
	}
	if err == nil && page.Letter.Closed == "" {
		page.Preview, err = c.previewOf(r.Context(), page.Letter)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page.Operator = c.operatorOf(r)
	if page.Payload == "" {
		page.Payload = indented(page.Letter.Payload)
	}
	c.show(w, r, web.Page{Status: status, Name: "letter", Title: "Dead letter " + web.Short(id), Data: page})
}

// findLetter asks one process after the other.
func (c *console) findLetter(ctx context.Context, id string, page *letterPage) error {
	var missing error
	for _, module := range c.mall.Modules(ctx) {
		err := c.mall.Get(ctx, module, "/deadletters/"+url.PathEscape(id), nil, &page.Letter)
		if err == nil {
			page.Letter.Module, _, _ = strings.Cut(page.Letter.Consumer, "_")
			return nil
		}
		if missing = err; !web.Refused(err, http.StatusNotFound) {
			return err
		}
	}
	return missing
}

// previewOf says what a letter is about, with what every module knows of it.
func (c *console) previewOf(ctx context.Context, l letter) (*preview, error) {
	var answer struct{ Previews []preview }
	query := url.Values{"id": {l.ID}, "module": {l.Module}}
	if err := c.mall.Get(ctx, l.Module, "/deadletters/preview", query, &answer); err != nil || len(answer.Previews) == 0 {
		return nil, err
	}
	p := &answer.Previews[0]
	p.Subjects = nil
	err := each(ctx, c, "/why", url.Values{"key": {l.Key}}, func(_ string, a struct{ Stories []preview }) {
		for _, s := range a.Stories {
			p.Subjects = append(p.Subjects, s.Subjects...)
		}
	})
	return p, err
}

// decide retries, edits or discards a letter. What is refused is shown with
// what was typed.
func (c *console) decide(w http.ResponseWriter, r *http.Request) {
	id, verb := chi.URLParam(r, "id"), chi.URLParam(r, "verb")
	page := letterPage{Reason: r.PostFormValue("reason")}
	var body map[string]any
	switch verb {
	case "retry":
	case "discard":
		body = map[string]any{"reason": page.Reason}
	case "edit":
		page.Payload = r.PostFormValue("data")
		if !json.Valid([]byte(page.Payload)) {
			page.Trouble = "The text is no JSON, so nothing was changed. Look for a missing comma, quote or brace."
			c.letterPage(w, r, http.StatusBadRequest, page)
			return
		}
		body = map[string]any{"reason": page.Reason, "data": json.RawMessage(page.Payload)}
	default:
		http.NotFound(w, r)
		return
	}
	c.rememberOperator(w, r)
	copied, err := c.act(r.Context(), id, verb, body)
	if err != nil {
		status := http.StatusBadGateway
		for _, s := range []int{400, 404, 409, 422, 503} {
			if web.Refused(err, s) {
				status = s
			}
		}
		page.Trouble = "Nothing was changed: " + err.Error()
		if verb == "retry" {
			page.Trouble = "It failed again, and stays: " + err.Error()
		}
		c.letterPage(w, r, status, page)
		return
	}
	next := "/console/letters?done=" + url.QueryEscape(verb+" of "+web.Short(id))
	if copied != "" {
		next = "/console/letters/" + copied + "?done=edit"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// act sends a verb to the process that has the letter.
func (c *console) act(ctx context.Context, id, verb string, body map[string]any) (copied string, err error) {
	var page letterPage
	if err := c.findLetter(ctx, id, &page); err != nil {
		return "", err
	}
	var answer struct{ Copy string }
	_, err = c.mall.Do(ctx, http.MethodPost, page.Letter.Module, "/deadletters/"+url.PathEscape(id)+"/"+verb, nil, body, &answer)
	return answer.Copy, err
}

// mostAtOnce bounds how many letters one press of a button retries.
const mostAtOnce = 100

// retrySome retries each of the letters that the form names.
func (c *console) retrySome(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	c.rememberOperator(w, r)
	ids := r.PostForm["id"]
	done, failed := 0, ""
	for _, id := range ids[:min(len(ids), mostAtOnce)] {
		if _, err := c.act(r.Context(), id, "retry", nil); err != nil {
			failed = web.Short(id) + ": " + err.Error()
			continue
		}
		done++
	}
	query := url.Values{}
	if done > 0 {
		query.Set("done", plural(done, "retry", "retries"))
	}
	if failed != "" {
		query.Set("failed", failed[:min(len(failed), 300)])
	}
	http.Redirect(w, r, "/console/letters?"+query.Encode(), http.StatusSeeOther)
}
