package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mallbots/internal/host"
)

// lives collects the events of orders by the order's id, which is their key in
// every module: the basket's, the order's and the shopping list's.
type lives struct {
	mu    sync.Mutex
	byKey map[string][]host.Passing
}

// mostLives bounds what a long demo remembers.
const mostLives = 5000

func (l *lives) hear(p host.Passing) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byKey == nil {
		l.byKey = map[string][]host.Passing{}
	}
	if _, known := l.byKey[p.Key]; known || len(l.byKey) < mostLives {
		l.byKey[p.Key] = append(l.byKey[p.Key], p)
	}
}

// fullest is the longest life that ends with a completed order, or nil.
func (l *lives) fullest() []host.Passing {
	l.mu.Lock()
	defer l.mu.Unlock()
	var best []host.Passing
	for _, life := range l.byKey {
		done := slices.ContainsFunc(life, func(p host.Passing) bool { return strings.HasSuffix(p.Type, ".OrderCompleted") })
		begun := slices.ContainsFunc(life, func(p host.Passing) bool { return strings.HasSuffix(p.Type, ".BasketCheckedOut") })
		richer := len(life) > len(best) || (len(life) == len(best) && len(said(life)) > len(said(best)))
		if done && begun && richer {
			best = life
		}
	}
	slices.SortStableFunc(best, func(a, b host.Passing) int { return cmp.Compare(a.Time, b.Time) })
	return best
}

// said is all that the events of a life say.
func said(life []host.Passing) string {
	var all strings.Builder
	for _, p := range life {
		all.Write(p.Data)
	}
	return all.String()
}

// printLife prints one line for each event.
func printLife(c *console, life []host.Passing) {
	var from time.Time
	for _, p := range life {
		if strings.HasSuffix(p.Type, ".BasketCheckedOut") {
			from = moment(p)
		}
	}
	for _, p := range life {
		words := strings.Split(p.Type, ".") // mallbots.baskets.v1.BasketCheckedOut
		at := float64(moment(p).Sub(from).Microseconds()) / 1000
		c.Printf("%9.1f  %-9s%-22s %s\n", at, words[1], words[len(words)-1], gist(p.Data))
	}
}

func moment(p host.Passing) time.Time {
	at, err := time.Parse(time.RFC3339Nano, p.Time)
	if err != nil {
		return time.Time{} // an envelope without a time is refused long before
	}
	return at
}

// gist is what an event says beside whose it is, in short.
func gist(data json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(data, &fields) != nil {
		return ""
	}
	delete(fields, "basketId")
	delete(fields, "orderId")
	var words []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		words = append(words, name+": "+short(fields[name]))
	}
	return strings.Join(words, ", ")
}

// short is a value in a few characters: an id by its end, a list by its
// length, money as an amount.
func short(value any) string {
	switch v := value.(type) {
	case []any:
		return fmt.Sprint(len(v))
	case map[string]any:
		units, err := strconv.ParseInt(fmt.Sprint(v["minorUnits"]), 10, 64)
		if err == nil {
			return money{CurrencyCode: fmt.Sprint(v["currencyCode"]), MinorUnits: units}.String()
		}
	case string:
		if len(v) > 24 {
			return "…" + v[len(v)-8:]
		}
	}
	return fmt.Sprint(value)
}
