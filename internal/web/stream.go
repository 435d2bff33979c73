package web

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// frameTime is how long a browser may take to accept one event.
const frameTime = 30 * time.Second

// Live is a stream of server-sent events to a browser.
type Live struct {
	w   http.ResponseWriter
	out *http.ResponseController
}

// NewLive begins the stream.
func NewLive(w http.ResponseWriter) *Live {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	l := &Live{w, http.NewResponseController(w)}
	_ = l.out.SetReadDeadline(time.Time{}) // the server's is for requests, not for streams
	return l
}

// Send sends an event under a name, and reports whether the browser is still
// there.
func (l *Live) Send(name, data string) bool {
	var frame strings.Builder
	if name != "" {
		fmt.Fprintf(&frame, "event: %s\n", name)
	}
	for line := range strings.SplitSeq(data, "\n") {
		fmt.Fprintf(&frame, "data: %s\n", strings.TrimRight(line, "\r"))
	}
	frame.WriteByte('\n')
	_ = l.out.SetWriteDeadline(time.Now().Add(frameTime)) // where it can't be set, the server's holds
	if _, err := io.WriteString(l.w, frame.String()); err != nil {
		return false
	}
	return l.out.Flush() == nil
}

// Repeat sends what render makes, now and then every so often when it has
// changed, until the browser leaves or stop is closed. An error is shown in its
// place, by the template's rules harmless, and the stream goes on.
func Repeat(w http.ResponseWriter, r *http.Request, stop <-chan struct{}, every time.Duration, render func(ctx context.Context) (string, error)) {
	live := NewLive(w)
	tick := time.NewTicker(every)
	defer tick.Stop()
	last, quiet := "", 0
	for {
		text, err := render(r.Context())
		switch {
		case r.Context().Err() != nil:
			return
		case err == nil && text == last:
			if quiet++; quiet%10 == 0 && !live.Send("still-here", "") {
				return
			}
		case err == nil:
			last, quiet = text, 0
			if !live.Send("", text) {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// Events gives the data of each event of a stream to do, until the stream or
// do ends.
func Events(stream io.Reader, do func(data []byte) bool) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if data, is := strings.CutPrefix(lines.Text(), "data: "); is && !do([]byte(data)) {
			return nil
		}
	}
	return lines.Err()
}
