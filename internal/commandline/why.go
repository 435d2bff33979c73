package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"mallbots/internal/host"
)

// whyCommand joins what each process knows of one id.
type whyCommand struct {
	Ops   []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	About string   `arg:"" help:"What to tell of, such as order/0198…, basket/…, product/… or the bare id."`
	JSON  bool     `name:"json" help:"Print one JSON object."`
}

// Help shows an example.
func (whyCommand) Help() string {
	return `An order that depot refused to hear of, for example:

  $ mallbots why order/019a3c…
  order 019a3c… is PENDING since 10:14:02 (3m12s), USD 21.98, in ordering
  10:14:01.118  baskets   basket 3: CheckedOut by anonymous
  10:14:01.131  baskets   published BasketCheckedOut, its message 2
  10:14:01.140  ordering  order 1: Placed by ordering
  10:14:01.152  ordering  published OrderCreated, its message 1
  It waits
    in depot, since 10:14:01, for an operator: OrderCreated, message 1, is a dead letter (rejected: …)
      mallbots deadletters retry 019a3d…
    in ordering, since 10:14:02, for the depot to reserve its goods, until 10:24:01`
}

// Run tells the story.
func (w *whyCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(w.Ops)
	if err != nil {
		return err
	}
	key := w.About[strings.LastIndexByte(w.About, '/')+1:]
	t, err := storiesFrom(ctx, processes, key)
	if err != nil {
		return err
	}
	if w.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"stories": t.Stories, "broken": t.Broken, "waits": t.waits()})
	}
	if !t.known() {
		return fmt.Errorf("no module of these processes knows %q; name every process with --ops", key)
	}
	t.print(c, time.Now())
	return nil
}

// storiesFrom asks every process for what it knows of a key.
func storiesFrom(ctx context.Context, processes []*operator, key string) (told, error) {
	var all told
	for _, p := range processes {
		t, err := storiesOf(ctx, p, key)
		if err != nil {
			return all, err
		}
		all.Stories = append(all.Stories, t.Stories...)
		all.Broken = append(all.Broken, t.Broken...)
	}
	return all, nil
}

// known says whether anybody has ever heard of the key.
func (t told) known() bool {
	return slices.ContainsFunc(t.Stories, func(s host.Story) bool {
		return len(s.Subjects)+len(s.Steps)+len(s.Waits) > 0
	})
}

// wait is a wait, and where.
type wait struct {
	Module string `json:"module"`
	host.Wait
	Until time.Time `json:"until,omitzero"`
}

// waits are what the key waits for: first what is in the way, then what has not
// been heard yet, then what should come by itself.
func (t told) waits() (all []wait) {
	published := map[string]host.Story{}
	for _, s := range t.Stories {
		published[s.Module] = s
		for _, w := range s.Waits {
			all = append(all, wait{Module: s.Module, Wait: w})
		}
	}
	for _, s := range t.Stories {
		for _, g := range s.Gates {
			source, here := published[g.Source]
			if here && g.Sequence < source.Published && g.State == "open" && late(source) {
				all = append(all, wait{Module: s.Module, Wait: host.Wait{
					Since: source.Last, For: fmt.Sprintf("its consumer to hear messages %d to %d of %s", g.Sequence+1, source.Published, g.Source), Command: "mallbots healthcheck",
				}})
			}
		}
	}
	for _, p := range t.Broken {
		if len(all) > 0 || t.unfinished() {
			all = append(all, wait{Module: p.Name, Wait: host.Wait{For: "the process to get well: " + p.Detail, Command: "mallbots healthcheck"}})
		}
	}
	for _, s := range t.Stories {
		for _, subject := range s.Subjects {
			if subject.WaitsFor != "" {
				all = append(all, wait{Module: s.Module, Wait: host.Wait{Since: subject.Since, For: subject.WaitsFor, Command: subject.Command}, Until: subject.Until})
			}
		}
	}
	return all
}

// late says whether what a module has published should have been heard by now.
func late(source host.Story) bool {
	return source.Last.IsZero() || time.Since(source.Last) > time.Second
}

func (t told) unfinished() bool {
	return slices.ContainsFunc(t.Stories, func(s host.Story) bool {
		return slices.ContainsFunc(s.Subjects, func(subject host.Subject) bool { return subject.WaitsFor != "" })
	})
}

func (t told) print(c *Console, now time.Time) {
	type line struct {
		host.Step
		module string
	}
	var lines []line
	for _, s := range t.Stories {
		for _, subject := range s.Subjects {
			c.Printf("%s %s is %s%s%s, in %s\n", subject.Kind, subject.ID, subject.State, since(subject.Since, now), worth(subject), s.Module)
		}
		for _, step := range s.Steps {
			lines = append(lines, line{step, s.Module})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.At.Compare(b.At) })
	for _, l := range lines {
		c.Printf("%s  %-9s %s\n", clock(l.At, now, "15:04:05.000"), l.module, l.What)
	}
	waits := t.waits()
	if len(waits) == 0 {
		c.Printf("It waits for nothing.\n")
		return
	}
	c.Printf("It waits\n")
	for _, w := range waits {
		c.Printf("  %s\n", w.sentence(now))
		if w.Command != "" {
			c.Printf("    %s\n", w.Command)
		}
	}
}

// sentence is a wait in words.
func (w wait) sentence(now time.Time) string {
	text := "in " + w.Module
	if !w.Since.IsZero() {
		text += ", since " + clock(w.Since, now, "15:04:05")
	}
	text += ", for " + w.For
	if !w.Until.IsZero() {
		text += ", until " + clock(w.Until, now, "15:04:05")
	}
	return text
}

// since says since when, and how long that is.
func since(at, now time.Time) string {
	if at.IsZero() {
		return ""
	}
	return fmt.Sprintf(" since %s (%s)", clock(at, now, "15:04:05"), now.Sub(at).Round(time.Second))
}

// clock is a time of this day, or with its date.
func clock(at, now time.Time, layout string) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() != now.YearDay() || at.Year() != now.Year() {
		layout = "2006-01-02 " + layout
	}
	return at.Format(layout)
}
