package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"mallbots/internal/host"
	"mallbots/internal/inbox"
)

// deadlettersPreviewCommand looks before anybody leaps. It asks every process it
// is told of, because the module that has the dead letter may not know what the
// order is worth.
type deadlettersPreviewCommand struct {
	Ops []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	chosenLetters
	JSON bool     `name:"json" help:"Print one JSON object."`
	IDs  []string `arg:"" optional:"" name:"id" help:"The dead letters' ids; none means those that the flags choose."`
}

// Help shows an example.
func (deadlettersPreviewCommand) Help() string {
	return `For example:

  $ mallbots deadletters preview --cause=rejected
  019a3d…  BasketCheckedOut, message 2 of 019a3c…, in ordering: rejected
    basket        019a3c…
    customer      019a3b…
    in baskets    basket is checked out, USD 21.98
    money         USD 21.98
    later         0 messages wait behind it
    can           retry when the cause is gone, edit and retry, or discard
  1 dead letters of 1 keys, USD 21.98, 0 later messages wait.`
}

// preview is what is known of one dead letter, everywhere.
type preview struct {
	Module string `json:"module"`
	inbox.Preview
	Subjects []host.Subject `json:"subjects"`
}

// Run prints what each is about, and the sum.
func (d *deadlettersPreviewCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(d.Ops)
	if err != nil {
		return err
	}
	query := d.query()
	query["id"] = d.IDs
	var previews []preview
	for _, p := range processes {
		var answer struct{ Previews []preview }
		if err := p.get(ctx, "/deadletters/preview", query, &answer); err != nil {
			return err
		}
		previews = append(previews, answer.Previews...)
	}
	for i := range previews {
		for _, p := range processes {
			stories, err := storiesOf(ctx, p, previews[i].Key)
			if err != nil {
				return err
			}
			for _, s := range stories.Stories {
				if s.Module != previews[i].Module {
					previews[i].Subjects = append(previews[i].Subjects, s.Subjects...)
				}
			}
		}
	}
	if d.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"previews": previews})
	}
	for _, p := range previews {
		p.print(c)
	}
	c.Printf("%s\n", sum(previews))
	return nil
}

func (p preview) print(c *Console) {
	c.Printf("%s  %s, message %d of %s, in %s: %s\n", p.Letter, lastWord(p.Type), p.Sequence, p.Key, p.Module, p.Cause)
	for _, concern := range p.Concerns {
		c.Printf("  %-14s%s\n", concern.Kind, concern.ID)
	}
	for _, s := range p.Subjects {
		c.Printf("  %-14s%s is %s%s\n", "in "+s.Module, s.Kind, s.State, worth(s))
	}
	if amount, ok := p.amount(); ok {
		c.Printf("  %-14s%s\n", "money", amount)
	}
	c.Printf("  %-14s%d messages wait behind it\n", "later", p.Later)
	c.Printf("  %-14s%s\n", "can", p.Can)
}

// amount is what the letter is worth: what its event says, or else what a module
// knows of its order or basket.
func (p preview) amount() (inbox.Amount, bool) {
	if len(p.Money) > 0 {
		return p.Money[0], true
	}
	for _, s := range p.Subjects {
		if s.Currency != "" {
			return inbox.Amount{Currency: s.Currency, MinorUnits: s.Money}, true
		}
	}
	return inbox.Amount{}, false
}

// worth is the money of a subject, in words.
func worth(s host.Subject) string {
	if s.Currency == "" {
		return ""
	}
	return ", " + inbox.Amount{Currency: s.Currency, MinorUnits: s.Money}.String()
}

// sum is all of them in one sentence. A key counts its money once.
func sum(previews []preview) string {
	keys := map[string]bool{}
	money := map[string]int64{}
	var later int64
	for _, p := range previews {
		later += p.Later
		if amount, ok := p.amount(); ok && !keys[p.Key] {
			money[amount.Currency] += amount.MinorUnits
		}
		keys[p.Key] = true
	}
	var amounts []string
	for _, currency := range slices.Sorted(maps.Keys(money)) {
		amounts = append(amounts, inbox.Amount{Currency: currency, MinorUnits: money[currency]}.String())
	}
	if len(amounts) == 0 {
		amounts = []string{"no money"}
	}
	return fmt.Sprintf("%d dead letters of %d keys, %s, %d later messages wait.", len(previews), len(keys), strings.Join(amounts, " and "), later)
}

// lastWord is the end of an event's full name.
func lastWord(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// told is what one process tells of a key.
type told struct {
	Stories []host.Story
	Broken  []host.Part
}

func storiesOf(ctx context.Context, p *operator, key string) (told, error) {
	var answer told
	err := p.get(ctx, "/why", url.Values{"key": {key}}, &answer)
	return answer, err
}
