package broker

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzOpen reads anything as the headers of a message: it is refused, or sound
// and the same when it is written and read again.
func FuzzOpen(f *testing.F) {
	sound := Envelope{
		ID: "019a", Source: "stores", Type: "mallbots.stores.v1.StoreCreated", Key: "ä 1%", Time: time.Unix(1, 2), Sequence: 7,
		CorrelationID: "c", CausationID: "r", Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Snapshot: true,
	}
	add := func(e Envelope, change func(h Header)) {
		h, lines := e.Headers(), []string{}
		change(h)
		for name, value := range h {
			lines = append(lines, name+": "+value)
		}
		f.Add(e.Subject(), e.ID, strings.Join(lines, "\n"))
	}
	add(sound, func(Header) {})
	for name := range sound.Headers() { // each one missing, cut, and too much
		add(sound, func(h Header) { delete(h, name) })
		add(sound, func(h Header) { h[name] = h[name][:len(h[name])-1] })
		add(sound, func(h Header) { h[name] += "%" })
		add(sound, func(h Header) { h[name] = strings.Repeat("9", 600) })
	}
	f.Fuzz(func(t *testing.T, subject, id, headers string) {
		m := Message{Subject: subject, ID: id, Header: Header{}}
		for line := range strings.SplitSeq(headers, "\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				m.Header[name] = value
			}
		}
		e, err := m.Open()
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.NoError(t, e.Validate())
		again, err := Message{Subject: e.Subject(), ID: e.ID, Header: e.Headers()}.Open()
		require.NoError(t, err)
		require.Equal(t, e, again)
	})
}
