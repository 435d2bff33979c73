package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"mallbots/internal/credential"
	"mallbots/internal/identity"
)

// keysCommand looks after the API keys.
type keysCommand struct {
	Create keysCreateCommand `cmd:"" help:"Make an API key, and print it once."`
	List   keysListCommand   `cmd:"" help:"List the API keys, the oldest first."`
	Revoke keysRevokeCommand `cmd:"" help:"End an API key for good."`
}

// atAllOps names every process that must know: those with databases of their own.
type atAllOps struct {
	Ops []string `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners; of all processes if they do not share the database of the keys."`
}

type keysCreateCommand struct {
	atAllOps
	asSomebody
	Name     string   `arg:"" help:"Who will use it, such as shop-frontend: small letters, digits, dots, dashes."`
	Role     []string `required:"" env:"-" enum:"customer,store_owner,depot_staff,mall_admin,service" help:"What it may do: ${enum}."`
	Customer string   `env:"-" help:"The id of the customer, for the role customer."`
	Store    []string `env:"-" help:"The ids of the stores, for the role store_owner."`
	Days     int      `env:"-" default:"90" help:"How long it lives, to 400."`
	JSON     bool     `name:"json" help:"Print one JSON object."`
}

// Help shows how a key is replaced.
func (keysCreateCommand) Help() string {
	return `The key is made here; the mall is told its hash, and keeps nothing else. Two keys of one
name may live at a time, so that a new one is in use before the old one ends. For example:

  $ mallbots keys create shop-frontend --role=service
  mbk_4f1c09d2a7be_Vv3Kq…
  $ mallbots keys list
  $ mallbots keys revoke 91c2d0aa41f7 --reason="replaced"`
}

// Run makes the key, and has every process keep its hash.
func (k *keysCreateCommand) Run(ctx context.Context, c *Console) error {
	text, key := credential.NewKey()
	key.Holder, key.Customer, key.Stores = k.Name, k.Customer, k.Store
	key.Expires = time.Now().UTC().AddDate(0, 0, k.Days).Truncate(time.Second)
	for _, role := range k.Role {
		key.Roles = append(key.Roles, identity.Role(role))
	}
	processes, err := k.all(k.Ops)
	if err != nil {
		return err
	}
	for _, p := range processes {
		var answer struct{}
		if err := p.post(ctx, "/keys", nil, key, &answer); err != nil {
			return err
		}
	}
	if k.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"id": key.ID, "key": text.Reveal(), "expires": key.Expires})
	}
	c.Printf("%s\n", text.Reveal())
	c.Note("This is the only time that it is shown. Its id is %s, and it expires on %s.", key.ID, key.Expires.Format(time.DateOnly))
	return nil
}

type keysListCommand struct {
	atAllOps
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run lists them, one a line.
func (k *keysListCommand) Run(ctx context.Context, c *Console) error {
	processes, err := operators(k.Ops)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	all := []credential.Key{}
	for _, p := range processes {
		var answer struct{ Keys []credential.Key }
		if err := p.get(ctx, "/keys", nil, &answer); err != nil {
			return err
		}
		for _, key := range answer.Keys {
			if !seen[key.ID] {
				seen[key.ID] = true
				all = append(all, key)
			}
		}
	}
	if k.JSON {
		return json.NewEncoder(c.Out).Encode(map[string]any{"keys": all})
	}
	for _, key := range all {
		c.Printf("%s  %-20s %v  %s  made %s by %s%s\n", key.ID, key.Holder, key.Roles, state(key), key.Created.Format(time.DateOnly), key.By, scope(key))
	}
	if len(all) == 0 {
		c.Printf("There are no API keys.\n")
	}
	return nil
}

func state(k credential.Key) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked " + k.Revoked.Format(time.DateOnly)
	case !k.Live(time.Now()):
		return "expired " + k.Expires.Format(time.DateOnly)
	}
	return "until " + k.Expires.Format(time.DateOnly)
}

func scope(k credential.Key) string {
	switch {
	case k.Customer != "":
		return ", for customer " + k.Customer
	case len(k.Stores) > 0:
		return fmt.Sprintf(", for stores %v", k.Stores)
	}
	return ""
}

type keysRevokeCommand struct {
	atAllOps
	asSomebody
	ID     string `arg:"" help:"The id, as mallbots keys list shows it."`
	Reason string `required:"" env:"-" help:"Why; it is recorded."`
}

// Run ends the key everywhere.
func (k *keysRevokeCommand) Run(ctx context.Context, c *Console) error {
	processes, err := k.all(k.Ops)
	if err != nil {
		return err
	}
	for _, p := range processes {
		var answer struct{}
		if err := p.post(ctx, "/keys/"+url.PathEscape(k.ID)+"/revoke", nil, map[string]string{"reason": k.Reason}, &answer); err != nil {
			return err
		}
	}
	c.Printf("%s is revoked. Other processes on the same database follow within 2 seconds.\n", k.ID)
	return nil
}
