package commandline

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"mallbots/internal/client"
)

// auditCommand checks the books of a mall, however many processes it is.
type auditCommand struct {
	Ops  []string      `default:"http://127.0.0.1:8081" env:"MALLBOTS_OPS_URL" help:"URLs of the ops listeners of all processes of the mall."`
	Wait time.Duration `default:"10s" help:"How long to wait at most until the mall is quiet."`
	JSON bool          `name:"json" help:"Print the result as one JSON object."`
}

// Verdict is the result of an audit.
type Verdict struct {
	OK          bool    `json:"ok"`
	Checks      []Check `json:"checks"`
	Behind      int64   `json:"behind"`      // what is still to be published, consumed or fired
	DeadLetters int64   `json:"deadLetters"` // messages that could not be handled
}

// Check is one thing that must hold.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// moduleReport is what a process says of one of its modules.
type moduleReport struct {
	Module      string                       `json:"module"`
	Checks      []Check                      `json:"checks"`
	Books       map[string]map[string]string `json:"books"`
	Behind      int64                        `json:"behind"`
	DeadLetters int64                        `json:"deadLetters"`
}

// Run prints the verdict, and fails when anything does not hold.
func (a *auditCommand) Run(ctx context.Context, c *Console) error {
	v, err := Audit(ctx, a.Ops, a.Wait)
	if err != nil {
		return err
	}
	if a.JSON {
		if err := json.NewEncoder(c.Out).Encode(v); err != nil {
			return err
		}
	} else {
		v.Print(c)
	}
	if !v.OK {
		return ErrSilent
	}
	return nil
}

// audit waits until all processes are quiet, for wait at most, and checks what
// each reports, and that modules which keep the same book agree.
func audit(ctx context.Context, processes []*operator, wait time.Duration) Verdict {
	v := Verdict{OK: true, Checks: []Check{}}
	deadline := time.Now().Add(wait)
	if err := quiet(ctx, processes, deadline); err != nil {
		v.add("every process answers", err.Error())
		return v
	}
	var reports []moduleReport
	for _, p := range processes {
		var answer struct {
			Modules []moduleReport `json:"modules"`
		}
		left := max(time.Until(deadline), 0).Round(time.Millisecond)
		if err := p.get(ctx, "/audit", url.Values{"wait": {left.String()}}, &answer); err != nil {
			v.add("audit of "+p.url, err.Error())
			continue
		}
		reports = append(reports, answer.Modules...)
	}
	if len(reports) == 0 {
		v.add("there are modules to audit", "none of the processes runs a module")
	}
	reports = merge(&v, reports)
	for _, r := range reports {
		v.Behind += r.Behind
		v.DeadLetters += r.DeadLetters
		for _, line := range r.Checks {
			v.Checks = append(v.Checks, line)
			v.OK = v.OK && line.OK
		}
	}
	compareBooks(&v, reports)
	return v
}

// Audit checks the books of the mall whose ops listeners are at urls, after it
// has waited until nothing is under way, for wait at most.
func Audit(ctx context.Context, urls []string, wait time.Duration) (Verdict, error) {
	processes, err := operators(urls)
	if err != nil {
		return Verdict{}, err
	}
	return audit(ctx, processes, wait), nil
}

// Quiet waits until nothing is under way in the processes whose ops listeners
// are at urls, until deadline at most.
func Quiet(ctx context.Context, urls []string, deadline time.Time) error {
	processes, err := operators(urls)
	if err != nil {
		return err
	}
	return quiet(ctx, processes, deadline)
}

// quiet waits until two rounds in a row find nothing to be done anywhere: what
// one process has sent after it was asked, another had when it was asked next.
func quiet(ctx context.Context, processes []*operator, deadline time.Time) error {
	for rounds := 0; rounds < 2; {
		var behind int64
		for _, p := range processes {
			var answer struct {
				Behind int64 `json:"behind"`
			}
			if err := p.get(ctx, "/quiet", nil, &answer); err != nil {
				return err
			}
			behind += answer.Behind
		}
		switch {
		case behind == 0:
			rounds++
		case time.Now().After(deadline):
			return nil // the reports say how far behind they are
		default:
			rounds = 0
			if err := client.Sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// add notes a check. It holds when there is no problem.
func (v *Verdict) add(name, problem string) {
	v.Checks = append(v.Checks, Check{Name: name, OK: problem == "", Detail: problem})
	v.OK = v.OK && problem == ""
}

// Print writes one line for each check, and the verdict in a sentence.
func (v *Verdict) Print(c *Console) {
	failed := 0
	for _, line := range v.Checks {
		mark := "ok  "
		if !line.OK {
			mark = "FAIL"
			failed++
		}
		c.Printf("%s  %s", mark, line.Name)
		if line.Detail != "" {
			c.Printf(": %s", line.Detail)
		}
		c.Printf("\n")
	}
	c.Printf("%s\n", v.sentence(failed))
}

func (v *Verdict) sentence(failed int) string {
	if v.OK {
		return fmt.Sprintf("The books are right: %d checks hold.", len(v.Checks))
	}
	return fmt.Sprintf("The books are NOT right: %d of %d checks fail, %d behind, %d dead letters.", failed, len(v.Checks), v.Behind, v.DeadLetters)
}
