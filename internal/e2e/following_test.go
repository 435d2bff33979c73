package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// pages follows a list from page to page: how many there are on each, and all of them by name.
func (s *story) pages(target, field string, size int) string {
	s.Helper()
	var sizes, ids []string
	token := ""
	for more := true; more; more = token != "" {
		var page map[string]json.RawMessage
		call := target
		if token != "" {
			call += "&pageToken=" + token
		}
		s.get(&page, "GET "+call)
		var things []struct{ ID string }
		require.NoError(s, json.Unmarshal(page[field], &things))
		require.LessOrEqual(s, len(things), size)
		require.NoError(s, json.Unmarshal(page["nextPageToken"], &token))
		sizes = append(sizes, fmt.Sprint(len(things)))
		for _, thing := range things {
			ids = append(ids, thing.ID)
		}
	}
	return strings.Join(sizes, "+") + ": " + strings.Join(ids, " ")
}

// watcher follows an order, and goes on wherever the mall answers when the line breaks.
type watcher struct {
	s      *story
	order  string
	last   string // the id of the last event
	stop   context.CancelFunc
	events chan [2]string // id, status; closed when the line breaks
}

// watch begins to follow an order after an event.
func (s *story) watch(name, last string) *watcher {
	return &watcher{s: s, order: s.expand(name), last: last}
}

// hangUp breaks the line.
func (w *watcher) hangUp() {
	if w.stop != nil {
		w.stop()
		for range w.events { // what was on its way
		}
		w.stop = nil
	}
}

// next is the next version of the order, and its status.
func (w *watcher) next() string {
	w.s.Helper()
	for deadline := time.After(patience); ; {
		if w.stop == nil && !w.dial() {
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-deadline:
				require.Fail(w.s, "nobody lets us watch")
			}
		}
		select {
		case e, ok := <-w.events:
			if !ok {
				w.hangUp()
				continue
			}
			w.last = e[0]
			return e[0] + " " + short(e[1])
		case <-deadline:
			require.Fail(w.s, "the watch told nothing", "after %s", w.last)
		}
	}
}

// dial opens a line, and says whether that worked.
func (w *watcher) dial() bool {
	ctx, stop := context.WithCancel(w.s.Context())
	target := "/api/ordering/" + w.order + "/watch"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.s.mall.base(target)+target, nil)
	require.NoError(w.s, err)
	req.Header.Set("Last-Event-ID", w.last)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		stop()
		if err == nil {
			_ = res.Body.Close()
		}
		return false
	}
	events := make(chan [2]string, 10)
	w.stop, w.events = stop, events
	go func() {
		defer close(events)
		defer func() { _ = res.Body.Close() }()
		id := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if value, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = value
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				var told struct{ Order order }
				if json.Unmarshal([]byte(data), &told) == nil {
					events <- [2]string{id, told.Order.Status}
				}
			}
		}
	}()
	return true
}
